"""How well a recogniser reads real crops: by set, with and without the province, and how honest its confidence is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage
from training.plates.alphabet import ALPHABET, PAD, decode, normalise
from training.real_crops import RealCrop
from training.textures import CROP_HEIGHT, CROP_WIDTH

Probabilities: TypeAlias = NDArray[np.float32]
Recognise: TypeAlias = Callable[[NDArray[np.uint8]], tuple[Probabilities, Probabilities]]
"""RGB crops (N, 48, 144, 3) -> probabilities (N, slots, alphabet) and (N, styles)."""


@dataclass(frozen=True, slots=True)
class Read:
    """What came out for one crop."""

    text: str
    confidence: float
    """Of the weakest character; 0 for an empty text."""
    style: int


@dataclass(frozen=True, slots=True)
class SetScore:
    """Counts over one set."""

    name: str
    count: int
    exact: int
    without_province: int
    province: int
    style: int


def read_crops(recognise: Recognise, crops: Sequence[BgrImage], batch: int = 64) -> list[Read]:
    """Read BGR crops of any size, resized straight to the network's input."""
    reads: list[Read] = []
    for start in range(0, len(crops), batch):
        inputs = np.stack([to_input(crop) for crop in crops[start : start + batch]])
        plates, styles = recognise(inputs)
        reads += [read_plate(plate, int(style.argmax())) for plate, style in zip(plates, styles, strict=True)]
    return reads


def to_input(crop: BgrImage) -> NDArray[np.uint8]:
    """Resize as fast-plate-ocr does (bilinear) and turn to RGB; large crops are shrunk by area first."""
    if crop.shape[1] > 2 * CROP_WIDTH:
        crop = np.asarray(cv2.resize(crop, (2 * CROP_WIDTH, 2 * CROP_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    resized = cv2.resize(crop, (CROP_WIDTH, CROP_HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized[:, :, ::-1], np.uint8)


def read_plate(plate: Probabilities, style: int = -1) -> Read:
    """Return the best text of shape (SLOTS, alphabet); `style` is passed on."""
    classes = plate.argmax(axis=1)
    is_character = classes != ALPHABET.index(PAD)
    weakest = float(plate.max(axis=1)[is_character].min()) if is_character.any() else 0.0
    return Read(normalise(decode(classes)), weakest, style)


def score_set(name: str, crops: Sequence[RealCrop], reads: Sequence[Read], styles: Sequence[str]) -> SetScore:
    """Count how many reads of a set are right."""
    pairs = [(normalise(crop.text), read.text) for crop, read in zip(crops, reads, strict=True)]
    return SetScore(
        name,
        len(pairs),
        sum(truth == text for truth, text in pairs),
        sum(truth[1:] == text[1:] for truth, text in pairs),
        sum(truth[:1] == text[:1] for truth, text in pairs),
        sum(crop.style == styles[read.style] for crop, read in zip(crops, reads, strict=True)),
    )


def calibration_error(confidences: NDArray[np.float64], is_right: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width (Guo et al., 2017)."""
    edges = np.minimum((confidences * bins).astype(int), bins - 1)
    error = 0.0
    for each in range(bins):
        inside = edges == each
        if inside.any():
            error += inside.mean() * abs(float(confidences[inside].mean()) - float(is_right[inside].mean()))
    return error
