"""What is looked at on every machine of ours, box or centre."""

import os
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import redis

from alerts.errors import AlertsError
from alerts.notices.keeper import Amiss
from alerts.outbox import Outbox
from alerts.set_aside import losses
from kakou.disk_words import room_words
from kakou.settings import Settings, WatchSettings
from kakou.sunset.state import WARN_DAYS, SunsetError, load_state
from riskdb.clock import Clock
from riskdb.hotset.hotset import HotSet
from riskdb.types import OtherKeyError, RiskDBError, StaleListError

CANNOT_LOOK = (AlertsError, RiskDBError, SunsetError, redis.RedisError, sqlite3.Error, OSError, ValueError)
"""What keeps a look from being taken: then nothing is known, and nothing begins or ends."""
MIN_FREE_INODES = 1000
SHRUNK_SHARE = 0.5
SMALL_LIST = 20
REMEMBERED_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Check:
    """One look at something; it speaks for all of `notices`."""

    notices: tuple[str, ...]
    look: Callable[[], Iterable[Amiss]]
    """Raises one of CANNOT_LOOK when it could not look."""


@dataclass(slots=True)
class ListLook:
    """Looks at the risk list in this machine's Redis as a reader does. One thread only."""

    hot_set: Callable[[], HotSet]
    stale_s: float
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    _opened: HotSet | None = None
    _counts: deque[tuple[float, int]] = field(default_factory=deque)

    NOTICES = ("list_missing", "list_stale", "list_empty", "list_shrunk", "list_other_key", "redis_away")

    def look(self) -> Iterator[Amiss]:
        try:
            self._opened = self._opened or self.hot_set()
            state = self._opened.state()
        except RiskDBError as error:
            yield _fault_of(error)
            return
        age_s = state.age_s(self.wall())
        if age_s > self.stale_s:
            yield Amiss("list_stale", detail=f"已 {age_s / 60:.0f} 分钟未更新，本机用已有名单继续比对")
        if state.count == 0:
            yield Amiss("list_empty")
        if (most := self._most(state.count)) > SMALL_LIST and state.count < SHRUNK_SHARE * most:
            yield Amiss("list_shrunk", detail=f"24 小时内由 {most} 条变为 {state.count} 条")

    def _most(self, count: int) -> int:
        now = self.clock()
        while self._counts and self._counts[0][0] < now - REMEMBERED_S:
            self._counts.popleft()
        while self._counts and self._counts[-1][1] <= count:
            self._counts.pop()  # a maximum over a window keeps only what falls
        self._counts.append((now, count))
        return self._counts[0][1]


def _fault_of(error: RiskDBError) -> Amiss:
    if isinstance(error, OtherKeyError):
        return Amiss("list_other_key")
    if isinstance(error, StaleListError):
        return Amiss("list_stale", detail="本机已停止比对，车辆均为未核对")
    is_away = isinstance(error.__cause__, redis.RedisError | OSError)
    return Amiss("redis_away") if is_away else Amiss("list_missing")


def disk_check(state_dir: Path, settings: WatchSettings, outbox: Outbox) -> Check:
    """Look at the disk of the state folder: room, names for files, and whether it can be written."""

    def look() -> Iterator[Amiss]:
        free = shutil.disk_usage(state_dir).free
        volume = os.statvfs(state_dir)
        if volume.f_flag & os.ST_RDONLY:
            yield Amiss("disk_full", detail="只读")
        elif free < settings.disk_full_mib * 2**20 or not (outbox.is_reserve_held() or outbox.restore_reserve()):
            yield Amiss("disk_full", detail=room_words(free))
        elif free < settings.disk_low_gib * 2**30:
            yield Amiss("disk_low", detail=room_words(free))
        elif volume.f_files and volume.f_favail < MIN_FREE_INODES:
            yield Amiss("disk_low", detail="inode 将用尽")

    return Check(("disk_low", "disk_full"), look)


def clock_check(clock: Clock) -> Check:
    """Look at the clock against uptime and the latest moment that was known."""

    def look() -> Iterator[Amiss]:
        span = clock.look()
        if not span.is_known:
            yield Amiss("clock_wrong", detail="早于已知时间")
        elif not span.is_settled:
            yield Amiss("clock_wrong", detail="刚刚跳变")

    return Check(("clock_wrong",), look)


def queue_check(outbox: Outbox, settings: WatchSettings) -> Check:
    """Look at how long events have waited for the stream."""

    def look() -> Iterator[Amiss]:
        oldest_s = outbox.oldest_pending_s()
        if oldest_s > settings.queue_old_s:
            yield Amiss("queue_old", detail=f"{outbox.pending_count()} 条，最早 {oldest_s / 60:.0f} 分钟前")

    return Check(("queue_old",), look)


def damage_check(state_dir: Path) -> Check:
    """Look for files that were set aside, until somebody has dealt with them."""
    return Check(("state_damaged",), lambda: [Amiss("state_damaged", detail=said) for said in losses(state_dir)[:1]])


def sunset_check(state_dir: Path, now: Callable[[], datetime]) -> Check:
    """Look at the day on which screening ends."""

    def look() -> Iterator[Amiss]:
        state = load_state(state_dir)
        if state is not None and (days := state.days_left(now())) < WARN_DAYS:
            yield Amiss("sunset_near", detail=f"剩余 {days} 天")

    return Check(("sunset_near",), look)


def common_checks(settings: Settings, outbox: Outbox, clock: Clock, now: Callable[[], datetime]) -> list[Check]:
    """Return what every machine looks at beside its own work."""
    return [
        disk_check(settings.state_dir, settings.watch, outbox),
        clock_check(clock),
        queue_check(outbox, settings.watch),
        damage_check(settings.state_dir),
        sunset_check(settings.state_dir, now),
    ]
