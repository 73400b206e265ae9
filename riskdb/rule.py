"""What lists a vehicle, for how long."""

import hashlib
from dataclasses import dataclass

from riskdb.settings import RiskSettings
from riskdb.types import RiskLevel

DAY_S = 86_400


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
        rule = repr((self.lookback_s, self.expiry_s, sorted(self.levels)))
        return hashlib.blake2b(rule.encode(), digest_size=4).hexdigest()
