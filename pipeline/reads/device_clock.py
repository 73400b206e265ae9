"""How far a device's clock is off the box's, and whether a message is older than any that may still come."""

from collections import deque
from datetime import datetime, timedelta
from statistics import median

BELIEVED = timedelta(seconds=30)
"""A clock that is off by no more tells when a vehicle passed."""
SAMPLES = 15
RESET_AFTER = 3
"""So many messages that go in step with the box's clock: the device's clock was set, and none of them is old."""
STEP = timedelta(seconds=5)


class DeviceClock:
    """What the reads of one device tell of its clock. `window` is how old a read may be by that clock."""

    def __init__(self, window: timedelta, offset_s: float | None = None, newest: datetime | None = None) -> None:
        """`offset_s` and `newest`: what was known before a restart."""
        self._window = window
        self._offsets: deque[float] = deque([] if offset_s is None else [offset_s], SAMPLES)
        self._newest = newest
        self._old: list[tuple[datetime, datetime]] = []

    @property
    def offset_s(self) -> float | None:
        """Device clock minus box clock; None before the first read that was not sent again."""
        return median(self._offsets) if self._offsets else None

    @property
    def newest(self) -> datetime | None:
        """The latest time that the device's clock has shown."""
        return self._newest

    def is_too_old(self, captured_at: datetime | None, arrived_at: datetime) -> bool:
        """Return whether a read is older than the window, by the device's own clock: a message recorded long ago.

        A clock that was set back makes all its reads look old; once some of them go in step with ours they are not.
        """
        if captured_at is None or self._newest is None or captured_at >= self._newest - self._window:
            self._old = []
            return False
        if arrived_at - self._window <= captured_at <= arrived_at + BELIEVED:
            # It was years ahead and has been set right: by our own clock this vehicle has just passed.
            self._forget()
            return False
        self._old = [pair for pair in self._old if _in_step(pair, (arrived_at, captured_at))][-RESET_AFTER:]
        if not any(captured_at <= earlier for _, earlier in self._old):
            self._old.append((arrived_at, captured_at))
        if len(self._old) < RESET_AFTER:
            return True
        self._forget()
        return False

    def _forget(self) -> None:
        self._newest, self._old = None, []
        self._offsets.clear()

    def passed_at(self, captured_at: datetime | None, arrived_at: datetime, *, is_resent: bool) -> datetime:
        """Note a read; return when its vehicle passed by the box's clock."""
        if captured_at is None:
            return arrived_at
        if not is_resent:
            self._offsets.append((captured_at - arrived_at).total_seconds())
        self._newest = max(captured_at, self._newest or captured_at)
        offset = timedelta(seconds=self.offset_s or 0.0)
        moment = captured_at - offset if abs(offset) > BELIEVED else captured_at
        # Nothing passes after it was sent, and a time beyond the window is no time.
        return arrived_at if not arrived_at - self._window <= moment <= arrived_at + BELIEVED else moment


def _in_step(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    """Return whether as much time went by between two arrivals as on the device's clock, within a few seconds."""
    return abs((other[0] - one[0]) - (other[1] - one[1])) <= STEP
