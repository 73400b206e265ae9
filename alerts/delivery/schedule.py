"""When a failed delivery is tried again. Pure arithmetic: the clock and the dice come in from outside."""

from collections.abc import Callable
from dataclasses import dataclass

RETRY_DELAYS_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Waits after the first, second ... failure of one event, as Standard Webhooks recommends: 3 days in all."""
JITTER = 0.25
"""Each wait grows by up to this share, so that what failed together does not come back together."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_AFTER_S = 3600.0
"""A receiver may ask for a longer rest, but not for silence."""

Dice = Callable[[], float]
"""Gives 0.0 <= number < 1.0, such as random.random."""


def next_delay_s(failures: int, dice: Dice) -> float | None:
    """Return how long an event waits after it failed `failures` times (1 or more); None: it is given up."""
    if failures > len(RETRY_DELAYS_S):
        return None
    return RETRY_DELAYS_S[failures - 1] * (1 + JITTER * dice())


@dataclass(slots=True)
class Breaker:
    """Keeps a channel that fails from being hammered: a longer rest after each failure in a row, then one probe."""

    failures_in_row: int = 0
    rests_until_s: float = 0.0
    """On the same clock as the `now_s` given to the methods."""

    def note_success(self) -> bool:
        """Return whether this ended an outage."""
        was_open = self.is_open
        self.failures_in_row = 0
        self.rests_until_s = 0.0
        return was_open

    def note_failure(self, now_s: float, retry_after_s: float | None, dice: Dice) -> None:
        self.failures_in_row += 1
        rest_s = min(FIRST_PAUSE_S * 2.0 ** min(self.failures_in_row - 1, 20), LONGEST_PAUSE_S)
        rest_s *= 1 + JITTER * dice()
        if retry_after_s is not None:
            rest_s = max(rest_s, min(retry_after_s, LONGEST_RETRY_AFTER_S))
        self.rests_until_s = max(self.rests_until_s, now_s + rest_s)

    @property
    def is_open(self) -> bool:
        """True while the channel fails: one event at a time, and only after its rest."""
        return self.failures_in_row > 0

    def rest_left_s(self, now_s: float) -> float:
        return max(0.0, self.rests_until_s - now_s)
