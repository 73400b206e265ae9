"""What lists a vehicle, for how long, and at which moment."""

import hashlib
import math
from dataclasses import dataclass

from riskdb.clock import TimeSpan
from riskdb.settings import RiskSettings
from riskdb.types import RiskLevel

DAY_S = 86_400
_FORMAT = 2
"""Of what Redis holds; a list in an older one is rebuilt."""


@dataclass(frozen=True, slots=True)
class ListRule:
    """What lists a vehicle."""

    lookback_s: int
    expiry_s: int
    levels: tuple[RiskLevel, ...]

    @classmethod
    def of(cls, settings: RiskSettings) -> "ListRule":
        return cls(settings.lookback_days * DAY_S, settings.expiry_days * DAY_S, settings.levels)

    def fingerprint(self) -> str:
        """Return a short name of the rule, the same for the same rule."""
        rule = repr((_FORMAT, self.lookback_s, self.expiry_s, sorted(self.levels)))
        return hashlib.blake2b(rule.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class ListMoment:
    """The moment whose list is wanted, in epoch seconds.

    A present that is not surely known is a span: listed is who is so at some moment of it, so that a clock that is
    wrong takes nobody off.
    """

    known_by: float
    """What was recorded later is not known. For today's list all is known, whatever the clock said as it came in."""
    begun_by: float
    alive_after: float
    """What expired before does not count."""

    @classmethod
    def past(cls, moment: float) -> "ListMoment":
        return cls(moment, moment, moment)

    @classmethod
    def present(cls, span: TimeSpan) -> "ListMoment":
        return cls(math.inf, span.latest, min(span.earliest, span.deletable))
