"""Why a plate is listed, packed to 18 bytes a reason for Redis."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from riskdb.types import Declaration, RiskReason

PACKED = struct.Struct(">IIIIH")
"""Expiry, visit from, visit until (epoch seconds), window number, source number."""
MAX_REASONS = 3
"""Reasons kept a plate: the ones that last longest."""


@dataclass(frozen=True, slots=True)
class PackedReason:
    """One reason with numbers in the place of names."""

    expires_at: int
    visited_from: int
    visited_until: int
    window_number: int
    source_number: int

    def spell_out(self, declaration: Declaration, source: str) -> RiskReason:
        until = declaration.declared_until
        return RiskReason(
            area=declaration.area,
            area_name=declaration.name,
            level=declaration.level,
            visited_from=_utc(self.visited_from),
            visited_until=_utc(self.visited_until),
            declared_from=_utc(declaration.declared_from),
            declared_until=None if until is None else _utc(until),
            source=source,
            expires_at=_utc(self.expires_at),
        )


def unpack_reasons(value: bytes, now: float) -> list[PackedReason]:
    """Return the reasons in a `risk:why` value that have not expired at `now` (epoch seconds)."""
    reasons = (PackedReason(*fields) for fields in PACKED.iter_unpack(value))
    return [reason for reason in reasons if reason.expires_at > now]


def spell_out_all(
    packed: list[PackedReason], declarations: Mapping[int, Declaration], sources: Mapping[int, str]
) -> tuple[RiskReason, ...]:
    """Return the reasons with their names. Raises KeyError when a number is unknown."""
    return tuple(
        reason.spell_out(declarations[reason.window_number], sources[reason.source_number]) for reason in packed
    )


def _utc(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
