"""The event stream in Redis: its keys, and the stream as the relay, the command line and the metrics see it.

Keys (written only here and in groups.py; those of the channels' retries stand in channel_queue.py)
  events:flagged             STREAM  fields `event_id`, `event` (CloudEvents JSON), and `only` (a group) where a dead
                                     letter is tried again for that group alone; trimmed by MINID behind the slowest
                                     group, never younger than the settings' stream_kept_h, never by MAXLEN
  events:dead                STREAM  fields `group`, `event_id`, `reason`, `event`: what a group gave up; trimmed by age
                                     (dead_kept_h), because it holds plates
  events:dead:count          HASH    group -> how many it ever gave up
  events:relayed:<outbox>    STRING  number of the last outbox row in the stream, ":" and its event's id; written in one
                                     MULTI with the XADDs, so a Redis that lost events has lost the same part of this;
                                     no expiry
Groups of events:flagged: `console`, and `channel:<name>` for each delivery channel.

A consumer reads like this, and dedups by `entry.event.event_id`, because delivery is at least once:

    reader = FlaggedStream(client).group("console", consumer="console-1")
    while not stopping:
        for entry in reader.claim(min_idle_ms=60_000, count=100) or reader.read(count=100, block_ms=1000):
            keep(entry.event)       # take effect first ...
            reader.ack(entry)       # ... then ack
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import redis
from redis.typing import EncodableT, FieldT

from alerts.aging import FIRST_RIGHT_TIME
from alerts.entries import (
    DeadEntry,
    StreamEntry,
    id_order,
    is_stream_id,
    parse_dead,
    parse_entry,
    raw_entries,
    raw_stream_entries,
)
from alerts.groups import GroupReader
from alerts.outbox import OutboxRow
from alerts.redis_link import DEAD_KEY, RELAYED_KEY, STREAM_KEY, StreamError, connect, redis_errors

RELAYED = re.compile(r"([0-9]{1,18})(?::(.*))?", re.DOTALL)
__all__ = ["DEAD_KEY", "STREAM_KEY", "FlaggedStream", "GroupReader", "GroupState", "StreamError", "connect"]


@dataclass(frozen=True, slots=True)
class GroupState:
    group: str
    pending: int
    """Read but not acked."""
    unread: int
    oldest_id: str
    """No entry before this one is still needed by the group."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """The last row of an outbox that the stream has; 0 for none."""

    seq: int
    event_id: str
    """Empty where an earlier build wrote the number alone."""


class FlaggedStream:
    """The stream as the relay, the command line and the metrics see it."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def relayed(self, outbox_id: str) -> Relayed:
        """Return which row of the outbox came into the stream last."""
        with redis_errors("查询转发进度"):
            return _parse_relayed(self._client.get(RELAYED_KEY + outbox_id))

    def append(self, outbox_id: str, after_seq: int, rows: Sequence[OutboxRow]) -> bool:
        """Add rows in order, all or none; return False when another relay was faster (nothing is added then).

        `after_seq` is the number the caller saw last. Raises StreamError; the rows may be in then: ask `relayed`.
        """
        key = RELAYED_KEY + outbox_id
        with redis_errors("写入事件流"), self._client.pipeline(transaction=True) as pipe:
            pipe.watch(key)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            if _parse_relayed(pipe.get(key)).seq != after_seq:
                return False
            pipe.multi()
            for row in rows:
                pipe.xadd(STREAM_KEY, {"event_id": row.event_id, "event": row.body})
            pipe.set(key, f"{rows[-1].seq}:{rows[-1].event_id}")
            try:
                pipe.execute()
            except redis.WatchError as error:
                # A lost connection is a WatchError too; only this one says that another relay came first.
                if "changed" not in str(error):
                    raise
                return False
        return True

    def recent(self, count: int) -> list[StreamEntry]:
        """Return the latest entries, oldest first; what cannot be understood is left out."""
        with redis_errors("读取事件流"):
            found = self._client.xrevrange(STREAM_KEY, count=count)
        return [entry for raw in reversed(raw_entries(found)) if (entry := parse_entry(raw)) is not None]

    def follow(self, after_id: str, block_ms: int) -> tuple[list[StreamEntry], str]:
        """Return the entries after `after_id` and the id to go on from, waiting at most `block_ms` for the first."""
        with redis_errors("跟随事件流"):
            found = raw_stream_entries(self._client.xread({STREAM_KEY: after_id}, count=100, block=block_ms))
        entries = [entry for raw in found if (entry := parse_entry(raw)) is not None]
        return entries, found[-1][0].decode() if found else after_id

    def last_id(self) -> str:
        with redis_errors("读取事件流"):
            found = raw_entries(self._client.xrevrange(STREAM_KEY, count=1))
        return found[0][0].decode() if found else "0-0"

    def groups(self) -> list[GroupState]:
        with redis_errors("列出消费组"):
            if not self._client.exists(STREAM_KEY):
                return []
            return [self._state_of(group) for group in self._client.xinfo_groups(STREAM_KEY)]

    def trim(self, keep_since: datetime) -> int:
        """Drop entries that every group is done with and that are older than `keep_since`; return how many.

        Without any group nothing is dropped: somebody may only have been late to start.
        """
        states = self.groups()
        if not states:
            return 0
        oldest = min((state.oldest_id for state in states), key=id_order)
        floor = min(oldest, f"{round(keep_since.timestamp() * 1000)}-0", key=id_order)
        with redis_errors("清理事件流"):
            return int(self._client.xtrim(STREAM_KEY, minid=floor, approximate=False))

    def trim_dead(self, keep_since: datetime) -> int:
        """Drop dead letters that are older than `keep_since`; return how many.

        One that a Redis wrote before it knew the time is as old as the first call that finds it.
        """
        with redis_errors("清理死信"):
            undated = raw_entries(self._client.xrange(DEAD_KEY, max=f"{round(FIRST_RIGHT_TIME.timestamp() * 1000)}-0"))
            with self._client.pipeline(transaction=True) as pipe:
                for letter_id, letter in undated:
                    pipe.xadd(DEAD_KEY, cast("dict[FieldT, EncodableT]", letter))
                    pipe.xdel(DEAD_KEY, letter_id)
                pipe.execute()
            return int(
                self._client.xtrim(DEAD_KEY, minid=f"{round(keep_since.timestamp() * 1000)}-0", approximate=False)
            )

    def dead(self, count: int = 1000, after_id: str = "-") -> list[DeadEntry]:
        """Return dead letters, oldest first, from `after_id` on (inclusive)."""
        with redis_errors("读取死信"):
            found = self._client.xrange(DEAD_KEY, min=after_id, count=count)
        return [parse_dead(raw) for raw in raw_entries(found)]

    def dead_count(self) -> int:
        with redis_errors("统计死信"):
            return int(self._client.xlen(DEAD_KEY))

    def revive(self, dead_id: str) -> bool:
        """Send a dead letter to its group once more; return False when there is no such letter."""
        if not is_stream_id(dead_id):
            return False
        with redis_errors("重投死信"):
            found = raw_entries(self._client.xrange(DEAD_KEY, min=dead_id, max=dead_id))
            if not found or not found[0][1]:
                return False
            letter = found[0][1]
            fields: dict[FieldT, EncodableT] = {
                "event_id": letter.get(b"event_id", b""),
                "event": letter.get(b"event", b""),
                "only": letter.get(b"group", b""),
            }
            with self._client.pipeline(transaction=True) as pipe:
                pipe.xadd(STREAM_KEY, fields)
                pipe.xdel(DEAD_KEY, dead_id)
                pipe.execute()
        return True

    def group(self, group: str, consumer: str) -> GroupReader:
        return GroupReader(self._client, group, consumer)

    def _state_of(self, group: dict[str, bytes | int]) -> GroupState:
        name = _text(group["name"])
        last = _text(group["last-delivered-id"])
        pending = int(group["pending"])
        oldest = last
        if pending:
            oldest = _text(self._client.xpending(STREAM_KEY, name)["min"] or last)
        lag = group.get("lag")
        return GroupState(name, pending, self._unread(last) if lag is None else int(lag), oldest)

    def _unread(self, last_id: str) -> int:
        # Redis before 7.0 does not tell the lag.
        return len(raw_entries(self._client.xrange(STREAM_KEY, min=f"({last_id}", count=100_000)))


def _text(value: bytes | int | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _parse_relayed(value: bytes | str | None) -> Relayed:
    """Return what the value says; from one that says nothing the relay begins anew, which does no harm."""
    found = RELAYED.fullmatch(_text(value or "0"))
    return Relayed(int(found[1]), found[2] or "") if found else Relayed(0, "")
