"""Every Redis key of the risk list. Only `list_store`, `reason_store` and `name_store` write them; `hotset` reads them.

risk:hot     SET   of 16-byte digests, and one member that names the version (`version_marker`)   no expiry
risk:why:V:B HASH  digest -> sealed reasons (`riskdb.hotset.reasons`), the exact expiry included          no expiry
             of the digests that begin with the bits B, as version V has built them (`ReasonBuckets`)
risk:area    HASH  window number -> declaration as JSON                                            no expiry
risk:source  HASH  source number -> name of the source                                             no expiry
risk:meta    HASH  version, count, digest, rule, key_id, why_built, why_bits (V and the number of    no expiry
             bits in B), published_at, heartbeat (epoch seconds)
risk:next    SET   the hot set of a version under construction; renamed or unlinked by the publisher
risk:permit  HASH  digest of a plate's permits -> the permits as JSON (see permit_store)               no expiry
risk:old     SET   the hot set of the version before, unlinked at once

The version marker makes every lookup check its list: the one SMISMEMBER asks for the marker of the version that the
reader knows, so an answer from an emptied, replaced or foreign set cannot be taken for "not listed".

Reasons lie in many small hashes, because Redis keeps a small hash in one piece of memory: 49 bytes an entry, where one
large hash takes 110 (Redis 7.0 of Debian, its allocator's steps of 16 bytes included).
"""

from collections.abc import Iterator
from dataclasses import dataclass

HOT = "risk:hot"
HOT_KEY = HOT.encode()
NEXT_HOT, OLD_HOT = "risk:next", "risk:old"
AREA = "risk:area"
SOURCE = "risk:source"
META = "risk:meta"
PERMITS, NEXT_PERMITS, OLD_PERMITS = "risk:permit", "risk:permit:next", "risk:permit:old"
PERMITS_KEY = PERMITS.encode()
PERMIT_VERSION = "version"
"""Field of risk:permit that says which change of the record it shows; digests are longer."""

META_FIELDS = ("version", "count", "digest", "rule", "key_id", "why_built", "why_bits", "published_at", "heartbeat")


MARKER = b"\0version"


def version_marker(version: int) -> bytes:
    """Return the member of the hot set that says which version it is; 16 bytes, as digests are."""
    return MARKER + version.to_bytes(8, "big")


BUCKET_ENTRIES = 48
"""Entries of a bucket at most, on average, when a list is built: less saves nothing, more makes changes slower."""
MOST_BUCKET_ENTRIES = 160
"""What no bucket of a list that has not outgrown its buckets exceeds: five standard deviations above twice the
average. Servers keep a hash small up to `hash-max-listpack-entries` (512 unless set)."""
_BITS_USED = 32
MOST_BITS = 20
"""A million buckets: enough for a hundred million entries, and read through in seconds where the number is damaged."""
MOST_VERSION = 2**63


@dataclass(frozen=True, slots=True)
class ReasonBuckets:
    """In which hash the reasons of a digest stand: one for each value of its first bits."""

    built: int
    """The version whose rebuild made them."""
    bits: int
    """From 0 to MOST_BITS."""

    @classmethod
    def checked(cls, built: int, bits: int) -> "ReasonBuckets":
        """Return what Redis says. Raises ValueError when it makes no sense."""
        if not (0 <= built < MOST_VERSION and 0 <= bits <= MOST_BITS):
            raise ValueError(f"no buckets: {built}, {bits}")
        return cls(built, bits)

    @classmethod
    def for_count(cls, built: int, count: int) -> "ReasonBuckets":
        """Return the buckets of a list of `count` entries."""
        bits = max(0, (count - 1) // BUCKET_ENTRIES).bit_length()
        return cls(built, min(MOST_BITS, bits))

    def key_of(self, digest: bytes) -> bytes:
        return self.key(int.from_bytes(digest[:4]) >> (_BITS_USED - self.bits))

    def keys(self) -> Iterator[bytes]:
        """Yield every bucket's key, of the empty ones too."""
        return (self.key(number) for number in range(1 << self.bits))

    def key(self, number: int) -> bytes:
        return b"risk:why:%d:%x" % (self.built, number)

    def is_outgrown(self, count: int) -> bool:
        """Whether a list of `count` entries should get more buckets."""
        return count > 2 * BUCKET_ENTRIES << self.bits
