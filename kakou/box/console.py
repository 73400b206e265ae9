"""The process of the command screen and the phone page: `kakou console`, and a child of `kakou demo --serve`."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import typer
import uvicorn

from alerts.log_tail import say_lost_tail
from alerts.stream import connect
from console.lists.keeper_office import KeeperOffice
from console.parts import Console, build_console
from console.settings import ConsoleSettings
from console.types import ConsoleError
from console.web.app import create_app
from kakou.box.listening import check_address, listening
from kakou.box.orders import Order, run_by_order
from kakou.box.server import Server
from kakou.exit_codes import ExitCode
from kakou.process import answer_beside_work, keep_private
from kakou.settings import Settings
from kakou.sunset.state import load_state
from kakou.watch.centre import watched_centre
from kakou.watch.telling import told_console
from kakou.wiring.clock import trusted_clock
from kakou.wiring.groups import group_voices
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper

_STOP_WITHIN_S = 3


def serve_by_order(order: Order) -> int:
    serve(order.settings, threading.Event())
    return ExitCode.OK


def serve(settings: Settings, stop: threading.Event) -> None:
    """Serve until a signal comes or `stop` is set. Raises SettingsError, RedisUnavailableError."""
    check_console(settings.console)
    with (
        open_redis(settings) as url,
        _built(settings, url) as built,
        watched_centre(settings, url),
        told_console(settings, built),
        listening("console", settings.console) as at,
    ):
        address = settings.console.public_url.rstrip("/") or at.address
        typer.echo(f"控制台地址  {address}")
        if token := built.accounts.first_link(built.now()):
            typer.echo(f"首次设置链接（只能用一次）  {address}/setup/{token}")
        answer_beside_work()
        Server(_server_config(built, settings.console), built.hub, stop).run(sockets=[at.socket])


def check_console(settings: ConsoleSettings) -> None:
    """Refuse to send passwords in the clear. Raises SettingsError."""
    otherwise = "在前面有代理提供 TLS 时设 behind_tls_proxy = true"
    check_address("console", settings, is_protected=settings.behind_tls_proxy, otherwise=otherwise)


@contextlib.contextmanager
def _built(settings: Settings, url: str) -> Iterator[Console]:
    voices = group_voices(settings, lambda: datetime.now(UTC))
    client = connect(url)
    office = KeeperOffice(lambda: open_keeper(settings, url), settings.risk.feed)
    keep_private(settings.state_dir)
    say_lost_tail(settings.state_dir / "console.sqlite", "请核对最近的处置，并执行 kakou audit verify")
    try:
        built = build_console(
            settings.console,
            settings.state_dir,
            client,
            office,
            lambda: datetime.now(UTC),
            clock=trusted_clock(settings),
            voices=voices,
        )
        built = dataclasses.replace(built, days_left=lambda: _days_left(settings))
    except ConsoleError:
        client.close()
        raise
    try:
        yield built
    finally:
        built.database.close()
        client.close()
        for voice in voices.values():
            voice.close()


def _days_left(settings: Settings) -> int | None:
    state = load_state(settings.state_dir)
    return state.days_left(datetime.now(UTC)) if state else None


def _server_config(built: Console, settings: ConsoleSettings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(built),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
    )


if __name__ == "__main__":
    run_by_order(serve_by_order)
