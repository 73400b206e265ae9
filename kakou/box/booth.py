"""The process of a box's booth page: listens to the cameras' processes, serves the tablets. A child of `kakou run`."""

import logging
import os
import socket
import threading
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from alerts.booth_link import BoothEar, OpenBooths
from alerts.notices.keeper import notices_path
from alerts.outbox import Outbox
from console.booth.app import Booth, create_booth_app
from console.booth.board import BoothBoard
from console.booth.devices import Devices
from console.booth.handling import Handling
from console.booth.notices import BoothNotices
from console.booth.pages import BoothPages
from console.booth.settings import BoothSettings
from kakou.box.certificate import Certificate, local_addresses, own_certificate
from kakou.box.orders import Order, run_by_order
from kakou.box.server import Server
from kakou.exit_codes import ExitCode
from kakou.process import keep_private, stop_on_signals
from kakou.settings import Settings, SettingsError
from kakou.wiring.matching import key_path
from kakou.wiring.outbox import open_outbox
from riskdb.digest import load_or_create_key
from riskdb.system_words import system_words

log = logging.getLogger(__name__)
_STOP_WITHIN_S = 3


def serve_by_order(order: Order) -> int:
    serve_booth(order.settings, stop_on_signals())
    return ExitCode.OK


def serve_booth(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set. Raises SettingsError, ConsoleError, OutboxError, OSError."""
    keep_private(settings.state_dir)
    with ExitStack() as stack:
        outbox = stack.enter_context(open_outbox(settings))
        devices = stack.enter_context(closing(open_devices(settings.state_dir)))
        ear = stack.enter_context(closing(BoothEar(settings.state_dir)))
        listener = stack.enter_context(_listening(settings.booth))
        booth = build_booth(settings, outbox, devices)
        certificate = certificate_of(settings)
        config = uvicorn.Config(
            create_booth_app(booth), ssl_certfile=certificate.certificate, ssl_keyfile=certificate.key,
            proxy_headers=False, server_header=False, access_log=False, log_config=None,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
        )  # fmt: skip
        hearing = threading.Thread(target=_hear_until, args=(stop, ear, booth.pages), name="booth-ear", daemon=True)
        hearing.start()
        log.info("卡口岗页面 %s  （配对平板：kakou booth pair）", address_of(settings.booth, listener.getsockname()[1]))
        Server(config, booth.pages, stop).run(sockets=[listener])
        stop.set()
        hearing.join()


def build_booth(settings: Settings, outbox: Outbox, devices: Devices) -> Booth:
    """Put the booth's parts together; what waited for a hand when the last process ended waits on."""
    board = BoothBoard(_now)
    notices = BoothNotices(notices_path(settings.state_dir, "box"), [camera_id for camera_id, _ in settings.cameras])
    pages = BoothPages(board, devices, OpenBooths(settings.state_dir), notices, _now)
    handling = Handling(outbox, settings.state_dir / "evidence", lambda: load_or_create_key(key_path(settings)))
    for passage, plate, vehicle in handling.left_open(_now()):
        board.put(passage, plate, vehicle)
    return Booth(devices, board, pages, handling, _now)


def open_devices(state_dir: Path) -> Devices:
    """Raises ConsoleError."""
    return Devices(state_dir / "booth.sqlite", _now)


def certificate_of(settings: Settings) -> Certificate:
    """Return the configured certificate, else the box's own. Raises SettingsError, OSError."""
    given, key = settings.booth.tls_certificate, settings.booth.tls_key
    if given is None or key is None:
        return own_certificate(settings.state_dir, _now())
    for path in (given, key):
        if not os.access(path, os.R_OK):
            raise SettingsError(f"[booth] {path} 读不了：核对路径，并让服务的用户可读 (cannot be read)")
    return Certificate(given, key)


def address_of(settings: BoothSettings, port: int | None = None) -> str:
    """Return where the tablets find the page."""
    own = settings.host if settings.host not in ("0.0.0.0", "::") else next(iter(local_addresses()), "localhost")
    return f"https://{settings.public_name or own}:{port or settings.port}"


def _listening(settings: BoothSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port or 0))
        listener.listen()
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"[booth] 无法在 {settings.host}:{settings.port} 监听（{system_words(error)}）："
            "换一个端口，或核对地址和权限"
        ) from error
    return listener


def _hear_until(stop: threading.Event, ear: BoothEar, pages: BoothPages) -> None:
    while not stop.is_set():
        try:
            word = ear.hear(0.5)
        except OSError as error:
            log.error("the booth cannot listen to the cameras, trying again: %s", error)
            stop.wait(1.0)
            continue
        if word is not None:
            pages.take(word)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    run_by_order(serve_by_order)
