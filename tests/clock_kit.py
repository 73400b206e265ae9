"""A machine whose clock a test sets."""

from dataclasses import dataclass
from pathlib import Path

from riskdb.clock import TrustedClock
from riskdb.settings import ClockSettings
from tests.riskdb_kit import NOON


@dataclass(slots=True)
class Machine:
    """A machine on which a test lets time go by, and sets the clock."""

    folder: Path
    wall_s: float = NOON.timestamp()
    up_s: float = 1000.0
    centre_s: float | None = None

    def goes_on(self, seconds: float) -> None:
        self.wall_s += seconds
        self.up_s += seconds

    def clock(self, *, has_centre: bool = False, is_keeping: bool = True) -> TrustedClock:
        return TrustedClock(
            self.folder / "clock.json",
            ClockSettings(),
            wall=lambda: self.wall_s,
            uptime=lambda: self.up_s,
            centre=(lambda: self.centre_s) if has_centre else None,
            is_keeping=is_keeping,
        )

    def held_clock(self) -> TrustedClock:
        """A clock that has run for an hour."""
        clock = self.clock()
        for _ in range(60):
            self.goes_on(60)
            clock.look()
        return clock
