"""When a step was done that waited on a phone without a line, by a clock that may be wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOTABLE = timedelta(minutes=1)
"""What came sooner came at once, and a clock that is off by less is right."""
_STORABLE = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class PhoneTime:
    """Both by the phone's clock: how long the step waited is right also where the clock is not."""

    done_at: datetime
    sent_at: datetime

    def by_our_clock(self, opened_at: datetime, now: datetime) -> datetime:
        """Return when it was done: neither before its case was opened nor in the future."""
        waited = max(timedelta(0), min(self.sent_at - self.done_at, now - opened_at))
        return now - waited

    @property
    def said_at(self) -> datetime:
        """What the phone's clock said then, as a database can hold it."""
        return min(max(self.done_at, _STORABLE[0]), _STORABLE[1])
