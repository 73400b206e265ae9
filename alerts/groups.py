"""Reading the event stream as one consumer of one group; how to use it stands at the top of stream.py."""

import contextlib
import logging
from collections.abc import Sequence

import redis
from redis.client import Pipeline
from redis.typing import EncodableT, FieldT

from alerts.entries import RawEntry, StreamEntry, raw_entries, raw_stream_entries
from alerts.envelope import to_cloudevent
from alerts.errors import EventError
from alerts.kinds import from_cloudevent
from alerts.redis_link import DEAD_COUNT_KEY, DEAD_KEY, MAX_DEAD_BYTES, STREAM_KEY, redis_errors

log = logging.getLogger(__name__)


class GroupReader:
    """One consumer of one group: read, take effect, ack. Entries that cannot be understood go to the dead letters."""

    def __init__(self, client: "redis.Redis", group: str, consumer: str) -> None:
        self._client = client
        self.group = group
        self.consumer = consumer

    def read(self, *, count: int = 100, block_ms: int = 1000) -> list[StreamEntry]:
        """Return entries that no consumer of the group has had, oldest first; empty after `block_ms` without one.

        0 does not wait at all (to Redis itself 0 would mean for ever).
        """
        return self._read(">", count, block_ms or None)

    def unacked(self, *, count: int = 1000, after_id: str = "0-0") -> list[StreamEntry]:
        """Return what this consumer read and did not ack, say before it was restarted."""
        return self._read(after_id, count, None)

    def claim(self, *, min_idle_ms: int = 60_000, count: int = 100) -> list[StreamEntry]:
        """Take over entries that some consumer of the group read at least `min_idle_ms` ago and never acked."""
        with redis_errors(f"claim entries of group {self.group}"):
            try:
                answer = self._client.xautoclaim(STREAM_KEY, self.group, self.consumer, min_idle_ms, "0-0", count)
            except redis.ResponseError as error:
                self._create_group_if_missing(error)
                return []
        return self.understood(raw_entries(answer[1]))

    def ack(self, *entries: StreamEntry) -> None:
        self.ack_ids(*(entry.entry_id for entry in entries))

    def ack_ids(self, *entry_ids: str) -> None:
        if entry_ids:
            with redis_errors(f"ack entries of group {self.group}"):
                self._client.xack(STREAM_KEY, self.group, *entry_ids)

    def bury(self, entry: StreamEntry, reason: str) -> None:
        """Give an entry up: into the dead letters and acked, both or none."""
        with redis_errors("写入死信"), self._client.pipeline(transaction=True) as pipe:
            dead_letter(pipe, self.group, entry, reason)
            pipe.xack(STREAM_KEY, self.group, entry.entry_id)
            pipe.execute()

    def _read(self, position: str, count: int, block_ms: int | None) -> list[StreamEntry]:
        with redis_errors(f"read group {self.group}"):
            try:
                found = self._client.xreadgroup(
                    self.group, self.consumer, {STREAM_KEY: position}, count=count, block=block_ms
                )
            except redis.ResponseError as error:
                self._create_group_if_missing(error)
                return []
        return self.understood(raw_stream_entries(found))

    def _create_group_if_missing(self, error: redis.ResponseError) -> None:
        if not str(error).startswith("NOGROUP"):
            raise error
        # From the beginning: what was flagged before this group existed still has to reach its people.
        with contextlib.suppress(redis.ResponseError):
            self._client.xgroup_create(STREAM_KEY, self.group, "0", mkstream=True)

    def understood(self, raws: Sequence[RawEntry]) -> list[StreamEntry]:
        """Return what is an event for this group; whatever else an entry holds, it is a dead letter and acked."""
        entries = []
        for entry_id, fields in raws:
            if not fields or fields.get(b"only", self.group.encode()) != self.group.encode():
                self.ack_ids(entry_id.decode())  # Deleted since it was read, or meant for another group.
                continue
            try:
                entries.append(StreamEntry(entry_id.decode(), from_cloudevent(fields.get(b"event", b""))))
            except EventError as error:
                log.error("group %s: entry %s is a dead letter: %s", self.group, entry_id.decode(), error)
                self._bury_raw(entry_id.decode(), str(error), fields.get(b"event", b""))
        return entries

    def _bury_raw(self, entry_id: str, reason: str, body: bytes) -> None:
        with redis_errors("写入死信"), self._client.pipeline(transaction=True) as pipe:
            _dead_letter(pipe, self.group, "", reason, body[:MAX_DEAD_BYTES])
            pipe.xack(STREAM_KEY, self.group, entry_id)
            pipe.execute()


def dead_letter(pipe: Pipeline, group: str, entry: StreamEntry, reason: str) -> None:
    """Add the dead letter of an entry to a MULTI."""
    _dead_letter(pipe, group, entry.event.event_id, reason, to_cloudevent(entry.event))


def _dead_letter(pipe: Pipeline, group: str, event_id: str, reason: str, body: bytes) -> None:
    fields: dict[FieldT, EncodableT] = {
        "group": group,
        "event_id": event_id,
        "reason": as_told(reason, 500),
        "event": body,
    }
    pipe.xadd(DEAD_KEY, fields)
    pipe.hincrby(DEAD_COUNT_KEY, group, 1)


def as_told(reason: str, most: int) -> bytes:
    """Return the beginning of a reason as Redis can keep it, whatever characters an error brought along."""
    return reason[:most].encode(errors="replace")
