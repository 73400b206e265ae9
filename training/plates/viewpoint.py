"""Where a camera and a detector put a plate inside the crop that the recogniser sees."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Quad: TypeAlias = NDArray[np.float32]
"""Shape (4, 2): top-left, top-right, bottom-right, bottom-left."""

RECTIFIED_MARGIN = (0.03, 0.06)
"""Share of the crop's width and height that the reader leaves around the detector's corners."""
STEEP_SHARE = 0.2
"""Of the bounding boxes in training: the reader levels steep plates by their corners, so real crops have few."""
CONTEXT = 1 / 12
"""A stored view shows this share of the crop's size beyond each of its sides, for later jitter."""


def random_quad(aspect: float, rng: np.random.Generator, strength: float = 1.0) -> Quad:
    """Return where the plate's corners lie in the crop, in units of the crop's width and height (0 to 1).

    `aspect` is the plate's width over its height. Two thirds are rectified with imperfect corners, the rest are
    bounding boxes of tilted plates, as in the raw crops of the development data. `strength`: how many of the latter
    are steep, as a part of training's share.
    """
    choice = rng.random()
    if choice < 0.5:
        return _rectified(rng, RECTIFIED_MARGIN)
    if choice < 0.68:
        return _rectified(rng, (float(rng.uniform(-0.02, 0.04)), float(rng.uniform(-0.04, 0.08))))
    return _bounding_box(aspect, rng, STEEP_SHARE * strength)


def _rectified(rng: np.random.Generator, margin: tuple[float, float]) -> Quad:
    x, y = margin
    # Detector corners are off by one or two pixels at the network's scale; one in ten is far worse.
    spread = 2.2 if rng.random() < 0.1 else 1.0
    quad = np.array([[x, y], [1 - x, y], [1 - x, 1 - y], [x, 1 - y]], np.float32)
    common = rng.normal(0, 1, (1, 2)) * (0.008, 0.025) * spread
    own = rng.normal(0, 1, (4, 2)) * (0.010, 0.035) * spread
    return np.asarray(quad + common + own, np.float32)


def _bounding_box(aspect: float, rng: np.random.Generator, steep_share: float) -> Quad:
    steep = 2.2 if rng.random() < steep_share else 1.0
    angle, shear = np.deg2rad(rng.normal(0, 6.0 * steep)), float(rng.normal(0, 0.12 * steep))
    quad = np.array([[-aspect, -1], [aspect, -1], [aspect, 1], [-aspect, 1]], np.float64) / 2
    quad[:, 0] += shear * quad[:, 1]
    quad[:, 0] *= rng.uniform(0.75, 1.1)
    quad[:, 1] *= 1 + rng.normal(0, 0.06) * quad[:, 0]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    quad = quad @ turn.T
    low, high = quad.min(axis=0), quad.max(axis=0)
    unit = (quad - low) / (high - low)
    before, after = rng.uniform(-0.015, 0.05, 2), rng.uniform(-0.015, 0.05, 2)
    return np.asarray(before + unit * (1 - before - after), np.float32)


def with_context(quad: Quad) -> Quad:
    """Return crop coordinates as coordinates of the wider stored view, both in units of their size."""
    return np.asarray((quad + CONTEXT) / (1 + 2 * CONTEXT), np.float32)


def warp_to(source: Quad, target: Quad) -> NDArray[np.float64]:
    """Return the 3 x 3 perspective matrix that takes `source` to `target` (pixels)."""
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)), np.float64)


def image_quad(width: float, height: float) -> Quad:
    """Return the corners of an image of that size."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
