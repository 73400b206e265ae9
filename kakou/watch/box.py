"""What a box looks at: its cameras, its list, its line to the centre."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import redis

from alerts.camera_quality import QUALITY_WORDS
from alerts.channels.lane import LaneSettings
from alerts.notices.board import NoticeBoard
from alerts.notices.keeper import Amiss, NoticeKeeper, notices_path
from alerts.outbox import Outbox
from alerts.stream import connect
from kakou.box.canary_result import read_result, result_path
from kakou.box.counts import counts_from_json, counts_path
from kakou.box.processes import canary, counted
from kakou.process import beside
from kakou.settings import Settings
from kakou.utc import utc_now
from kakou.watch.canary_look import NOTICES, SentCanaryLook
from kakou.watch.checks import Check, ListLook, common_checks
from kakou.watch.devices import NOTICES as DEVICE_NOTICES
from kakou.watch.devices import DeviceLook
from kakou.watch.identity import box_origin
from kakou.watch.watch import VERSION, NoticeWatch
from kakou.wiring.clock import trusted_clock
from kakou.wiring.matching import open_hot_set
from pipeline.sub_stream_state import SUB_STREAM_WORDS
from pipeline.types import ScreeningCounts
from riskdb.own_file import read_own_text

if TYPE_CHECKING:  # whoever has one has loaded the reader
    from kakou.wiring.box import Box

DIRTY = ("out_of_focus", "poor_reads")
TURNED = ("turned",)
PATIENCE_S = 2.0
STILL_S = 4.0
"""Twice what a camera's process takes between two counts: one that has not grown for so long stands still."""
CAMERA_NOTICES = (
    "camera_lost",
    "camera_blind",
    "camera_dirty",
    "camera_turned",
    "pictures_late",
    "camera_stopped",
    "sub_stream_no_help",
)


@dataclass(slots=True)
class CameraLook:
    """Looks at what the groups of cameras last said in the state folder: it does not matter who hangs."""

    settings: Settings
    stopped: Callable[[], Mapping[str, str]] = dict
    """Cameras that nobody screens any more, and why."""
    late_s: float = 3.0
    clock: Callable[[], float] = time.monotonic
    _came: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Camera -> its count of frames, and when that was found to have grown."""

    def look(self) -> Iterator[Amiss]:
        counts = counts_of(self.settings)
        stopped = self.stopped()
        for source in self.settings.sources:
            name, place = source.camera_id, source.checkpoint
            if (why := stopped.get(name)) is not None:
                yield Amiss("camera_stopped", name, why, place)
            elif source.is_live:
                yield from (Amiss(notice, name, said, place) for notice, said in self._faults(name, counts.get(name)))

    def _faults(self, name: str, counts: ScreeningCounts | None) -> Iterator[tuple[str, str]]:
        frames, came_at = self._came.get(name, (-1, 0.0))
        if counts is None or (frames == counts.frames and self.clock() - came_at >= STILL_S):
            yield "camera_lost", ""
            return
        if frames != counts.frames:
            self._came[name] = counts.frames, self.clock()
        if (quality := counts.camera_quality) != "good":
            notice = "camera_dirty" if quality in DIRTY else "camera_turned" if quality in TURNED else "camera_blind"
            yield notice, QUALITY_WORDS[quality]
        if counts.age_s > self.late_s:
            yield "pictures_late", "晚 3 秒以上"
        if counts.sub_stream not in (None, "there"):
            yield "sub_stream_no_help", SUB_STREAM_WORDS[counts.sub_stream]


def counts_of(settings: Settings) -> dict[str, ScreeningCounts]:
    """Return what each camera's process last wrote; what cannot be read is left out."""
    counts: dict[str, ScreeningCounts] = {}
    for group in counted(settings):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            text = read_own_text(counts_path(settings.state_dir, group))
            counts |= counts_from_json(text)
    return counts


def line_check(url: str, board: NoticeBoard, apart_s: float, wall: Callable[[], float] = time.time) -> Check:
    """Look at the centre from a box: is it there, what time is it there, which version runs there."""
    client = redis.Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)

    def look() -> Iterator[Amiss]:
        try:
            seconds, microseconds = client.time()
            reports = board.reports()
        except redis.RedisError:
            yield Amiss("stream_away")
            return
        apart = wall() - seconds - microseconds / 1e6
        if abs(apart) > apart_s:
            yield Amiss("clock_apart", detail=f"本机{'快' if apart > 0 else '慢'} {apart_words(abs(apart))}")
        others = sorted({one.version for one in reports if not one.is_box} - {VERSION})
        if others:
            yield Amiss("version_skew", detail=f"本机 {VERSION}，中心 {'、'.join(others)}")

    return Check(("stream_away", "clock_apart", "version_skew"), look)


def apart_words(seconds: float) -> str:
    """Return a difference coarsely: what changes with every look would be news with every look."""
    if seconds < 60:
        return "不到 1 分钟"
    return f"约 {seconds / 60:.0f} 分钟" if seconds < 7200 else f"约 {seconds / 3600:.0f} 小时"


def box_watch(box: "Box", outbox: Outbox, board: NoticeBoard, stopped: Callable[[], Mapping[str, str]]) -> NoticeWatch:
    """Return everything that a box looks at."""
    settings = box.settings
    place = settings.cameras[0][1]
    keeper = NoticeKeeper(box_origin(), place, outbox.append, notices_path(settings.state_dir, "box"))
    listed = ListLook(lambda: open_hot_set(settings, box.redis_url), settings.console.stale_list_s)
    checks = [
        Check(CAMERA_NOTICES, CameraLook(settings, stopped).look),
        Check(DEVICE_NOTICES, DeviceLook(settings, utc_now).look),
        Check(ListLook.NOTICES, listed.look),
        *common_checks(settings, outbox, trusted_clock(settings, is_keeping=False), utc_now),
    ]
    if settings.alerts.stream_url:
        checks.append(line_check(settings.alerts.stream_url, board, settings.watch.clock_apart_s))
    every_s = settings.watch.canary_minutes * 60.0 if canary(settings) else 0.0
    if every_s:
        lanes = tuple(one.name for one in settings.alerts.channels if isinstance(one, LaneSettings))
        path = result_path(settings.state_dir)
        sent = SentCanaryLook(lambda: read_result(path), outbox, every_s, lanes)
        checks.append(Check(NOTICES, sent.look))
    return NoticeWatch(keeper, checks, board, utc_now, every_s)


@contextlib.contextmanager
def watched_box(box: "Box", stopped: Callable[[], Mapping[str, str]]) -> Iterator[NoticeWatch]:
    """Look in a thread while the context is open."""
    with box.outbox() as outbox, contextlib.closing(connect(box.stream_url, timeout_s=PATIENCE_S)) as client:
        watch = box_watch(box, outbox, NoticeBoard(client), stopped)
        with beside(lambda stop: watch.run(stop, box.settings.watch.every_s), "notices"):
            yield watch
