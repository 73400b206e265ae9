"""The writer's hands on Redis: every command that changes the risk list.

Keys: see `riskdb.hotset.keys`. Commands of many members go out in chunks, because one large command stalls the lookups
of all other clients. A call that fails is never sent twice; the next publication starts from what it finds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from riskdb.digest import DIGEST_BYTES
from riskdb.hotset import keys
from riskdb.hotset.compute import xor_of
from riskdb.hotset.keys import ReasonBuckets
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.name_store import NameStore
from riskdb.hotset.permit_store import PermitStore
from riskdb.hotset.reason_store import CHUNK, PACKET, ReasonStore, chunks, write_commands
from riskdb.hotset.redis_link import Command, RedisLink, is_refusal
from riskdb.types import RiskDBError


@dataclass(frozen=True, slots=True)
class Difference:
    """How the list must change."""

    added: dict[bytes, bytes]
    changed: dict[bytes, bytes]
    """Listed before and after, for other reasons."""
    removed: list[bytes]

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)

    def moved(self) -> bytes:
        """Return what the checksum changes by."""
        return xor_of([*self.added, *self.removed])


class ListStore:
    """The list in Redis as its one writer sees it. Every method raises RiskDBError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self.reasons = ReasonStore(link)
        self.names = NameStore(link)
        self.permits = PermitStore(link)

    def meta(self) -> ListMeta | None:
        """Return what the list in force says of itself, or None when there is no whole list."""
        try:
            fields, members = self._link.ask(("HMGET", keys.META, *keys.META_FIELDS), ("SCARD", keys.HOT))
        except RiskDBError as error:
            if is_refusal(error):  # a key holds something else altogether
                return None
            raise
        meta = ListMeta.parsed(fields)
        if meta is None:
            return None
        (marked,) = self._link.ask(("SISMEMBER", keys.HOT, keys.version_marker(meta.version)))
        return meta if marked and members == meta.count + 1 else None

    def beat(self, now: float) -> None:
        """Say that the list is tended."""
        exists, _ = self._link.ask(("HEXISTS", keys.META, "version"), ("PING",))
        if not exists:
            raise RiskDBError("Redis 中没有名单，无从保持：kakou risk serve 会重新发布")
        self._link.ask(("HSET", keys.META, "heartbeat", repr(now)))

    def difference(self, before: ListMeta, digests: Sequence[bytes], wanted: dict[bytes, bytes]) -> Difference:
        """Return what must change for these digests so that exactly the wanted ones are listed."""
        listed = list(self.listed(digests))
        standing = self.reasons.read(before.buckets, [digest for digest in listed if digest in wanted])
        return Difference(
            added={digest: wanted[digest] for digest in wanted.keys() - set(listed)},
            changed={digest: wanted[digest] for digest, value in standing.items() if wanted[digest] != value},
            removed=[digest for digest in listed if digest not in wanted],
        )

    def apply(self, before: ListMeta, after: ListMeta, difference: Difference, now: float) -> None:
        """Turn one version into the next inside one MULTI.

        New reasons are written ahead of it and old ones taken away behind it, where no reader looks, so that the
        MULTI, during which nobody is served, stays short.
        """
        self.reasons.write(after.buckets, difference.added.items())
        removals: list[Command] = [("SREM", keys.HOT, *part) for part in chunks(difference.removed, CHUNK)]
        additions: list[Command] = [("SADD", keys.HOT, *part) for part in chunks(difference.added, CHUNK)]
        self._link.ask_atomically(
            ("SREM", keys.HOT, keys.version_marker(before.version)),
            *removals,
            *additions,
            *write_commands(after.buckets, difference.changed.items()),
            ("SADD", keys.HOT, keys.version_marker(after.version)),
            ("HSET", keys.META, *chain.from_iterable(after.fields(now).items())),
        )
        self.reasons.remove(after.buckets, difference.removed)

    # --- a whole new list

    def begin_next(self, before: ListMeta | None) -> None:
        """Drop what an interrupted rebuild has left."""
        self._link.ask(("UNLINK", keys.NEXT_HOT, keys.OLD_HOT))
        self.reasons.drop_others(before.buckets if before else None)

    def add_to_next(self, buckets: ReasonBuckets, entries: Sequence[tuple[bytes, bytes]]) -> None:
        """Write at most PACKET entries."""
        additions: list[Command] = [
            ("SADD", keys.NEXT_HOT, *(digest for digest, _ in part)) for part in chunks(entries, CHUNK)
        ]
        self._link.ask(*additions, *write_commands(buckets, entries))

    def verify_next(self, meta: ListMeta) -> None:
        """Read the new list back and hold it against its count and checksum."""
        members = set(self._scan(keys.NEXT_HOT))
        reasons = self.reasons.count(meta.buckets)
        if len(members) != meta.count or reasons != meta.count or xor_of(members) != meta.checksum:
            raise RiskDBError("写进 Redis 的新名单核对不上，仍用旧名单：再试一次，核对 Redis 的内存")

    def swap(self, meta: ListMeta, now: float) -> None:
        """Put the new list in force and drop the old one."""
        _, has_old = self._link.ask(("SADD", keys.NEXT_HOT, keys.version_marker(meta.version)), ("EXISTS", keys.HOT))
        # RENAME onto a name in use frees it on the spot, a second for a million: move it aside first.
        aside: list[Command] = [("RENAME", keys.HOT, keys.OLD_HOT)] if has_old else []
        self._link.ask_atomically(
            *aside,
            ("RENAME", keys.NEXT_HOT, keys.HOT),
            ("DEL", keys.META),
            ("HSET", keys.META, *chain.from_iterable(meta.fields(now).items())),
        )
        self._link.ask(("UNLINK", keys.OLD_HOT))
        self.reasons.drop_others(meta.buckets)

    # --- looking

    def members(self) -> Iterator[bytes]:
        """Yield every listed digest, possibly more than once while the list changes."""
        return (m for m in self._scan(keys.HOT) if len(m) == DIGEST_BYTES and not m.startswith(keys.MARKER))

    def why(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every digest and its packed reasons; nothing when there is no whole list."""
        meta = self.meta()
        return iter(()) if meta is None else self.reasons.all(meta.buckets)

    def member_count(self) -> int:
        """Return how many vehicles stand in Redis, whole list or not."""
        try:
            (count,) = self._link.ask(("SCARD", keys.HOT))
        except RiskDBError as error:
            if is_refusal(error):
                return 0
            raise
        return max(0, int(count) - 1)

    def heartbeat(self) -> float:
        """Return when the list was last tended, epoch seconds; 0.0 when never, or when that cannot be read."""
        (beat,) = self._link.ask(("HGET", keys.META, "heartbeat"))
        try:
            return float(beat) if beat else 0.0
        except ValueError:
            return 0.0

    def server_setting(self, name: str) -> str:
        """Return a setting of the server, or "" when it is unknown or we may not ask."""
        try:
            ((found),) = self._link.ask(("CONFIG", "GET", name))
        except RiskDBError as error:
            if is_refusal(error):
                return ""
            raise
        return str(found[1].decode()) if found else ""

    def memory_bytes(self) -> int:
        """Return about how much memory the list takes."""
        meta = self.meta()
        (size,) = self._link.ask(("MEMORY", "USAGE", keys.HOT))
        return (size or 0) + (self.reasons.memory_bytes(meta.buckets) if meta else 0)

    def listed(self, digests: Iterable[bytes]) -> Iterator[bytes]:
        """Yield those that are listed."""
        for packet in chunks(digests, PACKET):
            questions: list[Command] = [("SMISMEMBER", keys.HOT, *part) for part in chunks(packet, CHUNK)]
            flags = chain.from_iterable(self._link.ask(*questions))
            yield from (digest for digest, is_listed in zip(packet, flags, strict=True) if is_listed)

    def _scan(self, key: str) -> Iterator[bytes]:
        cursor: bytes | str = "0"
        while True:
            ((cursor, found),) = self._link.ask(("SSCAN", key, cursor, "COUNT", str(CHUNK)))
            yield from found
            if cursor == b"0":
                return
