"""Invented plates and reads for tests."""

import numpy as np

from ocr.grammar import CITY_LETTERS, DIGITS, PROVINCES, STYLES, plate_class_of
from ocr.types import BoundingBox, PlateDistribution, PlateRead

ALPHABET = DIGITS + CITY_LETTERS + PROVINCES + "学警挂港澳使领民航应急_"
SLOTS = 8
FRONT = BoundingBox(100, 100, 220, 140)
"""Where a plate is when a test does not care."""


def make_distribution(
    text: str, style: str = "blue", certainty: float = 0.99, doubts: dict[int, dict[str, float]] | None = None
) -> PlateDistribution:
    """Return a distribution that reads `text`; `doubts` sets other characters' probabilities by position."""
    columns = len(ALPHABET)
    probs = np.full((SLOTS, columns), (1 - certainty) / (columns - 1), np.float32)
    for slot in range(SLOTS):
        character = text[slot] if slot < len(text) else "_"
        probs[slot, ALPHABET.index(character)] = certainty
        for other, probability in (doubts or {}).get(slot, {}).items():
            probs[slot] *= (1 - probability) / (probs[slot].sum() - probs[slot, ALPHABET.index(other)])
            probs[slot, ALPHABET.index(other)] = probability
    probs /= probs.sum(axis=1, keepdims=True)
    styles = np.full(len(STYLES), 0.01 / (len(STYLES) - 1), np.float32)
    styles[STYLES.index(style)] = 0.99
    return PlateDistribution(ALPHABET, probs, STYLES, styles)


def make_read(
    text: str,
    box: BoundingBox = FRONT,
    style: str = "blue",
    certainty: float = 0.99,
    sharpness: float = 500.0,
) -> PlateRead:
    """Return a read of an invented plate."""
    corners = np.array([[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]], np.float32)
    return PlateRead(
        text=text,
        plate_class=plate_class_of(text, style),
        box=box,
        corners=corners,
        distribution=make_distribution(text, style, certainty),
        char_probs=(certainty,) * len(text),
        confidence=certainty,
        detection_score=0.9,
        sharpness=sharpness,
    )
