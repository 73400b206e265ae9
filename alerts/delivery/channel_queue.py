"""What one channel still has to deliver: its consumer group, and which of its entries wait for another try when.

Keys (written only here)
  events:due:<channel>      ZSET  stream id -> unix ms of the next try; every member is also pending in the group
  events:tries:<channel>    HASH  stream id -> number of failed tries
  events:ahead:<channel>    HASH  stream id -> unix ms of its scheduled try, where that was brought forward
  events:channel:<channel>  HASH  what people see: delivered, failed, skipped (counts), last_success_ms,
                                  last_failure_ms, last_error, disabled (why; absent while enabled)
None expires; `forget` deletes them with the group when the channel is taken out of the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import redis
from redis.client import Pipeline

from alerts.canary import CanaryEvent
from alerts.canary_marks import CanaryMarks
from alerts.entries import StreamEntry, is_stream_id, raw_entries
from alerts.groups import GroupReader, as_told, dead_letter
from alerts.redis_link import DEAD_COUNT_KEY, STREAM_KEY, redis_errors

DUE_KEY = "events:due:"
TRIES_KEY = "events:tries:"
AHEAD_KEY = "events:ahead:"
CHANNEL_KEY = "events:channel:"
GROUP_PREFIX = "channel:"
CLAIM_IDLE_MS = 60_000
"""What another deliverer has held this long without a word is taken over from it."""
ADOPT_BATCH = 1000
MOST_DIGITS = 18
LATEST_MS = 2**53
"""The last millisecond that a score, a double, tells exactly."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that is to be delivered now."""

    entry: StreamEntry
    failures: int
    """How often it failed before."""
    is_probe: bool = False
    """Tried ahead of its time, because the receiver is back or to find that out; a failure then costs it no try."""
    scheduled_ms: int | None = None
    """When the schedule wants it tried, where it was brought forward."""


class ChannelQueue:
    """The queue of one channel as one deliverer works it."""

    def __init__(self, client: "redis.Redis", channel: str, consumer: str) -> None:
        self._client = client
        self.channel = channel
        self._group = GROUP_PREFIX + channel
        self._reader = GroupReader(client, self._group, consumer)
        self._due_key, self._tries_key = DUE_KEY + channel, TRIES_KEY + channel
        self._ahead_key = AHEAD_KEY + channel
        self._state_key = CHANNEL_KEY + channel

    def take(self, limit: int, now_ms: int, block_ms: int) -> list[Waiting]:
        """Return what to deliver now, at most `limit`: tries that are due first, then new entries."""
        due = self._due(limit, now_ms)
        return due or [Waiting(entry, 0) for entry in self._reader.read(count=limit, block_ms=block_ms)]

    def take_probe(self) -> list[Waiting]:
        """Return the entry that would be due next, or nothing when none waits."""
        return [replace(one, is_probe=True) for one in self._due(1, "+inf")]

    def adopt(self, now_ms: int, *, is_start: bool = False) -> int:
        """Make due what was under way when a deliverer died; return how many entries were looked at.

        At the start that is everything this consumer had; later, what any consumer has held too long.
        """
        if is_start:
            found = [entry.entry_id for entry in self._reader.unacked(count=100_000)]
        else:
            found = [entry.entry_id for entry in self._reader.claim(min_idle_ms=CLAIM_IDLE_MS, count=ADOPT_BATCH)]
        if found:
            with redis_errors(f"adopt entries of channel {self.channel}"):
                self._client.zadd(self._due_key, dict.fromkeys(found, now_ms), nx=True)
        return len(found)

    def done(self, waiting: Sequence[Waiting], now_ms: int, *, skipped: bool = False) -> None:
        with redis_errors(f"settle entries of channel {self.channel}"), self._client.pipeline() as pipe:
            for one in waiting:
                self._settle(pipe, one)
            pipe.hincrby(self._state_key, "skipped" if skipped else "delivered", len(waiting))
            if not skipped:
                pipe.hset(self._state_key, "last_success_ms", now_ms)
            pipe.execute()

    def postpone(self, one: Waiting, due_ms: int, now_ms: int, reason: str) -> None:
        with redis_errors(f"postpone an entry of channel {self.channel}"), self._client.pipeline() as pipe:
            pipe.zadd(self._due_key, {one.entry.entry_id: due_ms})
            pipe.hset(self._tries_key, one.entry.entry_id, one.failures + 1)
            pipe.hdel(self._ahead_key, one.entry.entry_id)
            self._note_failure(pipe, now_ms, reason)
            pipe.execute()

    def hold(self, waiting: Sequence[Waiting], due_ms: int) -> None:
        """Leave entries for later without counting a try."""
        with redis_errors(f"hold entries of channel {self.channel}"):
            self._client.zadd(self._due_key, {one.entry.entry_id: due_ms for one in waiting})

    def canary_came_out(self, canary: CanaryEvent) -> None:
        CanaryMarks(self._client).came_out(self._group, canary)

    def due(self, limit: int, now_ms: int) -> list[Waiting]:
        """Return what of the schedule is due by now, at most `limit`."""
        return self._due(limit, now_ms)

    def put_back(self, one: Waiting) -> None:
        """Leave a probe that failed to its schedule."""
        if one.scheduled_ms is not None:
            with redis_errors(f"put back an entry of channel {self.channel}"):
                self._client.zadd(self._due_key, {one.entry.entry_id: one.scheduled_ms}, xx=True)

    def bury(self, one: Waiting, now_ms: int, reason: str) -> None:
        """Give an entry up: dead letter, ack and schedule in one step."""
        with redis_errors(f"bury an entry of channel {self.channel}"), self._client.pipeline() as pipe:
            dead_letter(pipe, self._group, one.entry, reason)
            self._settle(pipe, one)
            self._note_failure(pipe, now_ms, reason)
            pipe.execute()

    def bring_forward(self, now_ms: int) -> None:
        """Make every waiting try due now, because the receiver is back: once between two tries of the schedule."""
        with redis_errors(f"bring forward channel {self.channel}"):
            found = self._client.zrangebyscore(self._due_key, f"({now_ms}", "+inf", withscores=True)
            waiting = cast("list[tuple[bytes, float]]", found)
            if not waiting:
                return
            known = self._client.hmget(self._ahead_key, [entry_id for entry_id, _ in waiting])
            fresh = {
                one: int(min(due_ms, LATEST_MS))
                for (one, due_ms), ahead in zip(waiting, known, strict=True)
                if ahead is None
            }
            if not fresh:
                return
            with self._client.pipeline() as pipe:
                for entry_id, due_ms in fresh.items():
                    pipe.hset(self._ahead_key, entry_id, str(due_ms))
                pipe.zadd(self._due_key, dict.fromkeys(fresh, now_ms), xx=True)
                pipe.execute()

    def disable(self, reason: str) -> None:
        with redis_errors(f"disable channel {self.channel}"):
            self._client.hset(self._state_key, "disabled", as_told(reason, 300))

    def enable(self) -> None:
        with redis_errors(f"enable channel {self.channel}"):
            self._client.hdel(self._state_key, "disabled")

    def disabled(self) -> str:
        """Return why the channel is off; empty while it is on."""
        with redis_errors(f"read the state of channel {self.channel}"):
            return (cast("bytes | None", self._client.hget(self._state_key, "disabled")) or b"").decode(
                errors="replace"
            )

    def forget(self) -> None:
        """Delete the queue; what it had not delivered is not delivered any more."""
        with redis_errors(f"forget channel {self.channel}"):
            self._client.xgroup_destroy(STREAM_KEY, self._group)
            self._client.hdel(DEAD_COUNT_KEY, self._group)
            CanaryMarks(self._client).forget(self._group)
            self._client.delete(self._due_key, self._tries_key, self._ahead_key, self._state_key)

    def _due(self, limit: int, until_ms: int | str) -> list[Waiting]:
        with redis_errors(f"ask what is due on channel {self.channel}"):
            found = cast("list[bytes]", self._client.zrangebyscore(self._due_key, 0, until_ms, start=0, num=limit))
            found = [member for member in found if self._is_entry(member)]
            if not found:
                return []
            with self._client.pipeline(transaction=False) as pipe:
                for entry_id in found:
                    pipe.xrange(STREAM_KEY, min=entry_id, max=entry_id)
                pipe.hmget(self._tries_key, cast("list[str]", found))
                pipe.hmget(self._ahead_key, cast("list[str]", found))
                *bodies, failures, scheduled = pipe.execute()
        taken = []
        for entry_id, body, tries, due_ms in zip(found, bodies, failures, scheduled, strict=True):
            understood = self._reader.understood(raw_entries(body))
            if not understood:  # Deleted from the stream by hand, or a dead letter by now.
                self._drop(entry_id.decode())
                continue
            scheduled_ms = whole_number(due_ms)
            is_ahead = scheduled_ms is not None and until_ms != "+inf" and scheduled_ms > int(until_ms)
            taken.append(Waiting(understood[0], whole_number(tries) or 0, is_ahead, scheduled_ms))
        return taken

    def _is_entry(self, member: bytes) -> bool:
        """Return whether a member of the schedule can be an entry; what cannot is taken out of it."""
        is_entry = is_stream_id(member.decode(errors="replace"))
        if not is_entry:
            self._client.zrem(self._due_key, member)
        return is_entry

    def _drop(self, entry_id: str) -> None:
        with redis_errors(f"drop an entry of channel {self.channel}"), self._client.pipeline() as pipe:
            self._settle_id(pipe, entry_id)
            pipe.execute()

    def _settle(self, pipe: Pipeline, one: Waiting) -> None:
        self._settle_id(pipe, one.entry.entry_id)

    def _settle_id(self, pipe: Pipeline, entry_id: str) -> None:
        pipe.xack(STREAM_KEY, self._group, entry_id)
        pipe.zrem(self._due_key, entry_id)
        pipe.hdel(self._tries_key, entry_id)
        pipe.hdel(self._ahead_key, entry_id)

    def _note_failure(self, pipe: Pipeline, now_ms: int, reason: str) -> None:
        pipe.hincrby(self._state_key, "failed", 1)
        pipe.hset(self._state_key, mapping={"last_failure_ms": now_ms, "last_error": as_told(reason, 300)})


def whole_number(value: bytes | None) -> int | None:
    """Return the number in a field; None where there is none, or something that nobody here wrote."""
    return int(value) if value is not None and value.isdigit() and len(value) <= MOST_DIGITS else None
