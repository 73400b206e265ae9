"""`kakou deliver`: moves flagged events from the box into the stream and from there to every channel."""

import contextlib
import fcntl
import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import redis
import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from alerts.channels.lane import LaneSettings
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.delivery.delivery import Delivery, unknown_channels
from alerts.entries import moment_of
from alerts.stream import FlaggedStream, StreamError
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import keep_private, stop_on_signals
from kakou.settings import Settings, load_settings
from kakou.state_format import require_known_format
from kakou.sunset.guard import until_sunset
from kakou.terminal import stderr, stdout
from kakou.watch.telling import told_delivery
from kakou.wiring.clock import deletable_at, trusted_clock
from kakou.wiring.outbox import open_outbox
from kakou.wiring.stream import open_stream
from riskdb.own_file import open_lock

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the channel.", metavar="CHANNEL")]


@app.callback(invoke_without_command=True)
def deliver(context: typer.Context, config: ConfigOption = None) -> None:
    """Relay flagged events and deliver them to the channels of kakou.toml, until stopped.

    Nothing is lost while Redis, a receiver or this command is down: it goes on where it was.

    Examples:

    - `kakou deliver`
    - `kakou deliver status`
    - `kakou deliver enable platform`
    """
    if context.invoked_subcommand is not None:
        return
    _log_to_stderr()
    stop = stop_on_signals()
    require_known_format(load_settings(config).state_dir)
    with (
        until_sunset(load_settings(config), stop),
        _opened(config) as (settings, client),
        _one_deliverer(settings.state_dir),
        open_outbox(settings) as outbox,
    ):
        # The stream's thread looks every minute and keeps the mark of what time is known; the outbox's only reads it.
        clocks = (trusted_clock(settings), trusted_clock(settings, is_keeping=False))
        trim_by, forget_by = map(deletable_at, clocks)
        delivery = Delivery(settings.alerts, client, outbox, _utc_now, trim_by=trim_by, forget_by=forget_by)
        _warn_of_unknown(client, settings)
        with told_delivery(settings, delivery):
            delivery.run(stop)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show each channel's queue. Exit code 1 when a channel is off or dead letters wait, the console's too.

    Example: `kakou deliver status --json`
    """
    with _opened(config) as (settings, client):
        states = channel_states(client, _stream_channels(settings))
        dead_letters = FlaggedStream(client).dead_count()
    if as_json:
        for state in states:
            put_json(asdict(state))
    elif states:
        stdout().print(_table(states))
    if dead_letters:
        _messages().print(f"{dead_letters} 条死信待处理：kakou events dead 查看原因 ({dead_letters} dead letters)")
    if dead_letters or any(state.disabled for state in states):
        raise typer.Exit(ExitCode.FINDINGS)


@app.command()
def enable(name: NameArgument, config: ConfigOption = None) -> None:
    """Switch a channel on again after its receiver said 410.

    What was given up meanwhile stays in the dead letters: `kakou events retry --all` sends it.
    """
    with _opened(config) as (_, client):
        ChannelQueue(client, name, "command-line").enable()


@app.command()
def forget(name: NameArgument, config: ConfigOption = None) -> None:
    """Delete the queue of a channel that is no longer in kakou.toml; what it had not delivered is dropped."""
    with _opened(config) as (settings, client):
        if name in _stream_channels(settings):
            _messages().print(f"{name} 还在 kakou.toml 中，先删除那里的设置 (still in kakou.toml)")
            raise typer.Exit(ExitCode.USAGE)
        ChannelQueue(client, name, "command-line").forget()


def _stream_channels(settings: Settings) -> list[str]:
    return [channel.name for channel in settings.alerts.channels if not isinstance(channel, LaneSettings)]


@contextlib.contextmanager
def _opened(config: Path | None) -> "Iterator[tuple[Settings, redis.Redis]]":
    settings = load_settings(config)
    with open_stream(settings) as client:
        yield settings, client


@contextlib.contextmanager
def _one_deliverer(state_dir: Path) -> Iterator[None]:
    """Hold the lock that keeps a second deliverer of this box from taking this one's events for its own."""
    keep_private(state_dir)
    with open_lock(state_dir / "deliver.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _messages().print(f"{state_dir} 已有 kakou deliver 在运行 (another one is running here)")
            raise typer.Exit(ExitCode.UNAVAILABLE) from None
        yield


def _warn_of_unknown(client: "redis.Redis", settings: Settings) -> None:
    with contextlib.suppress(StreamError):  # Redis may be down now; delivery waits for it.
        for name in unknown_channels(FlaggedStream(client), settings.alerts):
            _messages().print(
                f"通道 {name} 不在本机的 kakou.toml 中，但其队列仍占用事件流；若其他机器也不再使用它，"
                f"运行 `kakou deliver forget {name}`（未送达的预警将丢弃）"
            )


def _table(states: list[ChannelState]) -> Table:
    table = Table("通道", "等待", "重试中", "已送达", "失败次数", "死信", "最近成功", "最近错误", title="投递通道")
    for state in states:
        error = f"已停用：{state.disabled}" if state.disabled else state.last_error
        numbers = (state.waiting, state.retrying, state.delivered, state.failed, state.dead)
        table.add_row(state.name, *map(str, numbers), _moment(state.last_success_ms), error)
    return table


def _moment(unix_ms: int | None) -> str:
    return moment_of(str(unix_ms)).astimezone().strftime("%m-%d %H:%M:%S") if unix_ms else "-"


def _log_to_stderr() -> None:
    handler = RichHandler(console=_messages(), show_path=False)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _messages() -> Console:
    return stderr()
