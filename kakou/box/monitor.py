"""What a camera tells the console every few seconds: its state and its counters by hour, never a plate at rest."""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from alerts.box_status import BoxStatus, HourCount, LanePassage, SendingDevice
from alerts.database import open_database
from alerts.set_aside import set_aside
from pipeline.types import Passage, ScreeningCounts

log = logging.getLogger(__name__)
FPS_WINDOW_S = 5.0
HOURS_SHOWN = 24
SCHEMA = """
CREATE TABLE IF NOT EXISTS hour_count (
    camera_id TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    hour INTEGER NOT NULL,       -- seconds since 1970 of the hour's start, UTC
    clear INTEGER NOT NULL DEFAULT 0,
    flagged INTEGER NOT NULL DEFAULT 0,
    unchecked INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (camera_id, checkpoint, hour)
) STRICT, WITHOUT ROWID;
"""
ADD = """INSERT INTO hour_count VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET clear = clear + excluded.clear, flagged = flagged + excluded.flagged,
    unchecked = unchecked + excluded.unchecked, unread = unread + excluded.unread"""
HOURS = """SELECT hour, sum(clear), sum(flagged), sum(unchecked) FROM hour_count
WHERE camera_id = ? AND hour >= ? GROUP BY hour ORDER BY hour"""
DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)
"""A damaged schema shows as wrong SQL, a damaged first page as a format that may not be written."""

T = TypeVar("T")


class HourCounter:
    """Passages per checkpoint and hour: all that a clear passage leaves behind. One thread each, one file for all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None
        self._inode = 0

    @property
    def _connection(self) -> sqlite3.Connection:
        """Opened when it is first needed, and tried again: a full disk must keep no camera from its work."""
        if self._opened is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._opened = open_database(self._path, SCHEMA, synchronous="NORMAL")
            self._inode = self._path.stat().st_ino
        return self._opened

    def _done(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the counters; damaged ones are set aside, and counting begins anew. Raises sqlite3.Error, OSError."""
        try:
            return ask(self._connection)
        except (sqlite3.DatabaseError, IsADirectoryError) as error:
            if isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGE:
                raise
        is_ours = self._opened is None or not self._path.exists() or self._path.stat().st_ino == self._inode
        self.close()
        if is_ours:
            set_aside(self._path, "过车计数文件曾损坏，此前各小时的过车计数已丢失")
        return ask(self._connection)

    def add(self, camera_id: str, checkpoint: str, moment: datetime, counts: HourCount, unread: int = 0) -> None:
        """Add to the counts of the hour that `moment` is in. Raises sqlite3.Error."""
        row = (camera_id, checkpoint, _hour(moment), counts.clear, counts.flagged, counts.unchecked, unread)
        self._done(lambda connection: connection.execute(ADD, row))

    def last_hours(self, camera_id: str, now: datetime) -> tuple[HourCount, ...]:
        """Return the hours up to now that had a passage, oldest first; none while they cannot be read."""
        since = _hour(now - timedelta(hours=HOURS_SHOWN))
        try:
            rows = self._done(lambda connection: connection.execute(HOURS, (camera_id, since)).fetchall())
        except (sqlite3.Error, OSError) as error:
            log.warning("hour counters cannot be read: %s", error)
            return ()
        return tuple(
            HourCount(hour=datetime.fromtimestamp(hour, now.tzinfo), clear=clear, flagged=flagged, unchecked=unchecked)
            for hour, clear, flagged, unchecked in rows
        )

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class WatchedCamera(Protocol):
    """What has a tile of its own: a source of video, or a device that sends reads."""

    @property
    def camera_id(self) -> str: ...
    @property
    def checkpoint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class BoxHealth:
    """What the box knows beside its cameras."""

    list_version: int | None
    list_age_s: float | None
    list_count: int | None
    unchecked_waiting: int
    outbox_pending: int
    redis_ok: bool
    losses: tuple[str, ...] = ()


class CameraMonitor:
    """Watches one camera's counts and writes its status."""

    def __init__(self, camera_id: str, checkpoint: str, box: str, counts: ScreeningCounts, hours: HourCounter) -> None:
        self._camera_id = camera_id
        self._checkpoint = checkpoint
        self._box = box
        self._counts = counts
        self._counted = replace(counts)
        self._hours = hours
        self._progress: deque[tuple[float, int, int]] = deque([(time.monotonic(), counts.frames, counts.looked_at)])
        self._last_read_at: datetime | None = None
        self._watched_since: datetime | None = None

    def passed(self, passage: Passage) -> LanePassage:
        """Note a passage; return what the lane strip shows of it for a moment: no plate that is not listed."""
        self._last_read_at = passage.track.evidence.arrived_at
        return LanePassage(
            camera_id=self._camera_id,
            checkpoint=self._checkpoint,
            text=passage.best.text,
            plate_class=passage.best.plate_class,
            outcome=passage.outcome,
            passed_at=passage.ended_at,
            permit=passage.permit_standing,
        )

    def save_counts(self, now: datetime) -> None:
        """Add what happened since the last call to the hour's counters. Raises sqlite3.Error."""
        current = replace(self._counts)
        before = self._counted
        grown = HourCount(
            hour=now,
            clear=current.clear - before.clear,
            flagged=current.flagged - before.flagged,
            unchecked=current.unchecked - before.unchecked,
        )
        unread = current.unread - before.unread
        if grown.clear or grown.flagged or grown.unchecked or unread:
            self._hours.add(self._camera_id, self._checkpoint, now, grown, unread)
        self._counted = current

    def status(self, now: datetime, health: BoxHealth, device: SendingDevice | None = None) -> BoxStatus:
        fps, looks_per_s = self._rates()
        self._watched_since = self._watched_since or now
        return BoxStatus(
            camera_id=self._camera_id,
            checkpoint=self._checkpoint,
            box=self._box,
            reported_at=now,
            fps=round(fps, 1),
            last_read_at=self._last_read_at,
            list_version=health.list_version,
            list_age_s=health.list_age_s,
            list_count=health.list_count,
            unchecked_waiting=health.unchecked_waiting,
            outbox_pending=health.outbox_pending,
            redis_ok=health.redis_ok,
            clock_offset_s=self._counts.clock_offset_s,
            frame_age_s=round(self._counts.age_s, 3),
            looks_per_s=round(looks_per_s, 1),
            camera_quality=self._counts.camera_quality,
            watched_since=self._watched_since,
            losses=health.losses,
            hours=self._hours.last_hours(self._camera_id, now),
            device=device,
        )

    def _rates(self) -> tuple[float, float]:
        """Return frames and looks a second over the last few seconds."""
        now = time.monotonic()
        self._progress.append((now, self._counts.frames, self._counts.looked_at))
        while len(self._progress) > 2 and now - self._progress[1][0] >= FPS_WINDOW_S:
            self._progress.popleft()
        (since, frames_before, looks_before), (_, frames, looks) = self._progress[0], self._progress[-1]
        seconds = now - since
        return ((frames - frames_before) / seconds, (looks - looks_before) / seconds) if seconds > 0 else (0.0, 0.0)


def _hour(moment: datetime) -> int:
    seconds = int(moment.timestamp())
    return seconds - seconds % 3600
