"""A plate that the picture's edge cuts: what lies beyond the edge is not known, however likely a character sounds."""

from dataclasses import replace

import cv2
import numpy as np

from ocr.types import Corners, PlateDistribution

HALF_SEEN, SEEN = 0.0, 0.75
"""Shares of a character's slot around its middle: with less in the picture it is unknown, with less it is doubtful."""
DOUBT = 0.55
"""What a character that is cut keeps open: its best reading is never more probable than what is left."""
OFF = 0.06
"""At an edge a plate may go on by this share of its width more than its corners say: what ends there is doubtful."""
LEFT, RIGHT = 0.035, 0.965
"""Where the characters begin and end, in shares of the plate's width (GA 36: 15.5 of 440 mm on both sides)."""
LINE_HEIGHTS = (0.25, 0.75)
BOTTOM_CHARACTERS = 5


def is_at_edge(corners: Corners, size: tuple[int, int]) -> bool:
    """Return whether a plate touches an edge of the picture, of (height, width), or reaches beyond it."""
    height, width = size
    spare = _spare(corners)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool(low[0] < spare or low[1] < -spare or high[0] > width - spare or high[1] > height + spare)


def is_inside(corners: Corners, size: tuple[int, int]) -> bool:
    """Return whether a plate lies wholly in the picture."""
    height, width = size
    return bool((corners >= 0).all() and (corners <= [width, height]).all())


def _spare(corners: Corners) -> float:
    return 0.01 * float(np.ptp(corners[:, 0])) + 1.0


def without_unseen(
    distribution: PlateDistribution, corners: Corners, size: tuple[int, int], has_two_lines: bool
) -> PlateDistribution:
    """Return the distribution with nothing known of the slots outside of the picture, little of those it cuts."""
    if not is_at_edge(corners, size):
        return distribution
    count, letters = _length(distribution), len(distribution.alphabet) - 1
    char_probs = distribution.char_probs.copy()
    for slot in range(count):
        edges = _slot_edges(slot, count, has_two_lines)
        if not _is_seen(edges, HALF_SEEN, corners, size, 0.0):
            char_probs[slot, :-1], char_probs[slot, -1] = 1.0 / letters, 0.0
        elif not _is_seen(edges, SEEN, corners, size, OFF):
            char_probs[slot] *= 1 - DOUBT
            char_probs[slot, :-1] += DOUBT / letters
    return replace(distribution, char_probs=char_probs)


def _length(distribution: PlateDistribution) -> int:
    pad = len(distribution.alphabet) - 1
    return max(1, int((distribution.char_probs.argmax(axis=1) != pad).sum()))


def _slot_edges(slot: int, count: int, has_two_lines: bool) -> tuple[float, float, float]:
    """Return a slot's left and right and its height, in shares of the plate's width and height."""
    pitch = (RIGHT - LEFT) / (BOTTOM_CHARACTERS if has_two_lines else count)
    if not has_two_lines:
        return LEFT + slot * pitch, LEFT + (slot + 1) * pitch, 0.5
    top = count - BOTTOM_CHARACTERS
    if slot < top:
        return 0.25 + 0.5 * slot / top, 0.25 + 0.5 * (slot + 1) / top, LINE_HEIGHTS[0]
    return LEFT + (slot - top) * pitch, LEFT + (slot - top + 1) * pitch, LINE_HEIGHTS[1]


def _is_seen(
    edges: tuple[float, float, float], share: float, corners: Corners, size: tuple[int, int], off: float
) -> bool:
    """Return whether this share of a slot, around its middle, lies in the picture.

    `off`: by how much of its width a plate that touches a side may go on beyond its corners.
    """
    first, last, level = edges
    spare = (1 - share) / 2 * (last - first)
    points = np.array([[first + spare, level], [last - spare, level]], np.float32)
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    to_picture = cv2.getPerspectiveTransform(unit, corners.astype(np.float32))
    x, y = cv2.perspectiveTransform(points[None], to_picture)[0].T
    height, width = size
    low, high = float(corners[:, 0].min()), float(corners[:, 0].max())
    left = off * (high - low) if low < _spare(corners) else 0.0
    right = width - (off * (high - low) if high > width - _spare(corners) else 0.0)
    return bool(((x >= left) & (x <= right) & (y >= 0) & (y <= height)).all())
