"""A match becomes an event: pictures into the evidence folder, the event into the outbox."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from alerts.flagged import EventReading, FlaggedEvent, event_from_match, make_event_id
from ocr.types import BgrImage
from pipeline.lane_lines import Line, lane_at
from pipeline.types import PlateTrack
from pipeline.walk.evidence import save_picture
from riskdb.permits import permit_words
from riskdb.types import RiskMatch

log = logging.getLogger(__name__)


class EventSink(Protocol):
    """Where flagged events go (`alerts.outbox.Outbox`)."""

    def append(self, event: FlaggedEvent) -> bool:
        """Keep an event for good before this returns; False when it was there already."""
        ...

    def has_room_for_pictures(self) -> bool:
        """Return whether the disk has room for more than events."""
        ...


@dataclass(frozen=True, slots=True)
class Flagging:
    """Makes flagged events."""

    outbox: EventSink
    evidence_folder: Path | None
    """None keeps no pictures."""
    id_key: Callable[[], bytes]
    """Raises RiskDBError where there is none; then nothing can have been found on the list either."""
    models: dict[str, str]
    """Model name -> sha256 of its file."""
    is_replay: bool = False
    lane_lines: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    """By camera: the lines between its lanes."""
    booth_until: Callable[[str, str, datetime], datetime | None] = lambda *_: None
    """(checkpoint, camera, decided at) -> until when the people there deal with it; None where nobody looks."""

    def flag(self, track: PlateTrack, match: RiskMatch, checkpoint: str, decided_at: datetime) -> FlaggedEvent:
        """Return the event, which is in the outbox by then. Raises OutboxError when it could not be kept."""
        id_key = self.id_key()
        evidence = track.evidence
        event_id = make_event_id(track.camera_id, track.started_at, match.plate_class, match.text, id_key)
        plate_picture, vehicle_picture = self._save_pictures(track, event_id)
        char_probs = probabilities_of(track, match.text)
        event = event_from_match(
            match,
            camera_id=track.camera_id,
            checkpoint=checkpoint,
            confidence=min(char_probs),
            char_probs=char_probs,
            models=self.models,
            captured_at=evidence.captured_at,
            started_at=track.started_at,
            arrived_at=evidence.arrived_at,
            decided_at=decided_at,
            id_key=id_key,
            plate_picture=plate_picture,
            vehicle_picture=vehicle_picture,
            box=evidence.box if evidence.box.area > 0 else None,
            replayed=self.is_replay,
            booth_until=self.booth_until(checkpoint, track.camera_id, decided_at),
            readings=tuple(EventReading.model_validate(asdict(reading)) for reading in track.readings[:8]),
            is_late=track.is_late,
            permit=permit_words(match.permits, checkpoint, decided_at.timestamp()),
            lane=track.lane or self._lane(track),
            direction=track.direction,
        )
        self.outbox.append(event)
        return event

    def _lane(self, track: PlateTrack) -> str | None:
        return lane_at(track.place, self.lane_lines.get(track.camera_id, ())) if track.place is not None else None

    def _save_pictures(self, track: PlateTrack, event_id: str) -> tuple[str | None, str | None]:
        name = f"{track.started_at:%Y-%m-%d}/{event_id}"
        plate = self._save(f"{name}-plate.jpg", track.evidence.plate_picture)
        vehicle = self._save(f"{name}-vehicle.jpg", track.evidence.vehicle_picture)
        return plate, vehicle

    def _save(self, name: str, picture: BgrImage | None) -> str | None:
        if self.evidence_folder is None or picture is None or not self.outbox.has_room_for_pictures():
            return None
        try:
            return save_picture(self.evidence_folder, name, picture)
        except OSError as error:
            # The event matters more than its pictures: a full disk must not stop it.
            log.error("picture %s cannot be kept: %s", name, error)
            return None


def probabilities_of(track: PlateTrack, text: str) -> tuple[float, ...]:
    """Return the fused probability of each character of a text."""
    distribution = track.distribution
    return tuple(
        float(distribution.char_probs[slot, distribution.alphabet.index(character)])
        for slot, character in enumerate(text)
    )
