"""Why a plate is listed, packed to 18 bytes a reason for Redis, and sealed so that damage is seen."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from riskdb.types import Declaration, RiskDBError, RiskReason

PACKED = struct.Struct(">IIIIH")
"""Expiry, visit from, visit until (epoch seconds), window number, source number."""
SEAL_BYTES = 4
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


def seal_reasons(digest: bytes, packed: bytes) -> bytes:
    """Return a `risk:why` value: the packed reasons of a digest, then a checksum of both."""
    return packed + zlib.crc32(packed, zlib.crc32(digest)).to_bytes(SEAL_BYTES)


def unpack_reasons(digest: bytes, value: bytes) -> list[PackedReason]:
    """Return the reasons in a `risk:why` value, expired ones too.

    Raises RiskDBError when they are not what was written: a vehicle whose reasons are damaged is not cleared by that.
    """
    packed = value[:-SEAL_BYTES]
    if not packed or len(packed) % PACKED.size or seal_reasons(digest, packed) != value:
        raise RiskDBError("名单中有车的列入原因已损坏：kakou risk serve 运行时会自行修好")
    return [PackedReason(*fields) for fields in PACKED.iter_unpack(packed)]


def last_expiry(value: bytes) -> int:
    """Return when the last reason of a `risk:why` value expires, without looking at its seal."""
    return int.from_bytes(value[:4])


def spell_out_all(
    packed: Iterable[PackedReason], declarations: Mapping[int, Declaration], sources: Mapping[int, str]
) -> tuple[RiskReason, ...]:
    """Return the reasons with their names. Raises KeyError when a number is unknown."""
    return tuple(
        reason.spell_out(declarations[reason.window_number], sources[reason.source_number]) for reason in packed
    )


def _utc(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
