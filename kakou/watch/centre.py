"""What a centre looks at: the boxes, the list, the channels, itself. One process of the centre does it at a time."""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import redis
from cryptography import x509

from alerts.canary_marks import CanaryMarks
from alerts.channels.lane import LaneSettings
from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import Amiss, NoticeKeeper, notices_path
from alerts.outbox import Outbox
from alerts.stream import FlaggedStream, connect
from kakou.process import beside
from kakou.settings import Settings
from kakou.utc import utc_now
from kakou.watch.canary_look import NOTICES, ArrivedCanaryLook
from kakou.watch.checks import Check, ListLook, common_checks
from kakou.watch.identity import centre_origin
from kakou.watch.watch import VERSION, NoticeWatch
from kakou.wiring.clock import trusted_clock
from kakou.wiring.matching import key_path, open_hot_set
from kakou.wiring.outbox import open_outbox
from riskdb.own_file import OddFileError, open_lock, open_plain

PATIENCE_S = 2.0
TRY_LOCK_S = 5.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class BoxLook:
    """Looks at what the boxes say: silence, and another version."""

    board: NoticeBoard
    silent_s: float
    places: frozenset[str]
    """Checkpoints of the settings: a box of theirs stays lost until it is heard again."""
    clock: Callable[[], float] = time.monotonic
    _heard: dict[str, tuple[NoticeReport, float]] = field(default_factory=dict)

    NOTICES = ("box_lost", "version_skew")

    def look(self) -> Iterator[Amiss]:
        now = self.clock()
        reports = {one.origin: one for one in self.board.reports() if one.is_box}
        for origin, report in reports.items():
            known = self._heard.get(origin)
            if known is None or known[0].reported_at != report.reported_at:
                self._heard[origin] = (report, now)
        for origin, (report, heard_at) in list(self._heard.items()):
            if origin not in reports and report.place not in self.places:
                del self._heard[origin]  # taken away for good
                continue
            name = origin.removeprefix("box:")
            if now - heard_at > self.silent_s:
                yield Amiss("box_lost", name, checkpoint=report.place)
            elif report.version != VERSION:
                yield Amiss("version_skew", name, f"卡口 {report.version}，中心 {VERSION}", report.place)


def channel_names(settings: Settings) -> tuple[str, ...]:
    """Return the channels that the stream feeds."""
    return tuple(one.name for one in settings.alerts.channels if not isinstance(one, LaneSettings))


def delivery_check(client: "redis.Redis", settings: Settings) -> Check:
    """Look at dead letters, at the channels, and at whether anybody delivers."""
    names = channel_names(settings)
    lock = settings.state_dir / "deliver.lock"

    def look() -> Iterator[Amiss]:
        if dead := FlaggedStream(client).dead_count():
            yield Amiss("dead_letters", detail=f"{dead} 条")
        states = {state.name: state for state in channel_states(client, list(names))}
        yield from (Amiss("channel_failing", name, fault) for name in names if (fault := fault_of(states[name])))
        if names and not is_held(lock):
            yield Amiss("deliver_stopped")

    return Check(("dead_letters", "channel_failing", "deliver_stopped"), look)


def fault_of(state: ChannelState) -> str:
    """Return what keeps a channel from delivering, in words; "" while it delivers."""
    if state.disabled:
        return f"已停用：{state.disabled}"
    has_failed = state.last_failure_ms is not None and state.last_failure_ms > (state.last_success_ms or 0)
    return state.last_error or "发送失败" if has_failed and state.retrying else ""


def is_held(lock: Path) -> bool:
    """Return whether a process holds a lock file; makes none."""
    try:
        with os.fdopen(open_plain(lock, os.O_RDONLY)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, OddFileError):
        return False
    except BlockingIOError:
        return True
    return False


def certificate_check(paths: list[Path], days: int, now: Callable[[], datetime]) -> Check:
    """Look at when certificates end."""

    def look() -> Iterator[Amiss]:
        for path in paths:
            left = certificate_days(path, now())
            if left < days:
                yield Amiss("certificate_ending", path.name, f"剩余 {max(left, 0)} 天" if left >= 0 else "已过期")

    return Check(("certificate_ending",), look)


def certificate_days(path: Path, now: datetime) -> int:
    """Return how many days the first certificate in a PEM file holds; below zero: it has ended. Raises ValueError."""
    return (x509.load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc - now).days


def centre_watch(settings: Settings, url: str, client: "redis.Redis", outbox: Outbox) -> NoticeWatch:
    """Return everything that a centre looks at."""
    board = NoticeBoard(client)
    place = settings.watch.centre_name
    keeper = NoticeKeeper(centre_origin(), place, outbox.append, notices_path(settings.state_dir, "centre"))
    places = frozenset(one.name for one in settings.console.checkpoint)
    certificates = [path for path in (settings.console.tls_certificate,) if path]
    checks = [
        Check(BoxLook.NOTICES, BoxLook(board, settings.console.stale_status_s, places).look),
        delivery_check(client, settings),
        Check(NOTICES, ArrivedCanaryLook(board, CanaryMarks(client), channel_names(settings)).look),
        certificate_check(certificates, settings.watch.certificate_days, utc_now),
        *common_checks(settings, outbox, trusted_clock(settings, is_keeping=False), utc_now),
    ]
    if key_path(settings).exists():  # else the list is another machine's: a look would make a key
        listed = ListLook(lambda: open_hot_set(settings, url), settings.console.stale_list_s)
        checks.append(Check(ListLook.NOTICES, listed.look))
    return NoticeWatch(keeper, checks, board, utc_now)


@contextlib.contextmanager
def watched_centre(settings: Settings, url: str) -> Iterator[None]:
    """Look in a thread while the context is open, as soon as no other process of this centre does."""
    if settings.alerts.stream_url is not None:  # a box: its own `kakou run` looks
        yield
        return
    with beside(lambda stop: _watch_until(settings, url, stop), "notices", join_s=10.0):
        yield


def _watch_until(settings: Settings, url: str, stop: threading.Event) -> None:
    with open_lock(settings.state_dir / "notices.lock") as lock:
        while not _took(lock.fileno()):
            if stop.wait(TRY_LOCK_S):
                return
        outbox = open_outbox(settings)
        with outbox, contextlib.closing(connect(url, timeout_s=PATIENCE_S)) as client:
            centre_watch(settings, url, client, outbox).run(stop, settings.watch.every_s)


def _took(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
