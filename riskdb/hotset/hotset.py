"""The reader's side of the risk list: one SMISMEMBER a lookup, and never an answer from a list that is not valid.

Keys: see `riskdb.hotset.keys`. This module only reads.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, repeat
from typing import NamedTuple

import redis

from riskdb.clock import Clock, WallClock
from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.hotset import keys
from riskdb.hotset.list_state import ListState, ListWatch
from riskdb.hotset.reasons import PackedReason, spell_out_all, unpack_reasons
from riskdb.hotset.redis_link import RedisLink
from riskdb.permits import PERMIT_CLASS
from riskdb.settings import RiskSettings
from riskdb.system_words import system_words
from riskdb.types import Declaration, ListedReasons, OtherKeyError, RiskDBError, RiskReason

ATTEMPTS = 3
"""A lookup that met a change of the list is made again; twice in a row has not been seen."""
LISTED = ord("1")
"""What stands in `Membership.flags` for a listed digest."""


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
        clock: Clock | None = None,
    ) -> None:
        self._link = link
        self._load_key = load_key
        self._settings = settings
        self._clock = clock or WallClock()
        self._digester: PlateDigester | None = None
        """Made with the first look at the list: a key that is damaged now may be mended by then."""
        self._watch = ListWatch(link, settings, self._clock)
        self._state: ListState | None = None
        self._highest_version = 0
        self._declarations: dict[int, Declaration] = {}
        self._sources: dict[int, str] = {}

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        """Return the reasons that hold at `now` for (plate class, text) pairs.

        A record without a plate class counts for every class of its text. Raises RiskDBError.
        """
        texts = list(dict.fromkeys(text for _, text in plates))
        with self._link.limited():
            version, reasons, held = self._look_up([*plates, *((ANY_CLASS, text) for text in texts)], now.timestamp())
        if not reasons:
            return ListedReasons(version, ((),) * len(plates), held)
        any_class = dict(zip(texts, reasons[len(plates) :], strict=True))
        merged = (own + any_class[text] for own, (_, text) in zip(reasons, plates, strict=False))
        ordered = tuple(tuple(sorted(each, key=lambda r: r.expires_at, reverse=True)) for each in merged)
        return ListedReasons(version, ordered, held)

    def members(self, digests: Sequence[bytes]) -> Membership:
        """Return which digests, made with the list's key, are listed, in one round trip. Raises RiskDBError."""
        for _ in range(ATTEMPTS):
            membership = self._members_of(self.state(), digests)
            if membership is not None:
                return membership
        raise RiskDBError("Redis 中的名单与它的版本号不符：在中心运行 kakou risk check")

    def _members_of(self, state: ListState, digests: Sequence[bytes]) -> Membership | None:
        """Ask one version; None when the list has moved on to another one, whose state is known then."""
        return self._of_version(state, self._link.ask_members(keys.HOT_KEY, state.marker, digests))

    def _of_version(self, state: ListState, flags: bytes) -> Membership | None:
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
                    raise RiskDBError("查询期间名单换了版本：请再查一次")
                yield Membership(state.version, flags[1:])
        except (redis.RedisError, OSError) as error:
            raise RiskDBError(f"问不到 Redis 中的名单（{system_words(error)}）") from error
        finally:
            # Answers that nobody waits for any more must not be taken for those to the next question.
            if waiting:
                self._link.close()

    def state(self) -> ListState:
        """Return the valid list's state, looked at again when it is older than a moment. Raises RiskDBError."""
        state = self._state
        if state is None or time.monotonic() - state.checked_at > self._settings.recheck_s:
            return self._refreshed()
        return state if self._watch.is_young(state) else self._refreshed()

    def _look_up(
        self, plates: list[tuple[str, str]], now: float
    ) -> tuple[int, list[tuple[RiskReason, ...]], bytes | None]:
        """Return version and reasons, none where nothing is listed, and the first plate's permits as Redis has them.

        They come in the same round trip.
        """
        for _ in range(ATTEMPTS):
            state = self.state()
            # After the state: a new version may have a new key.
            digester = self._digester or PlateDigester(self._load_key())
            digests = digester.digests(plates)
            permit_digest = digester.digest(PERMIT_CLASS, plates[0][1] if plates else "")
            flags, held = self._link.ask_members_and_field(
                keys.HOT_KEY, state.marker, digests, keys.PERMITS_KEY, permit_digest
            )
            membership = self._of_version(state, flags)
            if membership is None:
                continue
            if LISTED not in membership.flags:
                return membership.version, [], held
            reasons: list[tuple[RiskReason, ...]] = [()] * len(digests)
            listed = [position for position, flag in enumerate(membership.flags) if flag == LISTED]
            values = self._why(state, [digests[position] for position in listed])
            if values is None:
                continue
            for position, value in zip(listed, values, strict=True):
                reasons[position] = self._spelled_out(digests[position], value, now)
            return membership.version, reasons, held
        raise RiskDBError("名单换版太快，读不完：稍后再试")

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
            raise RiskDBError("名单中有车没有列入原因：在中心运行 kakou risk check")
        return values

    def _spelled_out(self, digest: bytes, value: bytes, now: float) -> tuple[RiskReason, ...]:
        packed = self._unexpired(unpack_reasons(digest, value), now)
        try:
            if any(reason.window_number not in self._declarations for reason in packed) or any(
                reason.source_number not in self._sources for reason in packed
            ):
                self._read_names()
            return spell_out_all(packed, self._declarations, self._sources)
        except (KeyError, ValueError, OverflowError, OSError) as error:
            raise RiskDBError("名单引用的风险区或来源不存在或已损坏：kakou risk serve 运行时会自行修好") from error

    def _unexpired(self, reasons: Sequence[PackedReason], now: float) -> list[PackedReason]:
        """Return the reasons that count at `now`.

        Raises RiskDBError when all have expired only by a clock that is not trusted, or by one that was set back
        since `now` was read from it.
        """
        span = self._clock.look()
        latest, earliest = now + span.latest - span.wall, min(now, span.wall) + span.earliest - span.wall
        sure = [reason for reason in reasons if reason.expires_at > latest]
        if not sure and any(reason.expires_at > earliest for reason in reasons):
            raise RiskDBError("时钟刚刚跳变，无法判断是否到期：核对本机时间（NTP）")
        return sure

    def _read_names(self) -> None:
        areas, sources = self._link.ask(("HGETALL", keys.AREA), ("HGETALL", keys.SOURCE))
        self._declarations = {int(number): Declaration.model_validate_json(text) for number, text in _in_pairs(areas)}
        self._sources = {int(number): name.decode() for number, name in _in_pairs(sources)}

    def _refreshed(self) -> ListState:
        """Read the list's state anew and hold it to be valid, or raise RiskDBError."""
        self._state = None
        state = self._watch.read()
        if state.version < self._highest_version:
            raise RiskDBError(
                f"名单从第 {self._highest_version} 版退回到第 {state.version} 版：核对 Redis 是否换成了旧的数据"
            )
        if self._digester is None or state.key_id != self._digester.key_id:
            self._digester = PlateDigester(self._load_key())
        if state.key_id != self._digester.key_id:
            raise OtherKeyError("名单是用另一把号牌密钥做的：把中心的密钥文件拷到这台机器")
        self._watch.require_young(state)
        self._highest_version = state.version
        self._state = state
        return state


def _in_pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
