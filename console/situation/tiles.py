"""The health of one camera in words, for the tiles at the top of the screen. A tile is never a blank green."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from alerts.box_status import BoxStatus
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
    """One camera of one checkpoint. It holds moments and no ages: what did not change need not be sent again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    camera_id: str
    health: Health
    problems: tuple[str, ...]
    """In words, the worst first; empty only when all is well."""
    fps: float | None = None
    last_read_at: datetime | None = None
    """By the console's clock, as all moments here."""
    list_version: int | None = None
    list_at: datetime | None = None
    """When the list was last tended."""
    unchecked: int | None = None
    queue: int | None = None

    @property
    def key(self) -> str:
        """A name of its own among all tiles; a checkpoint that was never heard of has no camera yet."""
        return self.camera_id or f"/{self.checkpoint}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A box's latest report, and when it came by the console's clock."""

    status: BoxStatus
    at: datetime
    clock_offset_s: float | None = None
    """Box clock minus console clock; None while only one report is known, which may be an old one."""


def heard_anew(status: BoxStatus, before: Heard | None, now: datetime) -> Heard:
    """A new report came just now, whatever the box's clock says; the first one known may have lain there for hours."""
    if before is None:
        return Heard(status, min(now, status.reported_at))
    if status.reported_at == before.status.reported_at:
        return before
    return Heard(status, now, (status.reported_at - now).total_seconds())


def tiles(reports: Sequence[Heard], settings: ConsoleSettings, now: datetime) -> list[Tile]:
    """Return one tile per camera, and one in red per configured checkpoint that was never heard of; the worst first."""
    heard = {report.status.checkpoint for report in reports}
    silent = [place.name for place in settings.checkpoint if place.name not in heard]
    minds_plates = is_by_day(settings, now) and any(is_busy(report.status) for report in reports)
    found = [tile_of(report, settings, now, minds_plates=minds_plates) for report in reports]
    return worst_first([*found, *map(silent_tile, silent)])


def worst_first(found: Sequence[Tile]) -> list[Tile]:
    return sorted(found, key=lambda tile: (_WORST.index(tile.health), tile.checkpoint, tile.camera_id))


def is_busy(status: BoxStatus) -> bool:
    """True where the camera has seen a plate lately."""
    return status.last_read_at is not None and _idle_s(status) < _BUSY_S


def is_by_day(settings: ConsoleSettings, now: datetime) -> bool:
    """True where a camera without plates for `plateless_hours` was so by day."""
    local = now.astimezone(BEIJING)
    return _DAY_FROM <= (local - timedelta(hours=settings.plateless_hours)).hour < local.hour < _DAY_TO


def tile_of(
    heard: Heard, settings: ConsoleSettings, now: datetime, *, minds_plates: bool, is_stranger: bool = False
) -> Tile:
    """Return a camera's tile. `minds_plates`: others see plates now; `is_stranger`: of no registered checkpoint."""
    status = heard.status
    bad, warn = list(_faults(heard, settings, now)), list(_warnings(heard))
    if minds_plates and (idle_s := _idle_s(status)) > settings.plateless_hours * 3600:
        warn.append(f"{_spoken(idle_s)}无车牌")
    if is_stranger:
        warn.append("卡口未登记，请核对盒子的配置")
    read_s = (status.reported_at - status.last_read_at).total_seconds() if status.last_read_at else None
    return Tile(
        checkpoint=status.checkpoint, camera_id=status.camera_id, health="bad" if bad else "warn" if warn else "ok",
        problems=(*bad, *warn), fps=None if status.device else round(status.fps), last_read_at=_before(heard, read_s),
        list_version=status.list_version, list_at=_before(heard, status.list_age_s),
        unchecked=status.unchecked_waiting, queue=status.outbox_pending,
    )  # fmt: skip


def silent_tile(checkpoint: str) -> Tile:
    return Tile(checkpoint=checkpoint, camera_id="", health="bad", problems=("从未上报",))


def _idle_s(status: BoxStatus) -> float:
    since = status.last_read_at or status.watched_since or status.reported_at
    return (status.reported_at - since).total_seconds()


def _before(heard: Heard, seconds: float | None) -> datetime | None:
    """Return the moment so long before the report, to the second: what did not change is the same in every report."""
    try:
        return None if seconds is None else (heard.at - timedelta(seconds=round(seconds))).replace(microsecond=0)
    except OverflowError:  # no box measures that; whoever sent it gets a tile without the moment
        return None


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
        (device.waiting > _MAX_QUEUE, f"待判识别结果 {device.waiting}"),
        (refused_s < _REFUSED_SHOWN_S, f"拒收 {device.refused} 次：{device.why_refused}"),
        (device.quarantined > 0, f"看不懂的报文 {device.quarantined}：{device.why_quarantined}"),
        (device.broken_pictures > 0, f"坏照片 {device.broken_pictures}"),
    ]
    return [words for is_so, words in warnings if is_so]


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} 秒"
    return f"{seconds / 60:.0f} 分钟" if seconds < 7200 else f"{seconds / 3600:.0f} 小时"
