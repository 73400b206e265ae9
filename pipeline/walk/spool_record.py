"""An unchecked passage as it lies in the spool: all that its check and its event will need."""

from typing import Self

import cv2
import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict

from alerts.flagged import Direction
from ocr.types import BgrImage, BoundingBox, PlateDistribution
from pipeline.types import Evidence, Passage, PlateTrack, Reading
from pipeline.walk.evidence import encode_jpeg


class SpooledPictures(BaseModel):
    """What can be given up: the check does without it, a person's look does not."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    plate_jpeg: bytes | None = None
    vehicle_jpeg: bytes | None = None

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        return cls(plate_jpeg=_jpeg(evidence.plate_picture), vehicle_jpeg=_jpeg(evidence.vehicle_picture))


class SpoolRecord(BaseModel):
    """What the check needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str
    checkpoint: str
    number: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    look_count: int
    alphabet: str
    char_probs: tuple[tuple[float, ...], ...]
    styles: tuple[str, ...]
    style_probs: tuple[float, ...]
    box: tuple[float, float, float, float]
    confidence: float
    captured_at: AwareDatetime
    arrived_at: AwareDatetime
    frame_index: int
    readings: tuple[Reading, ...] = ()
    is_late: bool = False
    place: tuple[float, float] | None = None
    direction: Direction | None = None
    lane: str | None = None

    @classmethod
    def of(cls, passage: Passage) -> Self:
        track, evidence = passage.track, passage.track.evidence
        return cls(
            camera_id=passage.camera_id,
            checkpoint=passage.checkpoint,
            number=track.number,
            started_at=track.started_at,
            ended_at=track.ended_at,
            look_count=track.look_count,
            alphabet=track.distribution.alphabet,
            char_probs=tuple(tuple(row) for row in track.distribution.char_probs.tolist()),
            styles=track.distribution.styles,
            style_probs=tuple(track.distribution.style_probs.tolist()),
            box=(evidence.box.x1, evidence.box.y1, evidence.box.x2, evidence.box.y2),
            confidence=evidence.confidence,
            captured_at=evidence.captured_at,
            arrived_at=evidence.arrived_at,
            frame_index=evidence.frame_index,
            readings=track.readings,
            is_late=track.is_late,
            place=track.place,
            direction=track.direction,
            lane=track.lane,
        )

    def track(self, pictures: SpooledPictures) -> PlateTrack:
        """Return the track as it was when its check failed."""
        distribution = PlateDistribution(
            self.alphabet,
            np.array(self.char_probs, np.float32),
            self.styles,
            np.array(self.style_probs, np.float32),
        )
        evidence = Evidence(
            plate_picture=_picture(pictures.plate_jpeg),
            vehicle_picture=_picture(pictures.vehicle_jpeg),
            box=BoundingBox(*self.box),
            confidence=self.confidence,
            captured_at=self.captured_at,
            arrived_at=self.arrived_at,
            frame_index=self.frame_index,
        )
        return PlateTrack(
            camera_id=self.camera_id,
            number=self.number,
            started_at=self.started_at,
            ended_at=self.ended_at,
            look_count=self.look_count,
            distribution=distribution,
            evidence=evidence,
            is_final=True,
            readings=self.readings,
            is_late=self.is_late,
            place=self.place,
            direction=self.direction,
            lane=self.lane,
        )


def _jpeg(picture: BgrImage | None) -> bytes | None:
    return None if picture is None else encode_jpeg(picture)


def _picture(jpeg: bytes | None) -> BgrImage | None:
    if jpeg is None:
        return None
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else picture.astype(np.uint8, copy=False)
