"""What risk:meta says, read with suspicion: half a field of it must not be taken for a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from riskdb.digest import DIGEST_BYTES
from riskdb.hotset import keys
from riskdb.hotset.keys import ReasonBuckets


@dataclass(frozen=True, slots=True)
class ListMeta:
    """What risk:meta says of a version."""

    version: int
    count: int
    checksum: bytes
    """XOR of the digests."""
    rule: str
    key_id: str
    buckets: ReasonBuckets
    """Where its reasons stand."""
    heartbeat: float = 0.0
    """Epoch seconds by the centre's clock, when it was read."""

    @classmethod
    def parsed(cls, fields: Sequence[bytes | None]) -> "ListMeta | None":
        """Return what META_FIELDS say; None where one is missing or is not what we write."""
        try:
            version, count, checksum, rule, key_id, built, bits, _, beat = (field.decode() for field in fields if field)
            buckets = ReasonBuckets.checked(int(built), int(bits))
            found = cls(int(version), int(count), bytes.fromhex(checksum), rule, key_id, buckets, float(beat))
        except (ValueError, AttributeError):
            return None
        is_possible = 0 < found.version < keys.MOST_VERSION and 0 <= found.count < keys.MOST_VERSION
        return found if is_possible and len(found.checksum) == DIGEST_BYTES and isfinite(found.heartbeat) else None

    def fields(self, now: float) -> dict[str, str]:
        return {
            "version": str(self.version),
            "count": str(self.count),
            "digest": self.checksum.hex(),
            "rule": self.rule,
            "key_id": self.key_id,
            "why_built": str(self.buckets.built),
            "why_bits": str(self.buckets.bits),
            "published_at": repr(now),
            "heartbeat": repr(now),
        }
