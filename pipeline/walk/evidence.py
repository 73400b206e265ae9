"""The pictures that stand behind a flag: the plate, and the vehicle's front with nobody to be seen in it."""

from pathlib import Path

import cv2
import numpy as np

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.types import Evidence, Frame
from riskdb.whole_file import whole_file

PLATE_MARGIN = 0.35
"""Of the plate's own width and height, on each side."""
FRONT_WIDTHS = 2.6
"""To each side of the plate's centre, in plate widths (0.44 m): a car is about four of them wide."""
FRONT_ABOVE = 3.2
FRONT_BELOW = 0.7
CLEAR_ABOVE = 0.9
"""Above the plate, in plate widths, the picture stays sharp: the bonnet's front edge. Windscreens begin at 1.1."""
MOSAIC_CELLS = 10
"""The windscreen keeps this many cells across the whole front: a face is less than one."""
JPEG_QUALITY = 90


def best_evidence(frame: Frame, read: PlateRead) -> Evidence:
    """Cut the evidence out of a frame; the pictures are copies and outlive it."""
    return Evidence(
        plate_picture=_cut(frame.image, _plate_area(read.box)),
        vehicle_picture=vehicle_front(frame.image, read.box),
        box=read.box,
        confidence=read.confidence,
        captured_at=frame.captured_at,
        arrived_at=frame.arrived_at,
        frame_index=frame.index,
    )


def evidence_score(read: PlateRead) -> float:
    """Return how well a person could check a plate on this look; larger is better."""
    return float(read.box.width * (0.2 + read.confidence) * np.sqrt(max(read.sharpness, 1.0)))


def vehicle_front(image: BgrImage, plate: BoundingBox) -> BgrImage:
    """Return the vehicle around a plate, everything above the bonnet's edge blurred beyond recovery."""
    center_x = plate.center[0]
    area = BoundingBox(
        center_x - FRONT_WIDTHS * plate.width,
        plate.y1 - FRONT_ABOVE * plate.width,
        center_x + FRONT_WIDTHS * plate.width,
        plate.y2 + FRONT_BELOW * plate.width,
    )
    front = _cut(image, area)
    windscreen_rows = int(plate.y1 - CLEAR_ABOVE * plate.width - max(area.y1, 0.0))
    if windscreen_rows > 0:
        front[:windscreen_rows] = _mosaic(front[:windscreen_rows])
    return front


def save_picture(folder: Path, name: str, picture: BgrImage) -> str:
    """Write a JPEG below the evidence folder and return its name. Raises OSError."""
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(target) as partial:
        partial.write_bytes(encode_jpeg(picture))
    return name


def encode_jpeg(picture: BgrImage) -> bytes:
    """Return the picture as JPEG. Raises OSError."""
    is_encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not is_encoded:
        raise OSError(f"a picture of shape {picture.shape} cannot be encoded")
    return jpeg.tobytes()


def narrowed(picture: BgrImage, most_width: int) -> BgrImage:
    """Return the picture, made smaller where it is wider than this many pixels."""
    if picture.shape[1] <= most_width:
        return picture
    height = max(1, round(picture.shape[0] * most_width / picture.shape[1]))
    return cv2.resize(picture, (most_width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _plate_area(box: BoundingBox) -> BoundingBox:
    margin_x, margin_y = PLATE_MARGIN * box.width, PLATE_MARGIN * box.height
    return BoundingBox(box.x1 - margin_x, box.y1 - margin_y, box.x2 + margin_x, box.y2 + margin_y)


def _cut(image: BgrImage, area: BoundingBox) -> BgrImage:
    height, width = image.shape[:2]
    x1, y1 = max(0, int(area.x1)), max(0, int(area.y1))
    x2, y2 = min(width, int(area.x2) + 1), min(height, int(area.y2) + 1)
    return image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].copy()


def _mosaic(picture: BgrImage) -> BgrImage:
    height, width = picture.shape[:2]
    rows = max(1, round(MOSAIC_CELLS * height / width))
    coarse = cv2.resize(picture, (MOSAIC_CELLS, rows), interpolation=cv2.INTER_AREA)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
