"""Which of many keys were written, told by the writer: who reads them need not search all of Redis, risk list included.

Redis keys (written here only):
  <prefix>:arrived  STREAM  {"n": name}: the last KEPT writes, trimmed by length
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast

import redis

KEPT = 20_000
"""Writes: 2,000 cameras that report every 2 s, over 20 s. A stream of them takes less than 1 MB."""
MAX_NAME = 200
"""Characters; no camera and no machine has a longer name."""
_AT_ONCE = 5000
_SWEEP_COUNT, _SWEEP_STEPS = 1000, 20
"""Keys that Redis looks at in one step of a search, and steps in one turn: 20,000 keys are some 10 ms of Redis."""
_SWEEP_EVERY_S = 60.0
_SWEEP_SELDOM_S = 600.0
"""Where the last search found no writer that does not tell of itself."""

_Answer: TypeAlias = Sequence[tuple[bytes, Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]]]
"""XREAD's; redis-py types it for every client at once."""


def put(client: "redis.Redis", prefix: str, name: str, text: str, ttl_s: int) -> None:
    """Write `prefix + name` and tell that it was written, in one round trip. `prefix` ends with a colon."""
    with client.pipeline(transaction=False) as line:
        line.set(prefix + name, text, ex=ttl_s)
        line.xadd(_stream(prefix), {"n": name}, maxlen=KEPT, approximate=True)
        line.execute()


class Arrivals:
    """What was written since the last look; for one thread. Raises redis.RedisError.

    Keys of writers that do not tell (an older build, or one without the right to) are found by a search that goes
    through Redis a piece at a turn.
    """

    def __init__(self, client: "redis.Redis", prefix: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._prefix = prefix
        self._monotonic = monotonic
        self._last_id: bytes | str = "0"
        self._cursor = 0
        self._sweep_at = -1.0
        """When the next search may begin; one that goes on has a cursor."""
        self._told: set[str] = set()
        """Since the last search began, bounded by what Redis keeps of them."""
        self._untold: set[str] = set()
        """Names that were found and never told of themselves."""
        self._has_found = False

    def names(self) -> list[str]:
        """Return each name once: what was told, what a piece of the search came upon, and all that never tell."""
        told = self._read()
        self._untold -= told
        self._told = (self._told | told) if len(self._told) < KEPT else told
        return list(told | self._searched() | self._untold)

    def _read(self) -> set[str]:
        told: set[str] = set()
        for _ in range(KEPT // _AT_ONCE + 1):
            answer = self._client.xread({_stream(self._prefix): self._last_id}, count=_AT_ONCE)
            entries = [entry for _, of_stream in cast("_Answer", answer or ()) for entry in of_stream]
            told.update(name for _, fields in entries if (name := _name_of(fields)))
            if entries:
                self._last_id = entries[-1][0]
            if len(entries) < _AT_ONCE:
                break
        return told

    def _searched(self) -> set[str]:
        if not self._cursor and self._monotonic() < self._sweep_at:
            return set()
        found: set[str] = set()
        for _ in range(_SWEEP_STEPS):
            self._cursor, keys = self._client.scan(self._cursor, match=f"{self._prefix}*", count=_SWEEP_COUNT)
            found.update(name for key in keys if (name := _text(key).removeprefix(self._prefix)) and name[0] != ":")
            if not self._cursor:
                break
        untold = {name for name in found - self._told if len(name) <= MAX_NAME}
        self._has_found = self._has_found or bool(untold)
        if len(self._untold) < KEPT:
            self._untold |= untold
        if not self._cursor:
            self._sweep_at = self._monotonic() + (_SWEEP_EVERY_S if self._has_found else _SWEEP_SELDOM_S)
            self._has_found, self._told = False, set()
            self._last_id = "0"  # a Redis that began anew, its clock behind, counts from below
        return untold

    @property
    def is_searching(self) -> bool:
        """True while a search has not been through all of Redis."""
        return self._cursor != 0

    def forget(self, names: Iterable[str]) -> None:
        """These keys are gone: nobody writes them any more."""
        self._untold.difference_update(names)


def _stream(prefix: str) -> str:
    return f"{prefix}:arrived"


def _name_of(fields: Mapping[bytes, bytes] | None) -> str:
    name = _text(next(iter((fields or {}).values()), b""))
    return name if len(name) <= MAX_NAME else ""


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
