"""One look at a vehicle from one message: the camera's text, our own reading of its picture, and both as one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import numpy as np

from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from pipeline.reads.arrival import Arrival
from pipeline.reads.beliefs import UNSAID, distribution_of
from pipeline.reads.camera_read import CameraRead
from pipeline.types import Evidence, Frame, Reader, Reading
from pipeline.walk.evidence import best_evidence, vehicle_front
from pipeline.walk.fusion import seconded, slot_agreement

OTHER_SLOTS = 3
"""So many slots that surely differ, more than half of those that agree: the plate in the picture is another one."""
PAD_SHARE = 1.0
"""A picture of the plate alone gets so much of its size around it: the detector looks for a plate in something."""
SURE_TEXT = 0.85
"""Of the best reading: a camera's text that needs no picture while many wait."""
NO_BOX = BoundingBox(0, 0, 0, 0)

Decode: TypeAlias = Callable[[bytes], BgrImage | None]
"""Returns None for what is no picture."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one message tells of a vehicle."""

    distribution: PlateDistribution
    evidence: Evidence
    readings: tuple[Reading, ...]


class Looking:
    """Looks at messages. One thread."""

    def __init__(
        self, reader: Reader, decode: Decode, *, camera_weight: float, common_errors: float, reads_pictures: bool = True
    ) -> None:
        self._reader = reader
        self._decode = decode
        self._camera_weight = camera_weight
        self._common_errors = common_errors
        self._reads_pictures = reads_pictures

    def look(self, arrival: Arrival, *, with_pictures: bool) -> Seen | None:
        """Return what a message tells; None where neither the camera nor we see a plate."""
        sent = arrival.sent
        scene = self._picture(sent.scene_picture) if with_pictures else None
        plate = self._picture(sent.plate_picture) if with_pictures else None
        in_scene = in_plate = None
        if self._reads_pictures:
            in_scene = _fitting(self._reader.read(scene), sent.read) if scene is not None else None
            in_plate = self._read_alone(plate, sent.read) if in_scene is None and plate is not None else None
        own = in_scene or in_plate
        fused = self._fused(sent.read, own)
        if fused is None:
            return None
        readings = [Reading("camera", arrival.device_id, sent.read.text, _score(sent.read))]
        if own is not None:
            readings.append(Reading("kakou", arrival.device_id, own.text, own.confidence))
        evidence = _evidence(arrival, scene, plate, in_scene)
        return Seen(fused, evidence, tuple(readings))

    def _picture(self, content: bytes) -> BgrImage | None:
        return self._decode(content) if content else None

    def _read_alone(self, plate: BgrImage, read: CameraRead) -> PlateRead | None:
        """Return our reading of a picture of the plate alone."""
        return _fitting(self._reader.read(_framed(plate)), read)

    def _fused(self, read: CameraRead, own: PlateRead | None) -> PlateDistribution | None:
        if own is None:
            return distribution_of(read)
        said = own.distribution
        slots = len(said.char_probs)
        camera = distribution_of(read, said.alphabet, said.styles, slots) if said.styles else None
        if camera is None:
            return said
        return seconded(said, camera, self._camera_weight, self._common_errors)


def _fitting(reads: list[PlateRead], read: CameraRead) -> PlateRead | None:
    """Return the plate in a picture that the camera means: the one that says most of what it says, or where it is."""
    fits = [one for one in reads if not _is_another(one.distribution, read)]
    return max(fits, key=lambda one: (_agreeing(one.distribution, read), one.confidence), default=None)


def _is_another(own: PlateDistribution, read: CameraRead) -> bool:
    camera = distribution_of(read, own.alphabet, own.styles, len(own.char_probs)) if own.styles else None
    if camera is None:
        return False
    agreement = slot_agreement(own, camera)
    return agreement.different >= OTHER_SLOTS and agreement.different > agreement.same / 2


def _agreeing(own: PlateDistribution, read: CameraRead) -> int:
    camera = distribution_of(read, own.alphabet, own.styles, len(own.char_probs)) if own.styles else None
    return 0 if camera is None else slot_agreement(own, camera).same


def _evidence(arrival: Arrival, scene: BgrImage | None, plate: BgrImage | None, own: PlateRead | None) -> Evidence:
    """Return the pictures that people get to see: no windscreen, so no scene where nobody knows where the plate is.

    `own` only where it was read in the scene.
    """
    read, captured_at = arrival.sent.read, arrival.passed_at
    if own is not None and scene is not None:
        frame = Frame(arrival.device_id, 0, captured_at, arrival.arrived_at, scene)
        found = best_evidence(frame, own)
        return replace(found, plate_picture=plate if plate is not None else found.plate_picture)
    box = _box_in(scene, read) if scene is not None else None
    front = vehicle_front(scene, box) if scene is not None and box is not None else None
    confidence = _score(read) or UNSAID
    return _plain_evidence(plate, front, box or NO_BOX, confidence, captured_at, arrival.arrived_at)


def _plain_evidence(
    plate: BgrImage | None,
    front: BgrImage | None,
    box: BoundingBox,
    confidence: float,
    captured_at: datetime,
    arrived_at: datetime,
) -> Evidence:
    return Evidence(plate, front, box, confidence, captured_at, arrived_at, 0)


def _box_in(scene: BgrImage, read: CameraRead) -> BoundingBox | None:
    if read.plate_box is None:
        return None
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = read.plate_box
    return BoundingBox(x1 * width, y1 * height, x2 * width, y2 * height)


def _framed(plate: BgrImage) -> BgrImage:
    """Return a plate's picture with grey around it."""
    height, width = plate.shape[:2]
    margin_y, margin_x = max(8, int(height * PAD_SHARE)), max(8, int(width * PAD_SHARE / 2))
    around = np.full((height + 2 * margin_y, width + 2 * margin_x, 3), 110, np.uint8)
    around[margin_y : margin_y + height, margin_x : margin_x + width] = plate
    return around


def _score(read: CameraRead) -> float | None:
    return min(read.char_scores) if read.char_scores else read.score
