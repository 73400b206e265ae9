"""Pictures of things that are no plate, and backgrounds for plates, from the development data folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.grammar import PROVINCES
from ocr.models_folder import shipped_models
from ocr.recognizer import PlateRecognizer
from ocr.types import BgrImage
from training.plates.viewpoint import CONTEXT

Views: TypeAlias = NDArray[np.uint8]
"""Shape (count, VIEW_HEIGHT, VIEW_WIDTH, 3), blue, green, red."""

CROP_WIDTH, CROP_HEIGHT = 144, 48
VIEW_WIDTH, VIEW_HEIGHT = round(CROP_WIDTH * (1 + 2 * CONTEXT)), round(CROP_HEIGHT * (1 + 2 * CONTEXT))
MOST_CHINESE = 0.6
"""Of those read with a province and less than this, each one looked at was foreign; above it stood four of Beijing."""
HELD_OUT_EVERY = 5
"""Every fifth patch of not_plates.npz is never trained on."""


@dataclass(frozen=True, slots=True)
class Textures:
    """What surrounds plates and what could be taken for one."""

    backgrounds: Views
    """Random places on vehicle photos, without their plates."""
    not_plates: Views
    """Headlights, grilles, halves of plates."""
    foreign: Views
    """Real plates of other countries, as a box cuts them out."""


def load_textures(folder: Path, rng: np.random.Generator, count: int = 4000, held_out: bool = False) -> Textures:
    """Read from the development data folder; `held_out` picks the patches that are kept for measuring."""
    with np.load(folder / "patches" / "not_plates.npz") as stored:
        patches = stored["x"]
    chosen = (np.arange(len(patches)) % HELD_OUT_EVERY == 0) == held_out
    size = (VIEW_WIDTH, VIEW_HEIGHT)
    not_plates = np.stack([cv2.resize(patch, size, interpolation=cv2.INTER_LINEAR) for patch in patches[chosen]])
    backgrounds: list[BgrImage] = []
    for name in ("openlpr", "romania"):
        photos = json.loads((folder / "boxes" / name / "truth.json").read_text("utf-8"))
        picked = rng.permutation(len(photos))[: max(1, count // 8)]
        for photo in (photos[int(i)] for i in picked):
            image = cv2.imread(str(folder / "boxes" / name / photo["image"]))
            if image is not None:
                backgrounds += _places(np.asarray(image, np.uint8), photo["boxes"], rng, 5)
    return Textures(np.stack(backgrounds), np.asarray(not_plates, np.uint8), load_foreign(folder, held_out))


def load_foreign(folder: Path, held_out: bool, least_width_px: float = 36.0) -> Views:
    """Cut the boxes of boxes/ out, without those that may be Chinese; every fifth photo is held out."""
    views: list[BgrImage] = []
    for name in ("openlpr", "romania"):
        photos = json.loads((folder / "boxes" / name / "truth.json").read_text("utf-8"))
        for index, photo in enumerate(photos):
            wide = [box for box in photo["boxes"] if box[2] - box[0] >= least_width_px]
            if not wide or (index % HELD_OUT_EVERY == 0) != held_out:
                continue
            image = cv2.imread(str(folder / "boxes" / name / photo["image"]))
            if image is not None:
                views += [_cut(np.asarray(image, np.uint8), box) for box in wide]
    foreign = [view for view, is_chinese in zip(views, _are_chinese(views), strict=True) if not is_chinese]
    return np.stack(foreign) if foreign else np.zeros((0, VIEW_HEIGHT, VIEW_WIDTH, 3), np.uint8)


def _are_chinese(views: list[BgrImage]) -> list[bool]:
    """Return which of them the shipped recogniser reads as plates with a province: a few of the photos are Chinese."""
    models = shipped_models()
    recognizer = PlateRecognizer.from_files(models.recognizer, models.recognizer_config)
    found = []
    for distribution in (d for view in views for d in recognizer.recognize([view])):
        best, columns = distribution.char_probs.max(axis=1), distribution.char_probs.argmax(axis=1)
        found.append(distribution.alphabet[columns[0]] in PROVINCES and float(best.min()) > MOST_CHINESE)
    return found


def _cut(image: BgrImage, box: list[float]) -> BgrImage:
    """Cut a box out with the context that a view has."""
    x, y = (box[2] - box[0]) * CONTEXT, (box[3] - box[1]) * CONTEXT
    x1, y1 = max(0, round(box[0] - x)), max(0, round(box[1] - y))
    part = image[y1 : max(y1 + 2, round(box[3] + y)), x1 : max(x1 + 2, round(box[2] + x))]
    return np.asarray(cv2.resize(part, (VIEW_WIDTH, VIEW_HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def _places(image: BgrImage, boxes: list[list[float]], rng: np.random.Generator, count: int) -> list[BgrImage]:
    """Cut up to `count` random places that touch no plate."""
    height, width = image.shape[:2]
    found: list[BgrImage] = []
    for _ in range(count):
        w = int(rng.uniform(0.12, 0.5) * width)
        h = min(round(w / rng.uniform(2.2, 4)), height - 1)
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        if all(x + w < x1 or x > x2 or y + h < y1 or y > y2 for x1, y1, x2, y2 in boxes):
            place = cv2.resize(image[y : y + h, x : x + w], (VIEW_WIDTH, VIEW_HEIGHT), interpolation=cv2.INTER_AREA)
            found.append(np.asarray(place, np.uint8))
    return found
