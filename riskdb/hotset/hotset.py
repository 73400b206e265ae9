"""The reader's side of the risk list: one SMISMEMBER a lookup, and never an answer from a list that is not valid.

Keys: see `riskdb.hotset.keys`. This module only reads.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import NamedTuple

import redis
from pydantic import ValidationError

from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.hotset import keys
from riskdb.hotset.keys import ReasonBuckets
from riskdb.hotset.reasons import spell_out_all, unpack_reasons
from riskdb.hotset.redis_link import RedisLink
from riskdb.settings import RiskSettings
from riskdb.types import Declaration, ListedReasons, RiskDBError, RiskReason

ATTEMPTS = 3
"""A lookup that met a change of the list is made again; twice in a row has not been seen."""
LISTED = ord("1")
"""What stands in `Membership.flags` for a listed digest."""


@dataclass(frozen=True, slots=True)
class ListState:
    """What a reader knows of the list."""

    version: int
    count: int
    key_id: str
    buckets: ReasonBuckets
    """Where the reasons stand."""
    heartbeat: float
    """Epoch seconds by the centre's clock."""
    is_alone: bool
    """The server is a replica that has lost its centre."""
    checked_at: float
    """Monotonic seconds."""
    marker: bytes
    """The member of the hot set that names the version."""

    def age_s(self, wall_time: float) -> float:
        """Return how long ago the list's keeper was last heard of."""
        return max(0.0, wall_time - self.heartbeat)


class Membership(NamedTuple):
    """Which digests one version of the list holds. A tuple, because every lookup makes one."""

    version: int
    flags: bytes
    """LISTED where the digest is listed, in the order asked."""


class HotSet:
    """The risk list as a reader sees it. One thread only."""

    def __init__(
        self,
        link: RedisLink,
        load_key: Callable[[], bytes],
        settings: RiskSettings,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._link = link
        self._load_key = load_key
        self._settings = settings
        self._wall_clock = wall_clock
        self._digester = PlateDigester(load_key())
        self._state: ListState | None = None
        self._highest_version = 0
        self._declarations: dict[int, Declaration] = {}
        self._sources: dict[int, str] = {}

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        """Return the reasons that hold at `now` for (plate class, text) pairs.

        A record without a plate class counts for every class of its text. Raises RiskDBError.
        """
        texts = list(dict.fromkeys(text for _, text in plates))
        version, reasons = self._look_up([*plates, *((ANY_CLASS, text) for text in texts)], now.timestamp())
        any_class = dict(zip(texts, reasons[len(plates) :], strict=True))
        merged = (own + any_class[text] for own, (_, text) in zip(reasons, plates, strict=False))
        ordered = tuple(tuple(sorted(each, key=lambda r: r.expires_at, reverse=True)) for each in merged)
        return ListedReasons(version, ordered)

    def members(self, digests: Sequence[bytes]) -> Membership:
        """Return which digests, made with the list's key, are listed, in one round trip. Raises RiskDBError."""
        for _ in range(ATTEMPTS):
            membership = self._members_of(self.state(), digests)
            if membership is not None:
                return membership
        raise RiskDBError("the risk list in Redis is not the version that it says; run `kakou risk check`")

    def _members_of(self, state: ListState, digests: Sequence[bytes]) -> Membership | None:
        """Ask one version; None when the list has moved on to another one, whose state is known then."""
        flags = self._link.ask_members(keys.HOT_KEY, state.marker, digests)
        if flags[0] == LISTED:
            return Membership(state.version, flags[1:])
        self._refreshed()
        return None

    def members_of_batches(self, batches: Iterable[Sequence[bytes]], in_flight: int = 4) -> Iterator[Membership]:
        """Yield the membership of each batch, with several questions on their way at once.

        Raises RiskDBError, also when the list changes meanwhile: then ask again.
        """
        state = self.state()
        source = iter(batches)
        waiting: deque[int] = deque()
        try:
            for batch in chain(source, repeat(None)):
                if batch is not None:
                    self._link.send_members(keys.HOT_KEY, state.marker, batch)
                    waiting.append(len(batch) + 1)
                    if len(waiting) < in_flight:
                        continue
                if not waiting:
                    return
                flags = self._link.receive_members(waiting[0])
                waiting.popleft()
                if flags[0] != LISTED:
                    raise RiskDBError("the risk list changed while a long question was under way; ask again")
                yield Membership(state.version, flags[1:])
        except (redis.RedisError, OSError) as error:
            raise RiskDBError(f"the risk list in Redis cannot be asked: {error}") from error
        finally:
            # Answers that nobody waits for any more must not be taken for those to the next question.
            if waiting:
                self._link.close()

    def state(self) -> ListState:
        """Return the valid list's state, looked at again when it is older than a moment. Raises RiskDBError."""
        state = self._state
        if state is None or time.monotonic() - state.checked_at > self._settings.recheck_s:
            return self._refreshed()
        return state if self._is_young(state) else self._refreshed()

    def _look_up(self, plates: list[tuple[str, str]], now: float) -> tuple[int, list[tuple[RiskReason, ...]]]:
        for _ in range(ATTEMPTS):
            state = self.state()
            # After the state: a new version may have a new key.
            digests = [self._digester.digest(plate_class, text) for plate_class, text in plates]
            membership = self._members_of(state, digests)
            if membership is None:
                continue
            reasons: list[tuple[RiskReason, ...]] = [()] * len(digests)
            listed = [position for position, flag in enumerate(membership.flags) if flag == LISTED]
            if not listed:
                return membership.version, reasons
            values = self._why(state, [digests[position] for position in listed])
            if values is None:
                continue
            for position, value in zip(listed, values, strict=True):
                reasons[position] = self._spelled_out(value, now)
            return membership.version, reasons
        raise RiskDBError("the risk list changes faster than it can be read")

    def _why(self, state: ListState, digests: list[bytes]) -> list[bytes] | None:
        """Return the packed reasons, or None when the list has moved on to another version meanwhile."""
        is_same_version, *values = self._link.ask_atomically(
            ("SISMEMBER", keys.HOT, state.marker),
            *(("HGET", state.buckets.key_of(digest), digest) for digest in digests),
        )
        if not is_same_version:
            self._refreshed()
            return None
        if None in values:
            raise RiskDBError("the risk list names a vehicle without a reason; run `kakou risk check`")
        return values

    def _spelled_out(self, value: bytes, now: float) -> tuple[RiskReason, ...]:
        packed = unpack_reasons(value, now)
        try:
            if any(reason.window_number not in self._declarations for reason in packed) or any(
                reason.source_number not in self._sources for reason in packed
            ):
                self._read_names()
            return spell_out_all(packed, self._declarations, self._sources)
        except (KeyError, ValidationError) as error:
            raise RiskDBError(f"the risk list names an unknown declaration or source: {error}") from error

    def _read_names(self) -> None:
        areas, sources = self._link.ask(("HGETALL", keys.AREA), ("HGETALL", keys.SOURCE))
        self._declarations = {int(number): Declaration.model_validate_json(text) for number, text in _in_pairs(areas)}
        self._sources = {int(number): name.decode() for number, name in _in_pairs(sources)}

    def _refreshed(self) -> ListState:
        """Read the list's state anew and hold it to be valid, or raise RiskDBError."""
        self._state = None
        state, marker_and_members = self._read_state()
        if state.count + 1 != marker_and_members:
            raise RiskDBError(
                f"the risk list should have {state.count} entries, not {marker_and_members - 1}; run `kakou risk check`"
            )
        if state.version < self._highest_version:
            raise RiskDBError(f"the risk list went back from version {self._highest_version} to {state.version}")
        if state.key_id != self._digester.key_id:
            self._digester = PlateDigester(self._load_key())
        if state.key_id != self._digester.key_id:
            raise RiskDBError("the risk list was made with another plate key; copy the centre's key file to this box")
        self._require_young(state)
        self._highest_version = state.version
        self._state = state
        return state

    def _read_state(self) -> tuple[ListState, int]:
        fields, members = self._link.ask_atomically(("HMGET", keys.META, *keys.META_FIELDS), ("SCARD", keys.HOT))
        if None in fields:
            raise RiskDBError("there is no risk list in Redis; run `kakou risk serve` or `kakou risk import`")
        meta = dict(zip(keys.META_FIELDS, (field.decode() for field in fields), strict=True))
        heartbeat = float(meta["heartbeat"])
        is_old = self._wall_clock() - heartbeat > self._settings.stale_after_s
        state = ListState(
            version=int(meta["version"]),
            count=int(meta["count"]),
            key_id=meta["key_id"],
            buckets=ReasonBuckets(int(meta["why_built"]), int(meta["why_bits"])),
            heartbeat=heartbeat,
            is_alone=is_old and self._has_lost_its_centre(),
            checked_at=time.monotonic(),
            marker=keys.version_marker(int(meta["version"])),
        )
        return state, members

    def _has_lost_its_centre(self) -> bool:
        replication = self._link.ask(("INFO", "replication"))[0]
        return isinstance(replication, bytes) and b"master_link_status:down" in replication

    def _is_young(self, state: ListState) -> bool:
        limit_s = self._settings.alone_for_s if state.is_alone else self._settings.stale_after_s
        return -self._settings.stale_after_s <= self._wall_clock() - state.heartbeat <= limit_s

    def _require_young(self, state: ListState) -> None:
        if self._is_young(state):
            return
        age_s = self._wall_clock() - state.heartbeat
        if age_s < 0:
            raise RiskDBError(f"the list's heartbeat lies {-age_s:.0f} s ahead; set the clocks of box and centre")
        raise RiskDBError(f"the risk list was last tended {age_s:.0f} s ago; is `kakou risk serve` running?")


def _in_pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
