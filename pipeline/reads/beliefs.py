"""From a camera's text and scores to what the match asks for: a probability for each character of each slot.

A maker's scores are no probabilities: most say 99 whatever they read. They are taken as an order, from "no better than
a guess" to as sure as such cameras are known to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

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
    rows = _rows(alphabet)
    found = [rows.index.get(character, rows.unknown) for character in read.text]
    found += [rows.pad] * (slots - len(read.text))
    trusts = [_trust(read, slot) for slot in range(len(read.text))] + [SUREST] * (slots - len(read.text))
    surely = np.array(trusts, np.float32)[:, None]
    probabilities = rows.others[found] * (1.0 - surely) + rows.itself[found] * surely
    return PlateDistribution(alphabet, probabilities, styles, _styles(read.style, read.plate_class, styles))


@dataclass(frozen=True, slots=True)
class _Rows:
    """For each character of an alphabet, and an unknown one: what it is if it was read right, and if it was not."""

    index: Mapping[str, int]
    pad: int
    unknown: int
    itself: Probabilities
    others: Probabilities
    """Each row sums to 1, that of the unknown one in both."""


@lru_cache(maxsize=8)
def _rows(alphabet: str) -> _Rows:
    pad = len(alphabet) - 1
    itself = np.eye(len(alphabet), dtype=np.float32)
    others = np.stack([_others(alphabet, column) for column in range(len(alphabet))])
    flat = np.full((1, len(alphabet)), 1.0 / pad, np.float32)
    flat[0, pad] = 0.0
    index = {character: column for column, character in enumerate(alphabet[:pad])}
    return _Rows(index, pad, len(alphabet), np.vstack((itself, flat)), np.vstack((others, flat)))


def _others(alphabet: str, column: int) -> Probabilities:
    """Return what a character is that is not the one that was read."""
    lookalikes = LOOKALIKES.get(alphabet[column], "") if column < len(alphabet) - 1 else ""
    alike = [alphabet.index(other) for other in lookalikes if other in alphabet]
    rest = np.full(len(alphabet), 1.0, np.float32)
    rest[column] = 0.0
    rest *= (1.0 - LOOKALIKE_SHARE * bool(alike)) / rest.sum()
    for other in alike:
        rest[other] += LOOKALIKE_SHARE / len(alike)
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


@lru_cache(maxsize=256)
def _styles(style: str | None, plate_class: str | None, styles: tuple[str, ...]) -> Probabilities:
    """Return the style from the camera's colour and class together with what passes anyway."""
    weights = np.array([STYLE_PRIOR.get(name, 0.0) for name in styles], np.float64)
    if style in styles:
        seen = ALSO_SEEN_AS.get(style or "", (style,))
        weights = _leaning(weights, [name in seen for name in styles], STYLE_TRUST)
    if plate_class is not None:
        weights = _leaning(weights, [name in _styles_of_class(plate_class) for name in styles], CLASS_TRUST)
    total = weights.sum()
    probabilities = np.asarray(weights / total if total > 0 else np.full(len(styles), 1.0 / len(styles)), np.float32)
    probabilities.setflags(write=False)
    return probabilities


def _leaning(weights: NDArray[np.float64], said: list[bool], trust: float) -> NDArray[np.float64]:
    """Give those that were said so much of the whole, the others what is left."""
    mask = np.array(said)
    inside, outside = weights[mask].sum(), weights[~mask].sum()
    if inside <= 0 or outside <= 0:
        return weights
    return np.asarray(np.where(mask, weights * trust / inside, weights * (1.0 - trust) / outside), np.float64)


def _styles_of_class(plate_class: str) -> set[str]:
    return {style for form in FORMS for style, code in form.class_by_style.items() if code == plate_class}
