"""The envelope of every kind of event: CloudEvents 1.0, structured JSON, with the same id for the same happening.

An Event is what an alarm, a notice ... have in common: enough to keep, stream and deliver it without knowing its kind.
The kinds stand in kinds.py.
"""

from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, ClassVar

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

MAX_EVENT_BYTES = 64 * 1024
"""A real event has 1 to 4 kB; whatever is larger than this did not come from a box."""
MAX_PICTURE_BYTES = 5 * 2**20
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
"""Between these a time can be told in every time zone; beyond, Python's calendar ends."""


def _to_utc(moment: datetime) -> datetime:
    try:
        return min(max(moment.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""Aware; kept in UTC, at least a day from either end of the calendar. A time without an offset is refused."""
EventId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PicturePath = Annotated[str, Field(max_length=400)]
"""Relative to the evidence folder."""


class Payload(BaseModel):
    """What an envelope carries: its `data`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_type: ClassVar[str]
    """CloudEvents type; the number at its end grows with every change that an older reader would misunderstand."""
    schema_uri: ClassVar[str]


class Event(Payload):
    """One event of some kind. 待核实 until a person looked."""

    kind: ClassVar[str]
    """The word for it in kakou.toml: which channels take it."""
    thin_model: ClassVar[type[Payload]]
    """What receivers get that are not entitled to the whole event."""

    event_id: EventId
    """The same happening always has the same id: whoever acts on events dedups by it."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Where it comes from, as a URI reference."""

    @property
    @abstractmethod
    def made_at(self) -> datetime:
        """When the box knew of it."""

    @property
    @abstractmethod
    def happened_at(self) -> datetime: ...

    @property
    @abstractmethod
    def place(self) -> str:
        """The checkpoint."""

    @property
    @abstractmethod
    def word(self) -> str:
        """What a person calls it, in one word: 命中."""

    @property
    @abstractmethod
    def masked(self) -> str:
        """What it is about, as a group chat may see it."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What it is about, on one line, for those who may see all of it."""

    @abstractmethod
    def thin(self, link: str) -> Payload:
        """Return `thin_model` of it; `link` leads to the whole, "" where there is no such place."""

    @property
    def grade(self) -> str | None:
        """What a channel's `levels` or `severities` choose by; None for a kind that has neither."""
        return None

    @property
    def heading(self) -> tuple[str, str]:
        """What a message about one is called, and what many of them are called."""
        return "卡口预警", "预警（待核实）"

    @property
    def asks(self) -> str:
        """What a chat says of it in brackets; "" for nothing."""
        return "待核实"

    @property
    def advice(self) -> str:
        """What to do, as a sentence; "" where that is behind the link."""
        return ""

    @property
    def link_path(self) -> str:
        """The page of the console that a link in a message opens."""
        return f"/events/{self.event_id}"

    @property
    def is_replay(self) -> bool:
        """True for recorded footage: shown to the analyst, nobody is sent out."""
        return False


def deterministic_id(parts: list[str], id_key: bytes) -> str:
    """Return 32 hex digits made of what an event is about.

    Keyed (`id_key`, 16 bytes or more), because ids go to receivers who may not learn the plate:
    without a key the few million possible plates could simply be tried.
    """
    if len(id_key) < 16:
        raise ValueError(f"the id key has {len(id_key)} bytes, it must have 16 or more")
    if len(id_key) > blake2b.MAX_KEY_SIZE:  # a plate key grows with every rotation
        id_key = blake2b(id_key).digest()
    return blake2b("\0".join(parts).encode(), key=id_key, digest_size=16, person=b"kakou-event").hexdigest()


def to_cloudevent(event: Event) -> bytes:
    """Return the event as a structured-mode CloudEvents 1.0 JSON document."""
    return wrap(event, event)


def wrap(event: Event, payload: Payload) -> bytes:
    """Return `payload` in the envelope of `event`."""
    envelope = CloudEvent(
        {
            "id": event.event_id,
            "source": event.source,
            "type": payload.event_type,
            "time": event.made_at,
            "datacontenttype": "application/json",
            "dataschema": payload.schema_uri,
        },
        payload.model_dump(mode="json"),
    )
    return to_structured_event(envelope).body
