"""The writer's hands on Redis: every command that changes the risk list.

Keys: see `riskdb.keys`. Commands of many members go out in chunks, because one large command stalls the lookups of all
other clients. A call that fails is never sent twice; the next publication starts from what it finds.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol, TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from riskdb import keys
from riskdb.compute import xor_of
from riskdb.digest import DIGEST_BYTES
from riskdb.types import RiskDBError

CHUNK = 500
"""Members a command: half a millisecond of the server's time."""

Command = tuple[str | bytes, ...]
Item = TypeVar("Item")


class _Pipeline(Protocol):
    """The part of redis-py's pipeline that is used here, with the types that it lacks."""

    def execute_command(self, *parts: str | bytes) -> object: ...
    def execute(self) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class ListMeta:
    """What risk:meta says of a version, its times left out."""

    version: int
    count: int
    checksum: bytes
    """XOR of the digests."""
    rule: str
    key_id: str

    def fields(self, now: float) -> dict[str, str]:
        return {
            "version": str(self.version),
            "count": str(self.count),
            "digest": self.checksum.hex(),
            "rule": self.rule,
            "key_id": self.key_id,
            "published_at": repr(now),
            "heartbeat": repr(now),
        }


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

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def meta(self) -> ListMeta | None:
        """Return what the list in force says of itself, or None when there is no whole list."""
        fields, members = self._ask(("HMGET", keys.META, *keys.META_FIELDS), ("SCARD", keys.HOT))
        if None in fields:
            return None
        version, count, checksum, rule, key_id, *_ = (field.decode() for field in fields)
        meta = ListMeta(int(version), int(count), bytes.fromhex(checksum), rule, key_id)
        (marked,) = self._ask(("SISMEMBER", keys.HOT, keys.version_marker(meta.version)))
        return meta if marked and members == meta.count + 1 else None

    def beat(self, now: float) -> None:
        """Say that the list is tended."""
        exists, _ = self._ask(("HEXISTS", keys.META, "version"), ("PING",))
        if not exists:
            raise RiskDBError("there is no risk list in Redis to keep alive")
        self._ask(("HSET", keys.META, "heartbeat", repr(now)))

    def difference(self, digests: Sequence[bytes], wanted: dict[bytes, bytes]) -> Difference:
        """Return what must change for these digests so that exactly the wanted ones are listed."""
        added, changed, removed = {}, {}, []
        for part in chunks(digests, CHUNK):
            flags, values = self._ask(("SMISMEMBER", keys.HOT, *part), ("HMGET", keys.WHY, *part))
            for digest, is_listed, value in zip(part, flags, values, strict=True):
                new = wanted.get(digest)
                if new is None:
                    if is_listed:
                        removed.append(digest)
                elif not is_listed:
                    added[digest] = new
                elif new != value:
                    changed[digest] = new
        return Difference(added, changed, removed)

    def apply(self, before: ListMeta, after: ListMeta, difference: Difference, now: float) -> None:
        """Turn one version into the next inside one MULTI.

        New reasons are written ahead of it and old ones taken away behind it, where no reader looks, so that the
        MULTI, during which nobody is served, stays short.
        """
        self._write_why(keys.WHY, difference.added.items())
        removals: list[Command] = [("SREM", keys.HOT, *part) for part in chunks(difference.removed, CHUNK)]
        additions: list[Command] = [("SADD", keys.HOT, *part) for part in chunks(difference.added, CHUNK)]
        new_reasons: list[Command] = [
            ("HSET", keys.WHY, *chain.from_iterable(items)) for items in chunks(difference.changed.items(), CHUNK)
        ]
        self._atomically(
            ("SREM", keys.HOT, keys.version_marker(before.version)),
            *removals,
            *additions,
            *new_reasons,
            ("SADD", keys.HOT, keys.version_marker(after.version)),
            ("HSET", keys.META, *chain.from_iterable(after.fields(now).items())),
        )
        for part in chunks(difference.removed, CHUNK):
            self._ask(("HDEL", keys.WHY, *part))

    def write_names(self, declarations: dict[int, str], sources: dict[int, str]) -> None:
        """Write what the numbers in reasons mean; numbers are never given twice, so this may happen at any time."""
        for key, names in ((keys.AREA, declarations), (keys.SOURCE, sources)):
            for items in chunks(names.items(), CHUNK):
                self._ask(("HSET", key, *(part for number, name in items for part in (str(number), name))))

    # --- a whole new list

    def begin_next(self) -> None:
        """Drop what an interrupted rebuild has left."""
        self._ask(("UNLINK", keys.NEXT_HOT, keys.NEXT_WHY, keys.OLD_HOT, keys.OLD_WHY))

    def add_to_next(self, entries: Sequence[tuple[bytes, bytes]]) -> None:
        self._ask(("SADD", keys.NEXT_HOT, *(digest for digest, _ in entries)))
        self._write_why(keys.NEXT_WHY, entries)

    def verify_next(self, meta: ListMeta) -> None:
        """Read the new list back and hold it against its count and checksum."""
        with _redis_errors():
            members = set(self._client.sscan_iter(keys.NEXT_HOT, count=CHUNK))
        (reasons,) = self._ask(("HLEN", keys.NEXT_WHY))
        if len(members) != meta.count or reasons != meta.count or xor_of(members) != meta.checksum:
            raise RiskDBError("the new list in Redis is not what was written; the old list stays in force")

    def swap(self, meta: ListMeta, now: float) -> None:
        """Put the new list in force and drop the old one."""
        self._ask(("SADD", keys.NEXT_HOT, keys.version_marker(meta.version)))
        names = ((keys.HOT, keys.OLD_HOT, keys.NEXT_HOT), (keys.WHY, keys.OLD_WHY, keys.NEXT_WHY))
        renames: list[Command] = []
        for in_force, old, new in names:
            has_old, has_new = self._ask(("EXISTS", in_force), ("EXISTS", new))
            # RENAME onto a name in use frees it on the spot, a second for a million: move it aside first.
            if has_old:
                renames.append(("RENAME", in_force, old))
            if has_new:
                renames.append(("RENAME", new, in_force))
        self._atomically(
            *renames, ("DEL", keys.META), ("HSET", keys.META, *chain.from_iterable(meta.fields(now).items()))
        )
        self._ask(("UNLINK", keys.OLD_HOT, keys.OLD_WHY))

    # --- looking

    def members(self) -> Iterator[bytes]:
        """Yield every listed digest, possibly more than once while the list changes."""
        with _redis_errors():
            for member in self._client.sscan_iter(keys.HOT, count=CHUNK):
                if len(member) == DIGEST_BYTES and not member.startswith(keys.MARKER):
                    yield member

    def why(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every digest and its packed reasons, possibly more than once while the list changes."""
        with _redis_errors():
            yield from self._client.hscan_iter(keys.WHY, count=CHUNK)

    def heartbeat(self) -> float:
        """Return when the list was last tended, epoch seconds; 0.0 when never."""
        (beat,) = self._ask(("HGET", keys.META, "heartbeat"))
        return float(beat) if beat else 0.0

    def server_setting(self, name: str) -> str:
        """Return a setting of the server, or "" when it is unknown or we may not ask."""
        try:
            found = self._client.config_get(name)
        except redis.ResponseError:
            return ""
        except redis.RedisError as error:
            raise RiskDBError(f"Redis does not answer: {error}") from error
        return str(found.get(name, ""))

    def memory_bytes(self) -> int:
        """Return the memory of the list's two large keys."""
        sizes = self._ask(("MEMORY", "USAGE", keys.HOT), ("MEMORY", "USAGE", keys.WHY))
        return sum(size or 0 for size in sizes)

    def _write_why(self, key: str, entries: Iterable[tuple[bytes, bytes]]) -> None:
        for items in chunks(entries, CHUNK):
            self._ask(("HSET", key, *chain.from_iterable(items)))

    def _ask(self, *commands: Command) -> list[Any]:
        """Send commands in one packet, without MULTI, and return their answers."""
        return self._execute(commands, is_atomic=False)

    def _atomically(self, *commands: Command) -> None:
        self._execute(commands, is_atomic=True)

    def _execute(self, commands: Sequence[Command], *, is_atomic: bool) -> list[Any]:
        with _redis_errors():
            pipeline = cast("_Pipeline", self._client.pipeline(transaction=is_atomic))
            for command in commands:
                pipeline.execute_command(*command)
            return pipeline.execute()


def open_writer(url: str) -> "redis.Redis":
    """Return a client for publishing: patient, and it never sends a command twice."""
    return redis.Redis.from_url(
        url, socket_timeout=30.0, socket_connect_timeout=5.0, retry=Retry(NoBackoff(), 0), protocol=2
    )


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


@contextmanager
def _redis_errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise RiskDBError(f"Redis does not take the risk list: {error}") from error
