"""FlaggedEvent: what travels when a listed vehicle passed, and its CloudEvents 1.0 envelope."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Literal
from urllib.parse import quote

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.v1.event import CloudEvent
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ocr.types import BoundingBox
from riskdb.types import Alternative, RiskMatch, RiskReason

EVENT_TYPE = "cn.kakou.vehicle.flagged.v1"
"""The number at the end grows with every change that an older reader would misunderstand."""
SCHEMA_URI = "urn:kakou:flagged-event:1"
MAX_EVENT_BYTES = 64 * 1024
"""A real event has 1 to 4 kB; whatever is larger than this did not come from a box."""
LEVEL_WORDS = {"hit": "命中", "possible": "疑似"}


class AlertsError(Exception):
    """Something about an event, its queue or its delivery failed; the message says what and what to do."""


class EventError(AlertsError):
    """These bytes are not a flagged event that this version understands."""


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""Aware; kept in UTC. A time without an offset is refused."""
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
PlateText = Annotated[str, Field(min_length=1, max_length=16)]
PlateClass = Annotated[str, Field(max_length=8)]
PicturePath = Annotated[str, Field(max_length=400)]


class EventReason(BaseModel):
    """One visit that put the vehicle on the list (RiskReason as it travels)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    area: Name
    area_name: str = Field(max_length=200)
    level: Literal["high", "medium"]
    visited_from: UtcDatetime
    visited_until: UtcDatetime
    declared_from: UtcDatetime
    declared_until: UtcDatetime | None
    """None while the declaration still stands."""
    source: str = Field(max_length=200)
    expires_at: UtcDatetime


class EventAlternative(BaseModel):
    """Another text that the pictures may show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: PlateText
    plate_class: PlateClass
    probability: Probability
    is_listed: bool


class FlaggedEvent(BaseModel):
    """One passage of a vehicle whose plate is, or may be, on the risk list. 待核实 until a person looked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The same passage always has the same id: whoever acts on events dedups by it."""
    camera_id: Name
    checkpoint: Name
    level: Literal["hit", "possible"]
    text: PlateText
    plate_class: PlateClass
    confidence: Probability
    """Probability of the weakest character of `text`."""
    char_probs: tuple[Probability, ...] = Field(max_length=16)
    """Of each character of `text`, in order."""
    probability: Probability
    """That the vehicle is listed, given its pictures."""
    why: str = Field(max_length=1000)
    reasons: tuple[EventReason, ...] = Field(max_length=64)
    alternatives: tuple[EventAlternative, ...] = Field(default=(), max_length=32)
    list_version: int
    models: dict[str, str]
    """Model name -> sha256 of its file."""
    captured_at: UtcDatetime
    """Camera time of the best frame."""
    started_at: UtcDatetime
    """Camera time of the first frame of the passage."""
    arrived_at: UtcDatetime
    """Box time when the best frame came in; arrived_at - captured_at shows a camera clock that is off."""
    decided_at: UtcDatetime
    """Box time of the match."""
    plate_picture: PicturePath | None = None
    """Path relative to the evidence folder; None when no picture was kept."""
    vehicle_picture: PicturePath | None = None
    box: tuple[float, float, float, float] | None = None
    """The plate on the best frame: x1, y1, x2, y2 in pixels."""
    replayed: bool = False
    """True for recorded footage: shown to the analyst, nobody is sent out."""


def event_from_match(
    match: RiskMatch,
    *,
    camera_id: str,
    checkpoint: str,
    confidence: float,
    char_probs: Sequence[float],
    models: dict[str, str],
    captured_at: datetime,
    started_at: datetime,
    arrived_at: datetime,
    decided_at: datetime,
    id_key: bytes,
    plate_picture: str | None = None,
    vehicle_picture: str | None = None,
    box: BoundingBox | None = None,
    replayed: bool = False,
) -> FlaggedEvent:
    """Return the event of one flagged passage. `id_key` is the box's plate key (see make_event_id)."""
    return FlaggedEvent(
        event_id=make_event_id(camera_id, started_at, match.plate_class, match.text, id_key),
        camera_id=camera_id,
        checkpoint=checkpoint,
        level=match.level,
        text=match.text,
        plate_class=match.plate_class,
        confidence=confidence,
        char_probs=tuple(char_probs),
        probability=match.probability,
        why=match.why,
        reasons=tuple(_reason(reason) for reason in match.reasons),
        alternatives=tuple(_alternative(other) for other in match.alternatives),
        list_version=match.list_version,
        models=models,
        captured_at=captured_at,
        started_at=started_at,
        arrived_at=arrived_at,
        decided_at=decided_at,
        plate_picture=plate_picture,
        vehicle_picture=vehicle_picture,
        box=(box.x1, box.y1, box.x2, box.y2) if box else None,
        replayed=replayed,
    )


def make_event_id(camera_id: str, started_at: datetime, plate_class: str, text: str, id_key: bytes) -> str:
    """Return the id of a passage: 32 hex digits from camera, passage start in ms and plate.

    Keyed (`id_key`, 16 bytes or more), because ids go to receivers who may not learn the plate:
    without a key the few million possible plates could simply be tried.
    """
    if len(id_key) < 16:
        raise EventError(f"the id key has {len(id_key)} bytes, it must have 16 or more")
    if len(id_key) > blake2b.MAX_KEY_SIZE:  # a plate key grows with every rotation
        id_key = blake2b(id_key).digest()
    started_ms = round(started_at.timestamp() * 1000)
    seed = f"{camera_id}\0{started_ms}\0{plate_class}\0{text}".encode()
    return blake2b(seed, key=id_key, digest_size=16, person=b"kakou-event").hexdigest()


def to_cloudevent(event: FlaggedEvent) -> bytes:
    """Return the event as a structured-mode CloudEvents 1.0 JSON document."""
    return wrap(event, event.model_dump(mode="json"))


def wrap(
    event: FlaggedEvent,
    payload: dict[str, JsonValue],
    *,
    event_type: str = EVENT_TYPE,
    schema_uri: str = SCHEMA_URI,
) -> bytes:
    """Return `payload` in the envelope of `event`."""
    envelope = CloudEvent(
        {
            "id": event.event_id,
            "source": f"/checkpoints/{quote(event.checkpoint, safe='')}/cameras/{quote(event.camera_id, safe='')}",
            "type": event_type,
            "time": event.decided_at,
            "datacontenttype": "application/json",
            "dataschema": schema_uri,
        },
        payload,
    )
    return to_structured_event(envelope).body


def from_cloudevent(body: bytes | str) -> FlaggedEvent:
    """Return the event in a CloudEvents document.

    Raises EventError: too large, not JSON, another type or version, or not a valid event. The message
    names fields but never their values, so that it can go into a log.
    """
    raw = body.encode() if isinstance(body, str) else body
    if len(raw) > MAX_EVENT_BYTES:
        raise EventError(f"event of {len(raw)} bytes, at most {MAX_EVENT_BYTES} are accepted")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise EventError("not valid JSON") from error
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        raise EventError("not a CloudEvents 1.0 document")
    if document.get("type") != EVENT_TYPE:
        raise EventError(f"event type {str(document.get('type'))[:80]!r} is not known, expected {EVENT_TYPE!r}")
    return _checked(document)


def _checked(document: dict[str, JsonValue]) -> FlaggedEvent:
    payload = document.pop("data", None)
    document.pop("time", None)
    try:
        CloudEvent(dict(document), None)
        event = FlaggedEvent.model_validate(payload)
    except BaseCloudEventException as error:
        raise EventError("the CloudEvents envelope is not valid") from error
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in problem["loc"]) or "data" for problem in error.errors()})
        raise EventError(f"event data not valid at: {', '.join(fields)[:300]}") from error
    if event.event_id != document.get("id"):
        raise EventError("the envelope's id differs from the event's")
    return event


def _reason(reason: RiskReason) -> EventReason:
    return EventReason(
        area=reason.area,
        area_name=reason.area_name[:200],
        level=reason.level,
        visited_from=reason.visited_from,
        visited_until=reason.visited_until,
        declared_from=reason.declared_from,
        declared_until=reason.declared_until,
        source=reason.source[:200],
        expires_at=reason.expires_at,
    )


def _alternative(other: Alternative) -> EventAlternative:
    return EventAlternative(
        text=other.text, plate_class=other.plate_class, probability=other.probability, is_listed=other.is_listed
    )
