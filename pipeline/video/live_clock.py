"""What time a live frame is of: its presentation time, tied to this machine's clock by how fast frames can arrive."""

from collections import deque

WINDOW_S = 30.0
"""The quickest frame of this long tells the offset: long enough to hold a moment without congestion, short enough to
follow a camera's crystal (100 ppm are 3 ms)."""
LATENESS_WINDOW_S = 10.0
JUMP_S = 1.0
"""Presentation times that step back by more, or run ahead of the clock by more, began anew."""
MAX_LATE_S = 5.0
"""A line that stays behind by more for LATE_FOR_S is taken at its word: its frames are as late as they come."""
LATE_FOR_S = 10.0
STANDS_AFTER_S, STANDS_AFTER_FRAMES = 1.0, 5
"""Presentation times that came no further in so long, while so many frames came, tell nothing."""


class SlidingMinimum:
    """The least value of the last `window_s` seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._rising: deque[tuple[float, float]] = deque()

    def add(self, moment_s: float, value: float) -> float:
        """Take over a value; return the least one now."""
        while self._rising and self._rising[-1][1] >= value:
            self._rising.pop()
        self._rising.append((moment_s, value))
        while moment_s - self._rising[0][0] > self._window_s:
            self._rising.popleft()
        return self._rising[0][1]

    def clear(self) -> None:
        self._rising.clear()


class LiveClock:
    """Ties presentation times to arrival times (monotonic seconds). One connection each.

    The difference of both is the camera's clock plus a delay that is never less than the line's quickest: the least
    difference of the last while is the offset, and what is above it is how late a frame came.
    """

    def __init__(self) -> None:
        self._least_delay = SlidingMinimum(WINDOW_S)
        self._late = SlidingMinimum(LATENESS_WINDOW_S)
        self._newest_s: float | None = None
        self._arrived_s = 0.0
        self._late_now_s = 0.0
        self._late_since_s: float | None = None
        self._resets = 0
        self._advanced_s = float("-inf")
        self._came_since = 0
        self._stands_still = False
        self.lateness_s = 0.0
        """The most that a frame of the last while came late: the length of the line's bursts."""

    def captured_s(self, presented_s: float | None, arrived_s: float) -> float:
        """Return when, on the clock of `arrived_s`, the frame was taken; never later than it arrived."""
        if presented_s is None or self._resets > 1 or self._has_stopped(presented_s, arrived_s):
            self.lateness_s = 0.0
            return arrived_s
        if self._has_jumped(presented_s, arrived_s):
            # The line is as late as before: only the camera counts from elsewhere.
            self._least_delay.clear()
            self._least_delay.add(arrived_s, arrived_s - presented_s - self._late_now_s)
            self._newest_s = presented_s
        delay_s = arrived_s - presented_s
        late_s = delay_s - self._least_delay.add(arrived_s, delay_s)
        self._note(presented_s, arrived_s, late_s)
        return arrived_s - late_s

    def _has_stopped(self, presented_s: float, arrived_s: float) -> bool:
        """Return whether the camera sends on although its times stand still or creep back; then for good.

        It would show one moment for ever. What a stall held up comes with times that go on.
        """
        if self._newest_s is None or presented_s > self._newest_s:
            self._advanced_s, self._came_since = arrived_s, 0
        self._came_since += 1
        is_long = arrived_s - self._advanced_s > STANDS_AFTER_S and self._came_since > STANDS_AFTER_FRAMES
        self._stands_still = self._stands_still or is_long
        return self._stands_still

    def _has_jumped(self, presented_s: float, arrived_s: float) -> bool:
        if self._newest_s is None:
            return False
        ahead_s = presented_s - self._newest_s
        return ahead_s < -JUMP_S or ahead_s > arrived_s - self._arrived_s + self._late_now_s + JUMP_S

    def _note(self, presented_s: float, arrived_s: float, late_s: float) -> None:
        self._newest_s = presented_s if self._newest_s is None else max(self._newest_s, presented_s)
        self._arrived_s, self._late_now_s = arrived_s, late_s
        self.lateness_s = min(-self._late.add(arrived_s, -late_s), MAX_LATE_S)
        if late_s <= MAX_LATE_S:
            self._late_since_s = None
            return
        self._late_since_s = arrived_s if self._late_since_s is None else self._late_since_s
        if arrived_s - self._late_since_s > LATE_FOR_S:
            # Twice: not the line, but times that run slower than the camera does (a rate that somebody guessed).
            self._resets += 1
            self._least_delay.clear()
            self._late.clear()
            self._late_since_s = None
