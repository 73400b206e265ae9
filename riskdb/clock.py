"""What time it is, and how far that may be believed: time that destroys is trusted time.

A clock can be wrong: a box without a battery boots in 1970, a server hands out another year for some seconds. So the
wall clock is held against the time that has gone by since the kernel started, and against the latest moment that was
ever known (the mark, kept in a file). Where they differ, the present is a span between the two until the new time has
held for some minutes and, where there is a centre, agrees with its clock. Whoever deletes asks `TimeSpan.deletable`;
whoever answers "not listed" must be right at both ends of the span.
"""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from riskdb.own_file import make_way, read_own
from riskdb.settings import ClockSettings
from riskdb.whole_file import PRIVATE, whole_file

RELEASED_AT = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""No right clock has shown less since this code was written; raised with every release."""
MARK_EVERY_S = 60.0
ASK_EVERY_S = 30.0
"""A centre that is away is asked for its time no more often."""
MOST_SLEW = 0.1
"""Seconds a second at most by which the trusted time follows a wall clock that is being slewed (chrony: 0.1)."""
NEVER = 0.0

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Between which moments the present lies, in epoch seconds."""

    wall: float
    """What the wall clock says."""
    earliest: float
    latest: float
    deletable: float
    """What would be due for deletion at this moment may be deleted; NEVER while nothing may."""
    is_known: bool = True
    """False: the clock is behind what was known before, or behind the age of this code. Nobody may be called clear."""
    is_settled: bool = True
    """Whether the wall clock is trusted: the span is one moment."""

    @classmethod
    def moment(cls, wall: float) -> "TimeSpan":
        return cls(wall, wall, wall, wall)


class Clock(Protocol):
    """A source of time; one thread only."""

    def wall(self) -> float:
        """Return what the wall clock says, in epoch seconds."""
        ...

    def look(self) -> TimeSpan: ...


class WallClock:
    """Believes the wall clock: for benches and tools that delete nothing."""

    def __init__(self, wall: Seconds = time.time) -> None:
        self.wall = wall

    def look(self) -> TimeSpan:
        return TimeSpan.moment(self.wall())


@dataclass(frozen=True, slots=True)
class Mark:
    """The latest moment that was known, in epoch seconds."""

    at: float
    was_held: bool
    """Whether a clock that led to it has ever held: until then nothing is deleted."""


@dataclass(slots=True)
class _Candidate:
    offset: float
    since: float


class TrustedClock:
    """Look at it often: what it has not seen it cannot judge. One thread only; the mark file may be shared."""

    def __init__(
        self,
        mark_file: Path,
        settings: ClockSettings,
        *,
        wall: Seconds = time.time,
        uptime: Seconds | None = None,
        centre: Callable[[], float | None] | None = None,
        is_keeping: bool = True,
    ) -> None:
        """`centre` returns the centre's time, None when it cannot be asked; itself None where there is no centre.

        With `is_keeping` False the mark is only read, and a jump is believed when a clock that keeps it believes it.
        """
        self.wall = wall
        self._uptime = uptime or kernel_uptime
        self._mark_file, self._settings, self._centre, self._is_keeping = mark_file, settings, centre, is_keeping
        up = self._uptime()
        mark = read_mark(mark_file)
        self._was_held = mark is not None and mark.was_held
        self._offset = (wall() if mark is None else mark.at) - up
        """Trusted wall time minus uptime."""
        self._floor = RELEASED_AT if mark is None else max(RELEASED_AT, mark.at - settings.tolerance_s)
        """Below this the wall clock is not known to be right."""
        self._looked_at = up
        self._kept_at: float | None = None
        self._asked_at: float | None = None
        # Nobody has seen this clock run yet: it has to hold, too, where nothing says that one has held before.
        self._candidate = None if self._was_held else _Candidate(self._offset, up)

    def look(self) -> TimeSpan:
        wall, up = self.wall(), self._uptime()
        self._judge(wall - up, wall, up)
        trusted = self._offset + up
        is_settled = self._differs_little(wall - up)
        earliest, latest = (wall, wall) if is_settled else (min(wall, trusted), max(wall, trusted))
        is_known = wall >= self._floor
        self._keep(min(wall, trusted), up, is_known and is_settled)
        deletable = min(wall, trusted) if self._was_held and is_known else NEVER
        return TimeSpan(wall, earliest, latest, deletable, is_known, is_settled)

    def _judge(self, offset: float, wall: float, up: float) -> None:
        elapsed, self._looked_at = up - self._looked_at, up
        if self._differs_little(offset):
            most = MOST_SLEW * elapsed
            self._offset += min(most, max(-most, offset - self._offset))
            if self._was_held:
                self._candidate = None
                return
        candidate = self._candidate
        if candidate is None or abs(offset - candidate.offset) > self._settings.tolerance_s:
            self._candidate = _Candidate(offset, up)
        elif up - candidate.since >= self._settings.held_s and wall >= RELEASED_AT and self._is_confirmed(wall, up):
            self._offset, self._was_held, self._candidate = offset, True, None
            self._floor = max(RELEASED_AT, wall - self._settings.tolerance_s)
            self._kept_at = None

    def _differs_little(self, offset: float) -> bool:
        return abs(offset - self._offset) <= self._settings.tolerance_s

    def _is_confirmed(self, wall: float, up: float) -> bool:
        if not self._is_keeping:
            mark = read_mark(self._mark_file)
            is_fresh = mark is not None and abs(mark.at - wall) <= self._settings.tolerance_s + 2 * MARK_EVERY_S
            return is_fresh and mark is not None and mark.was_held
        if self._centre is None:
            return True
        if self._asked_at is not None and up - self._asked_at < ASK_EVERY_S:
            return False
        self._asked_at = up
        there = self._centre()
        return there is not None and abs(there - wall) <= self._settings.tolerance_s

    def _keep(self, at: float, up: float, is_trusted: bool) -> None:
        if not self._is_keeping or not is_trusted:
            return
        if self._kept_at is None or up - self._kept_at >= MARK_EVERY_S:
            self._kept_at = up
            write_mark(self._mark_file, Mark(at, self._was_held))


def kernel_uptime() -> float:
    """Return seconds since the kernel started, sleep included, as the kernel itself tells it."""
    try:
        return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def read_mark(path: Path) -> Mark | None:
    """Return what is kept, or None: where nothing is, and where it cannot be understood."""
    try:
        kept = json.loads(read_own(path))
        mark = Mark(float(kept["at"]), kept["was_held"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return mark if RELEASED_AT <= mark.at < RELEASED_AT * 10 else None


def write_mark(path: Path, mark: Mark) -> None:
    """Keep a mark at once or not at all; a full disk is no reason to stop."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_way(path)
        with whole_file(path, mode=PRIVATE, is_durable=True) as partial:
            partial.write_text(json.dumps({"at": round(mark.at, 3), "was_held": mark.was_held}), encoding="ascii")
