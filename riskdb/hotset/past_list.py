"""The risk list as it stood at one moment, for replays of footage."""

from collections.abc import Sequence
from datetime import datetime

from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.hotset.reasons import spell_out_all, unpack_reasons
from riskdb.types import Declaration, ListedReasons, RiskReason


class PastList:
    """The list as it stood at one moment; answers as a HotSet does."""

    def __init__(
        self,
        packed_by_digest: dict[bytes, bytes],
        digester: PlateDigester,
        declarations: dict[int, Declaration],
        sources: dict[int, str],
    ) -> None:
        self._packed_by_digest = packed_by_digest
        self._digester = digester
        self._declarations = declarations
        self._sources = sources

    def __len__(self) -> int:
        return len(self._packed_by_digest)

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        """Return the reasons that hold at `now`; the version of a past list is 0."""
        epoch_s = now.timestamp()
        return ListedReasons(0, tuple(self._reasons(plate_class, text, epoch_s) for plate_class, text in plates))

    def _reasons(self, plate_class: str, text: str, now: float) -> tuple[RiskReason, ...]:
        digests = [self._digester.digest(c, text) for c in (plate_class, ANY_CLASS)]
        values = ((d, self._packed_by_digest[d]) for d in digests if d in self._packed_by_digest)
        packed = [r for digest, value in values for r in unpack_reasons(digest, value) if r.expires_at > now]
        return spell_out_all(
            sorted(packed, key=lambda r: r.expires_at, reverse=True), self._declarations, self._sources
        )
