"""Real photos with known plates, and frames without any, from the development data folder.

Nothing of it is ever copied into the repository: pictures are read where they lie.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage

Quads: TypeAlias = NDArray[np.float32]
"""Shape (plates, 4, 2), pixels: top-left, top-right, bottom-right, bottom-left of each plate as read."""
Part = Literal["train", "held_out", "all"]

HELD_OUT_SHARE = 0.3
LONGEST_SIDE = 960
"""Larger photos are shrunk when loaded for training: the detector sees 640 pixels."""
PHOTO_SETS = ("photos", "ccpd")
BOX_SETS = ("openlpr", "romania")
CLEAN_CLIPS = ("udacity_test.mp4", "intel_car-detection.mp4")
"""Clips in which no plate can be read."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo and where its plates are."""

    name: str
    """Set and file name, such as "ccpd/017.jpg", or clip and frame number."""
    image: BgrImage
    quads: Quads
    has_corners: bool
    """True when `quads` are real corners, False when they are axis-aligned boxes around the plates."""


def is_held_out_photo(name: str) -> bool:
    """Tell whether a file of photos/ or ccpd/ is kept from training; decided by the hash of its name alone."""
    digest = hashlib.sha256(unicodedata.normalize("NFC", Path(name).name).encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32 < HELD_OUT_SHARE


def load_photos(data: Path, name: str, part: Part = "all", longest: int = LONGEST_SIDE) -> Iterator[Scene]:
    """Yield the scenes of a set of PHOTO_SETS or BOX_SETS below the development data folder `data`.

    Sets of BOX_SETS have no held-out part. Raises FileNotFoundError when the set is not there.
    """
    folder = data / (f"boxes/{name}" if name in BOX_SETS else name)
    for entry in json.loads((folder / "truth.json").read_text(encoding="utf-8")):
        if name in PHOTO_SETS and part != "all" and is_held_out_photo(entry["image"]) != (part == "held_out"):
            continue
        yield _scene(folder / entry["image"], _quads_of(entry), name in PHOTO_SETS, longest)


def load_clean_frames(data: Path, part: Part, step: int = 1) -> Iterator[Scene]:
    """Yield frames without plates; the second half of each clip of CLEAN_CLIPS is the held-out part."""
    for clip in CLEAN_CLIPS:
        capture = cv2.VideoCapture(str(data / "videos" / clip))
        try:
            yield from _clip_frames(capture, clip, part, step)
        finally:
            capture.release()


def scaled(image: BgrImage, longest: int) -> BgrImage:
    """Return the image with its longest side at `longest` pixels, as the detector sees it."""
    scale = longest / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8
    )


def load_not_plates(data: Path, part: Part) -> NDArray[np.uint8]:
    """Return plate-sized things that are no plate, shape (n, 36, 136, 3) BGR; every fourth one is held out."""
    patches = np.load(data / "patches" / "not_plates.npz")["x"]
    is_held_out = np.arange(len(patches)) % 4 == 0
    if part == "all":
        return np.asarray(patches, np.uint8)
    return np.asarray(patches[is_held_out if part == "held_out" else ~is_held_out], np.uint8)


def _clip_frames(capture: cv2.VideoCapture, clip: str, part: Part, step: int) -> Iterator[Scene]:
    half = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // 2
    index = -1
    while True:
        decoded, frame = capture.read()
        if not decoded:
            return
        index += 1
        if index % step or (part != "all" and (index >= half) != (part == "held_out")):
            continue
        image = np.asarray(frame, np.uint8)
        yield Scene(f"{clip}#{index}", image, np.zeros((0, 4, 2), np.float32), has_corners=True)


def _quads_of(entry: dict[str, object]) -> Quads:
    """Return the plates of one entry of a truth file; the three kinds of set write them in three ways."""
    if "corners" in entry:
        # CCPD's order is bottom-right, bottom-left, top-left, top-right.
        return np.asarray([entry["corners"]], np.float32)[:, [2, 3, 0, 1]]
    if "boxes" in entry:
        boxes = np.asarray(entry["boxes"], np.float32).reshape(-1, 4)
        return np.ascontiguousarray(boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])
    plates = entry["plates"]
    assert isinstance(plates, list)
    return np.asarray([plate["quad"] for plate in plates], np.float32).reshape(-1, 4, 2)


def _scene(path: Path, quads: Quads, has_corners: bool, longest: int) -> Scene:
    # imread, not imdecode: it also opens the slightly truncated JPEGs among these photos.
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"cannot read the photo {path}")
    picture = np.asarray(image, np.uint8)
    if max(picture.shape[:2]) > longest:
        quads = quads * np.float32(longest / max(picture.shape[:2]))
        picture = scaled(picture, longest)
    return Scene(f"{path.parent.name}/{path.name}", picture, quads, has_corners)
