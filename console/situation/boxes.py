"""The health of every checkpoint, for the tiles at the top of the screen. A tile is never a blank green."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import redis
from pydantic import BaseModel, ConfigDict

from alerts.box_status import BoxStatus, StatusBoard
from alerts.camera_quality import QUALITY_WORDS
from console.settings import ConsoleSettings
from riskdb.types import BEIJING

Health = Literal["ok", "warn", "bad"]
_WORST: tuple[Health, ...] = ("bad", "warn", "ok")
_MIN_FPS = 1.0
_MAX_FRAME_AGE_S = 3.0
_MAX_CLOCK_OFFSET_S = 5.0
_MAX_QUEUE = 100
_BUSY_S = 3600.0
_REFUSED_SHOWN_S = 3600.0
_DAY_FROM, _DAY_TO = 7, 19
"""Hours in which a road that others use is not expected to be empty."""


class Tile(BaseModel):
    """One camera of one checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    camera_id: str
    health: Health
    problems: tuple[str, ...]
    """In words, the worst first; empty only when all is well."""
    fps: float | None
    last_read_s: float | None
    list_version: int | None
    list_age_s: float | None
    unchecked: int | None
    queue: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A box's latest report, and when it came by the console's clock."""

    status: BoxStatus
    at: datetime
    clock_offset_s: float | None = None
    """Box clock minus console clock; None while only one report is known, which may be an old one."""


class BoxWatch:
    """Remembers what each box said last, so that a tile turns red and does not vanish when nothing is heard."""

    def __init__(self, board: StatusBoard, settings: ConsoleSettings, now: Callable[[], datetime]) -> None:
        self._board = board
        self._settings = settings
        self._now = now
        self._last: dict[str, Heard] = {}

    def refresh(self) -> list[BoxStatus]:
        """Ask the boxes' reports; returns the new ones, none where Redis cannot be reached."""
        try:
            statuses = self._board.statuses()
        except redis.RedisError:
            return []
        now = self._now()
        self._last |= {status.camera_id: _heard(status, self._last.get(status.camera_id), now) for status in statuses}
        return statuses

    def tiles(self, now: datetime) -> list[Tile]:
        return tiles(tuple(self._last.values()), self._settings, now)


def tiles(reports: Sequence[Heard], settings: ConsoleSettings, now: datetime) -> list[Tile]:
    """Return one tile per camera, and one in red per configured checkpoint that was never heard of; the worst first."""
    heard = {report.status.checkpoint for report in reports}
    silent = [place.name for place in settings.checkpoint if place.name not in heard]
    plateless = _plateless(reports, settings.plateless_hours, now)
    found = [_tile(report, settings, now, plateless) for report in reports] + [_silent_tile(name) for name in silent]
    return sorted(found, key=lambda tile: (_WORST.index(tile.health), tile.checkpoint, tile.camera_id))


def _heard(status: BoxStatus, before: Heard | None, now: datetime) -> Heard:
    """A new report came just now, whatever the box's clock says; the first one known may have lain there for hours."""
    if before is None:
        return Heard(status, min(now, status.reported_at))
    if status.reported_at == before.status.reported_at:
        return before
    return Heard(status, now, (status.reported_at - now).total_seconds())


def _plateless(reports: Sequence[Heard], hours: float, now: datetime) -> dict[str, float]:
    """Return since how many seconds a camera has seen no plate, where it is long by day and another one sees some."""
    local = now.astimezone(BEIJING)
    is_by_day = _DAY_FROM <= (local - timedelta(hours=hours)).hour < local.hour < _DAY_TO
    idle = {report.status.camera_id: _idle_s(report.status) for report in reports}
    if not is_by_day or not any(report.status.last_read_at and _idle_s(report.status) < _BUSY_S for report in reports):
        return {}
    return {camera_id: idle_s for camera_id, idle_s in idle.items() if idle_s > hours * 3600}


def _idle_s(status: BoxStatus) -> float:
    since = status.last_read_at or status.watched_since or status.reported_at
    return (status.reported_at - since).total_seconds()


def _tile(heard: Heard, settings: ConsoleSettings, now: datetime, plateless: dict[str, float]) -> Tile:
    status = heard.status
    bad, warn = list(_faults(heard, settings, now)), list(_warnings(heard))
    if (idle_s := plateless.get(status.camera_id)) is not None:
        warn.append(f"{_spoken(idle_s)}无车牌")
    age = (status.reported_at - status.last_read_at + (now - heard.at)).total_seconds() if status.last_read_at else None
    return Tile(
        checkpoint=status.checkpoint, camera_id=status.camera_id, health="bad" if bad else "warn" if warn else "ok",
        problems=(*bad, *warn), fps=None if status.device else status.fps, last_read_s=age,
        list_version=status.list_version, list_age_s=status.list_age_s, unchecked=status.unchecked_waiting,
        queue=status.outbox_pending,
    )  # fmt: skip


def _faults(heard: Heard, settings: ConsoleSettings, now: datetime) -> list[str]:
    status = heard.status
    if status.stopped is not None:
        return [f"已停止，修复后须重新启动：{status.stopped}"]
    silent_s = (now - heard.at).total_seconds()
    faults = [
        (silent_s > settings.stale_status_s, f"失联 {_spoken(silent_s)}"),
        (status.device is None and status.fps < _MIN_FPS, "摄像机无画面"),
        (status.device is not None and status.device.last_message_at is None, "从未上报"),
        (status.camera_quality != "good", QUALITY_WORDS[status.camera_quality]),
        (not status.redis_ok, "名单服务不可用"),
        (status.list_version is None and status.redis_ok, "名单无效或没有名单"),
        ((status.list_age_s or 0) > settings.stale_list_s, f"名单过旧 {_spoken(status.list_age_s or 0)}"),
    ]
    return [words for is_so, words in faults if is_so] + list(status.losses)


def _warnings(heard: Heard) -> list[str]:
    status = heard.status
    offset, box_offset = status.clock_offset_s or 0.0, heard.clock_offset_s or 0.0
    fast_or_slow = "快" if box_offset > 0 else "慢"
    warnings = [
        (status.frame_age_s > _MAX_FRAME_AGE_S, f"画面晚 {_spoken(status.frame_age_s)}"),
        (status.list_count == 0, "名单为空"),
        (status.unchecked_waiting > 0, f"未核对 {status.unchecked_waiting}"),
        (status.outbox_pending > _MAX_QUEUE, f"积压 {status.outbox_pending}"),
        (abs(offset) > _MAX_CLOCK_OFFSET_S, f"摄像机时钟偏差 {_spoken(abs(offset))}"),
        (
            abs(box_offset) > _MAX_CLOCK_OFFSET_S,
            f"盒子时钟{fast_or_slow} {_spoken(abs(box_offset))}",
        ),
    ]
    return [words for is_so, words in warnings if is_so] + _device_warnings(status)


def _device_warnings(status: BoxStatus) -> list[str]:
    device = status.device
    if device is None:
        return []
    refused_s = (status.reported_at - device.refused_at).total_seconds() if device.refused_at else math.inf
    warnings = [
        (device.waiting > _MAX_QUEUE, f"待判识读 {device.waiting}"),
        (refused_s < _REFUSED_SHOWN_S, f"拒收 {device.refused} 次：{device.why_refused}"),
        (device.quarantined > 0, f"看不懂的报文 {device.quarantined}：{device.why_quarantined}"),
    ]
    return [words for is_so, words in warnings if is_so]


def _silent_tile(checkpoint: str) -> Tile:
    return Tile(
        checkpoint=checkpoint, camera_id="", health="bad", problems=("从未上报",), fps=None, last_read_s=None,
        list_version=None, list_age_s=None, unchecked=None, queue=None,
    )  # fmt: skip


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} 秒"
    return f"{seconds / 60:.0f} 分钟" if seconds < 7200 else f"{seconds / 3600:.0f} 小时"
