"""FlaggedEvent: what travels when a listed vehicle passed."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from alerts.envelope import Event, EventId, Name, Payload, PicturePath, UtcDatetime, deterministic_id
from riskdb.types import Alternative, RiskMatch, RiskReason

if TYPE_CHECKING:  # every process reads the settings, and with them this; few have pictures
    from ocr.types import BoundingBox

LEVEL_WORDS = {"hit": "命中", "possible": "疑似"}

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
PlateText = Annotated[str, Field(min_length=1, max_length=16)]
PlateClass = Annotated[str, Field(max_length=8)]
Level = Literal["hit", "possible"]


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


class EventReading(BaseModel):
    """What one of several readers said of the plate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["camera", "kakou"]
    source: Name
    """Device that sent it, or whose picture was read."""
    text: Annotated[str, Field(max_length=16)]
    """As it was said, "-" for an unreadable character; empty for no plate."""
    score: Probability | None = None
    """How sure it was; None where it did not say."""


class FlaggedNotice(Payload):
    """That something was flagged, where and when; what it was is behind the link, for those who may see it."""

    event_type = "cn.kakou.vehicle.flagged.notice.v1"
    schema_uri = "urn:kakou:flagged-notice:1"

    event_id: EventId
    checkpoint: Name
    level: Level
    captured_at: UtcDatetime
    link: str
    """Empty when no link_base is set."""


Direction: TypeAlias = Literal["approaching", "leaving"]


class FlaggedEvent(Event):
    """One passage of a vehicle whose plate is, or may be, on the risk list. 待核实 until a person looked."""

    event_type = "cn.kakou.vehicle.flagged.v1"
    schema_uri = "urn:kakou:flagged-event:1"
    kind = "flagged"
    thin_model = FlaggedNotice

    camera_id: Name
    checkpoint: Name
    level: Level
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
    box: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """The plate on the best frame: x1, y1, x2, y2 in pixels."""
    permit: str = Field(default="", max_length=1000)
    """What is known of the vehicle's permits (通行证), in words; empty where it has none. A hit stays a hit."""
    lane: Annotated[str, Field(max_length=16)] | None = None
    """As the camera says it, or counted from the picture's left where `lane_lines` are set; None where unknown."""
    direction: Direction | None = None
    """Whether the vehicle came towards the camera or drove away from it; None where it stood."""
    replayed: bool = False
    """True for recorded footage: shown to the analyst, nobody is sent out."""
    booth_until: UtcDatetime | None = None
    """Until then (box time) the people at the checkpoint, whose page was open when it passed, deal with it themselves;
    None where nobody was there: it is the desk's at once."""
    readings: tuple[EventReading, ...] = Field(default=(), max_length=8)
    """What each reader said, where a camera sent its own reading."""
    is_late: bool = False
    """Sent after an outage, or decided from a backlog: the vehicle has left the barrier."""

    @property
    def source(self) -> str:
        return f"/checkpoints/{quote(self.checkpoint, safe='')}/cameras/{quote(self.camera_id, safe='')}"

    @property
    def made_at(self) -> datetime:
        return self.decided_at

    @property
    def happened_at(self) -> datetime:
        return self.captured_at

    @property
    def place(self) -> str:
        return self.checkpoint

    @property
    def word(self) -> str:
        return LEVEL_WORDS[self.level]

    @property
    def masked(self) -> str:
        return masked_plate(self.text)

    @property
    def summary(self) -> str:
        return f"{self.text}  {self.word}  P={self.probability:.2f}  {self.why}"

    @property
    def grade(self) -> Level:
        return self.level

    @property
    def is_replay(self) -> bool:
        return self.replayed

    def thin(self, link: str) -> FlaggedNotice:
        return FlaggedNotice(
            event_id=self.event_id,
            checkpoint=self.checkpoint,
            level=self.level,
            captured_at=self.captured_at,
            link=link,
        )


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
    box: "BoundingBox | None" = None,
    replayed: bool = False,
    booth_until: datetime | None = None,
    readings: tuple[EventReading, ...] = (),
    is_late: bool = False,
    permit: str = "",
    lane: str | None = None,
    direction: Direction | None = None,
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
        plate_picture=plate_picture, vehicle_picture=vehicle_picture,
        box=(box.x1, box.y1, box.x2, box.y2) if box else None,
        replayed=replayed,
        booth_until=booth_until,
        readings=readings, is_late=is_late, permit=permit[:1000], lane=lane, direction=direction,
    )  # fmt: skip


def make_event_id(camera_id: str, started_at: datetime, plate_class: str, text: str, id_key: bytes) -> str:
    """Return the id of a passage, made of camera, passage start in ms and plate."""
    started_ms = round(started_at.timestamp() * 1000)
    return deterministic_id([camera_id, str(started_ms), plate_class, text], id_key)


def masked_plate(text: str) -> str:
    """Return the plate as a group chat may see it: province, letter, first and last two characters (鲁B·1**45)."""
    if len(text) < 6:
        return text[:1] + "*" * (len(text) - 1)
    return f"{text[:2]}·{text[2]}{'*' * (len(text) - 5)}{text[-2:]}"


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
