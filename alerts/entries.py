"""What the streams hold, as values: entries of the event stream and dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from alerts.envelope import Event
from alerts.errors import EventError
from alerts.kinds import from_cloudevent

RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""As redis-py gives it without decoding; no fields when the entry was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    entry_id: str
    """Redis stream id, `<unix ms>-<n>`; grows in stream order."""
    event: Event

    @property
    def streamed_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.entry_id.split("-")[0]) / 1000, UTC)


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
        return datetime.fromtimestamp(int(self.dead_id.split("-")[0]) / 1000, UTC)


def parse_entry(raw: RawEntry) -> StreamEntry | None:
    """Return the entry, or None when it cannot be understood or only repeats an earlier one."""
    _, fields = raw
    return None if fields and b"only" in fields else parse_repeat(raw)


def parse_repeat(raw: RawEntry) -> StreamEntry | None:
    """Return the entry, a repeated one too, or None when it cannot be understood."""
    entry_id, fields = raw
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
