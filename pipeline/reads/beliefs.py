"""From a camera's text and scores to what the match asks for: a probability for each character of each slot.

A maker's scores are no probabilities: most say 99 whatever they read. They are taken as an order, from "no better than
a guess" to as sure as such cameras are known to be.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ocr.grammar import CITY_LETTERS, DIGITS, FORMS, PROVINCES, STYLES
from ocr.types import PlateDistribution, Probabilities
from pipeline.reads.camera_read import UNKNOWN, CameraRead

ALPHABET = DIGITS + CITY_LETTERS + PROVINCES + "学警挂港澳使领民航应急临试超_"
"""Where there is no read of our own to take it from; the last one is the pad."""
SLOTS = 9
SUREST = 0.993
"""Of one character: a camera that reads 95 % of plates right reads 99.3 % of characters right."""
UNSAID = 0.985
"""Of one character the camera said nothing of."""
LEAST = 0.2
"""Of one character with the lowest score."""
SURE_SCORE = 0.95
"""Scores above this are all alike."""
LOOKALIKE_SHARE = 0.6
"""Of what is not the character that was read, so much is one that looks like it."""
LOOKALIKES: Mapping[str, str] = {
    "0": "DQO8", "D": "0QO", "Q": "0OD", "O": "0QD", "8": "B306", "B": "8RE", "1": "7TJL", "7": "1TZ", "2": "Z7",
    "Z": "27", "5": "S6", "S": "58", "6": "G85", "G": "6C", "C": "G", "U": "V", "V": "UY", "Y": "V", "4": "A", "A": "4",
    "M": "NW", "N": "MH", "H": "NWM", "W": "M", "K": "XR", "X": "KY", "E": "FB", "F": "EP", "P": "FR", "R": "PKB",
    "T": "17Y", "L": "1E", "J": "1U", "3": "89", "9": "38", "苏": "赣", "赣": "苏", "皖": "浙", "粤": "鄂", "鄂": "粤",
    "鲁": "晋", "晋": "鲁吉", "吉": "晋", "京": "津", "津": "沪", "沪": "浙", "浙": "沪", "湘": "浙", "豫": "陕",
}  # fmt: skip
STYLE_PRIOR: Mapping[str, float] = {
    "blue": 0.70, "green": 0.12, "green_large": 0.02, "yellow": 0.05, "yellow_two_line": 0.06, "white": 0.02,
    "white_two_line": 0.005, "black": 0.02, "civil_aviation": 0.005, "blue_two_line": 0.001,
    "motorcycle_two_line": 0.01, "green_two_line": 0.003, "paper": 0.005, "foreign": 0.0, "not_plate": 0.0,
}  # fmt: skip
"""How often each style passes, for cameras that say no colour."""
ALSO_SEEN_AS: Mapping[str, tuple[str, ...]] = {
    "blue": ("blue", "blue_two_line"),
    "yellow": ("yellow", "yellow_two_line", "motorcycle_two_line"),
    "white": ("white", "white_two_line"),
    "green": ("green", "green_large", "civil_aviation", "green_two_line"),
    "green_large": ("green", "green_large"),
}
"""A camera's word for a colour says nothing of the layout."""
STYLE_TRUST = 0.93
CLASS_TRUST = 0.8


def distribution_of(
    read: CameraRead, alphabet: str = ALPHABET, styles: tuple[str, ...] = STYLES, slots: int = SLOTS
) -> PlateDistribution | None:
    """Return what a camera's read says of the plate; None where it says nothing, or what no plate of ours has room for.

    An unknown character stays flat: every character is as probable as any other.
    """
    if not read.text.strip(UNKNOWN) or len(read.text) > slots:
        return None
    probabilities = np.stack([_slot(read, slot, alphabet) for slot in range(slots)]).astype(np.float32)
    return PlateDistribution(alphabet, probabilities, styles, _styles(read, styles))


def _slot(read: CameraRead, slot: int, alphabet: str) -> Probabilities:
    pad = len(alphabet) - 1
    if slot >= len(read.text):
        return _one(alphabet, pad, SUREST)
    character = read.text[slot]
    if character not in alphabet[:pad]:
        flat = np.full(len(alphabet), 1.0 / pad, np.float32)
        flat[pad] = 0.0
        return flat
    return _one(alphabet, alphabet.index(character), _trust(read, slot), LOOKALIKES.get(character, ""))


def _one(alphabet: str, column: int, trust: float, lookalikes: str = "") -> Probabilities:
    alike = [alphabet.index(other) for other in lookalikes if other in alphabet]
    rest = np.full(len(alphabet), 1.0, np.float32)
    rest[column] = 0.0
    rest *= (1.0 - trust) * (1.0 - LOOKALIKE_SHARE * bool(alike)) / rest.sum()
    for other in alike:
        rest[other] += (1.0 - trust) * LOOKALIKE_SHARE / len(alike)
    rest[column] = trust
    return rest


def _trust(read: CameraRead, slot: int) -> float:
    """Return how probable it is that a character is the one that was read."""
    if len(read.char_scores) == len(read.text):
        score: float | None = read.char_scores[slot]
    else:
        score = read.score
    if score is None:
        return UNSAID
    most = SUREST if len(read.char_scores) == len(read.text) else UNSAID
    return LEAST + (most - LEAST) * min(1.0, score / SURE_SCORE)


def _styles(read: CameraRead, styles: tuple[str, ...]) -> Probabilities:
    """Return the style from the camera's colour and class together with what passes anyway."""
    weights = np.array([STYLE_PRIOR.get(style, 0.0) for style in styles], np.float64)
    if read.style in styles:
        seen = ALSO_SEEN_AS.get(read.style or "", (read.style,))
        weights = _leaning(weights, [style in seen for style in styles], STYLE_TRUST)
    if read.plate_class is not None:
        weights = _leaning(weights, [style in _styles_of_class(read.plate_class) for style in styles], CLASS_TRUST)
    total = weights.sum()
    return np.asarray(weights / total if total > 0 else np.full(len(styles), 1.0 / len(styles)), np.float32)


def _leaning(weights: NDArray[np.float64], said: list[bool], trust: float) -> NDArray[np.float64]:
    """Give those that were said so much of the whole, the others what is left."""
    mask = np.array(said)
    inside, outside = weights[mask].sum(), weights[~mask].sum()
    if inside <= 0 or outside <= 0:
        return weights
    return np.asarray(np.where(mask, weights * trust / inside, weights * (1.0 - trust) / outside), np.float64)


def _styles_of_class(plate_class: str) -> set[str]:
    return {style for form in FORMS for style, code in form.class_by_style.items() if code == plate_class}
