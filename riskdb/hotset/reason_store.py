"""The writer's hands on the reasons of the risk list: many small hashes.

Keys: risk:why:V:B, see `riskdb.hotset.keys`. No command moves more than CHUNK fields. Many go out in one packet: Redis
reads some tens of KiB of it at a time and serves its other clients in between; nobody waits for each answer in turn.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from riskdb.hotset.keys import BUCKET_ENTRIES, ReasonBuckets
from riskdb.hotset.redis_link import Command, RedisLink

CHUNK = 500
"""Members or fields a command at most: half a millisecond of the server's time."""
PACKET = 10 * CHUNK
"""Entries a packet."""
_BUCKETS_A_PACKET = PACKET // BUCKET_ENTRIES
_ALL = b"risk:why:*"
_SAMPLED = 64
"""Buckets whose memory is measured; digests spread evenly, so they stand for all."""

Item = TypeVar("Item")


class ReasonStore:
    """The reasons as the list's one writer sees them. Every method raises RiskDBError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def write(self, buckets: ReasonBuckets, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Write (digest, packed reasons)."""
        for part in chunks(entries, PACKET):
            self._link.ask(*write_commands(buckets, part))

    def remove(self, buckets: ReasonBuckets, digests: Iterable[bytes]) -> None:
        for part in chunks(digests, PACKET):
            removals: list[Command] = [("HDEL", key, *each) for key, each in _by_bucket(buckets, part).items()]
            self._link.ask(*removals)

    def read(self, buckets: ReasonBuckets, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """Return the packed reasons of each digest."""
        found: dict[bytes, bytes | None] = {}
        for part in chunks(digests, PACKET):
            asked = _by_bucket(buckets, part)
            questions: list[Command] = [("HMGET", key, *each) for key, each in asked.items()]
            answers = self._link.ask(*questions)
            for each, values in zip(asked.values(), answers, strict=True):
                found.update(zip(each, values, strict=True))
        return found

    def all(self, buckets: ReasonBuckets) -> Iterator[tuple[bytes, bytes]]:
        """Yield every digest and its sealed reasons."""
        for numbers in chunks(range(1 << buckets.bits), _BUCKETS_A_PACKET):
            yield from self.some(buckets, numbers)

    def some(self, buckets: ReasonBuckets, numbers: Iterable[int]) -> Iterator[tuple[bytes, bytes]]:
        """Yield every digest of some buckets and its sealed reasons; too many buckets make a long command."""
        for flat in self._link.ask(*(("HGETALL", buckets.key(number)) for number in numbers)):
            yield from zip(flat[::2], flat[1::2], strict=True)

    def count(self, buckets: ReasonBuckets) -> int:
        return sum(sum(self._link.ask(*(("HLEN", key) for key in keys))) for keys in chunks(buckets.keys(), PACKET))

    def drop_others(self, in_force: ReasonBuckets | None) -> None:
        """Unlink all buckets but those in force: of the version before, and what interrupted rebuilds have left."""
        kept = b"" if in_force is None else b"risk:why:%d:" % in_force.built
        cursor: bytes | str = "0"
        while True:
            ((cursor, found),) = self._link.ask(("SCAN", cursor, "MATCH", _ALL, "COUNT", str(CHUNK)))
            if others := [key for key in found if not (kept and key.startswith(kept))]:
                self._link.ask(("UNLINK", *others))
            if cursor == b"0":
                return

    def memory_bytes(self, buckets: ReasonBuckets) -> int:
        """Return about how much memory the reasons take."""
        keys = list(islice(buckets.keys(), _SAMPLED))
        sizes = self._link.ask(*(("MEMORY", "USAGE", key) for key in keys))
        return sum(size or 0 for size in sizes) * (1 << buckets.bits) // len(keys)


def write_commands(buckets: ReasonBuckets, entries: Iterable[tuple[bytes, bytes]]) -> list[Command]:
    """Return the commands that write (digest, packed reasons)."""
    commands: dict[bytes, list[bytes]] = {}
    for digest, value in entries:
        commands.setdefault(buckets.key_of(digest), []).extend((digest, value))
    return [("HSET", key, *cells) for key, cells in commands.items()]


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _by_bucket(buckets: ReasonBuckets, digests: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    grouped: dict[bytes, list[bytes]] = {}
    for digest in digests:
        grouped.setdefault(buckets.key_of(digest), []).append(digest)
    return grouped
