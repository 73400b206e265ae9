"""Years for dates that people wrote without one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_NEARLY_A_YEAR = timedelta(days=300)


@dataclass(frozen=True, slots=True)
class YearSource:
    """Where a missing year comes from."""

    near: datetime
    """A day with its year, close to which the others lie."""
    words: str
    latest: datetime
    """No record lies behind it."""
    keeps_zeros: bool = False
    """The file writes 11.20 somewhere, so its 11.2 is the second of November."""

    def completed(self, moment: datetime) -> datetime:
        """Return the moment in the year that brings it closest, not later than `latest`. Raises ValueError where that
        is nearly a year off.
        """
        years = []
        for year in (self.near.year + step for step in (-1, 0, 1)):
            try:
                years.append(moment.replace(year=year))
            except ValueError:  # 29 February
                continue
        # Further back, the day that is still to come is meant as likely, or neither.
        past = [one for one in years if self.near - _NEARLY_A_YEAR <= one <= self.latest]
        if not past:
            raise ValueError(moment)
        return min(past, key=lambda one: abs(one - self.near))
