"""What the streams hold, as values: entries of the event stream and dead letters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from alerts.envelope import LATEST, Event
from alerts.errors import EventError
from alerts.kinds import from_cloudevent

STREAM_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""As redis-py gives it without decoding; no fields when the entry was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    entry_id: str
    """Redis stream id, `<unix ms>-<n>`; grows in stream order."""
    event: Event

    @property
    def streamed_at(self) -> datetime:
        return moment_of(self.entry_id)


@dataclass(frozen=True, slots=True)
class DeadEntry:
    dead_id: str
    """Id in the dead-letter stream: what `kakou events retry` takes."""
    group: str
    event_id: str
    """Empty when the event could not be understood."""
    reason: str
    event: Event | None
    """None when it could not be understood."""

    @property
    def died_at(self) -> datetime:
        return moment_of(self.dead_id)


def is_stream_id(text: str) -> bool:
    """Return whether Redis would take `text` for an entry's id: two numbers of 64 bits."""
    return STREAM_ID.fullmatch(text) is not None and max(id_order(text)) < 2**64


def id_order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def moment_of(entry_id: str) -> datetime:
    """Return when the entry came; an id that somebody made up may lie behind the calendar's end."""
    return datetime.fromtimestamp(min(id_order(entry_id)[0] / 1000, LATEST.timestamp()), UTC)


def parse_entry(raw: RawEntry) -> StreamEntry | None:
    """Return the entry, or None when it cannot be understood or only repeats an earlier one."""
    entry_id, fields = raw
    if fields and b"only" in fields:
        return None
    try:
        return StreamEntry(entry_id.decode(), from_cloudevent((fields or {}).get(b"event", b"")))
    except EventError:
        return None


def parse_dead(raw: RawEntry) -> DeadEntry:
    dead_id, fields = raw
    values = fields or {}
    try:
        event = from_cloudevent(values.get(b"event", b""))
    except EventError:
        event = None
    group, event_id, reason = (
        values.get(name, b"").decode(errors="replace") for name in (b"group", b"event_id", b"reason")
    )
    return DeadEntry(dead_id.decode(), group, event_id, reason, event)


def raw_entries(answer: object) -> Sequence[RawEntry]:
    """Return XRANGE's or XAUTOCLAIM's entries; redis-py types them for every client at once."""
    return cast("Sequence[RawEntry]", answer or ())


def raw_stream_entries(answer: object) -> Sequence[RawEntry]:
    """Return the entries of XREAD's or XREADGROUP's answer about one stream."""
    streams = cast("Sequence[tuple[bytes, Sequence[RawEntry]]]", answer or ())
    return [raw for _, raws in streams for raw in raws]
