"""The two things that a case can be about: a listed vehicle that passed, or a guarded door that was used."""

from typing import Literal, TypeAlias

from alerts.crossing import CrossingEvent
from alerts.flagged import LEVEL_WORDS, FlaggedEvent
from console.cases.steps import CROSSING

LEVEL_NAMES = LEVEL_WORDS | {CROSSING: "有人出入"}
CaseEvent: TypeAlias = FlaggedEvent | CrossingEvent
PictureKind: TypeAlias = Literal["plate", "vehicle"]


def kept_event(level: str, body: str) -> CaseEvent | None:
    """Return an event as it was kept in a case of that level; None once it was erased."""
    if not body:
        return None
    return (CrossingEvent if level == CROSSING else FlaggedEvent).model_validate_json(body)


def picture_of(event: CaseEvent, kind: PictureKind) -> str | None:
    """Return the path of an event's picture; a door's stands where else the vehicle's does."""
    if isinstance(event, FlaggedEvent):
        return event.plate_picture if kind == "plate" else event.vehicle_picture
    return event.picture if kind == "vehicle" else None


def pictures_of(event: CaseEvent) -> list[str]:
    return [path for path in (picture_of(event, "plate"), picture_of(event, "vehicle")) if path]
