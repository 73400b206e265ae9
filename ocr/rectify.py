"""A tilted plate in a picture becomes an upright crop."""

import cv2
import numpy as np

from ocr.types import BgrImage, Corners

CROP_WIDTH = 144
CROP_HEIGHT = 48
MARGIN = (0.03, 0.06)
"""Shares of the crop's width and height left free on each side, as in training."""

ROLLS, ASPECT = (10.0, 20.0), 440 / 140
"""Degrees by which a plate is tried to be rolled, and its width over its height (GA 36)."""


def rectify(
    image: BgrImage,
    corners: Corners,
    width: int = CROP_WIDTH,
    height: int = CROP_HEIGHT,
    margin: tuple[float, float] = MARGIN,
) -> BgrImage:
    """Return the plate at `corners` as an upright crop of shape (height, width, 3)."""
    region, local = _surroundings(image, corners)
    region, local = _shrink(region, local, width)
    target = inner_corners(width, height, margin)
    transform = cv2.getPerspectiveTransform(local, target)
    crop = cv2.warpPerspective(
        region, transform, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def inner_corners(width: int, height: int, margin: tuple[float, float] = MARGIN) -> Corners:
    """Return where the plate's corners lie in a crop of that size."""
    x, y = width * margin[0], height * margin[1]
    return np.array([[x, y], [width - x, y], [width - x, height - y], [x, height - y]], np.float32)


def rolled(width: int, height: int) -> list[Corners]:
    """Return where a plate's corners lie in a crop that is the box around a plate rolled by ROLLS, either way."""
    quads = []
    for roll in np.radians(ROLLS):
        along, across = ASPECT * np.cos(roll), np.sin(roll)
        lean = float(across / (along + across)) * width
        rise = float(ASPECT * np.sin(roll) / (ASPECT * np.sin(roll) + np.cos(roll))) * height
        down = [(lean, 0), (width, rise), (width - lean, height), (0, height - rise)]
        up = [(width - x, y) for x, y in (down[1], down[0], down[3], down[2])]
        quads += [np.array(quad, np.float32) for quad in (down, up)]
    return quads


def sharpness(crop: BgrImage) -> float:
    """Return the variance of the Laplacian of a crop (Pech-Pacheco et al., 2000)."""
    return float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())


def _surroundings(image: BgrImage, corners: Corners) -> tuple[BgrImage, Corners]:
    """Cut out what the warp needs, so that shrinking costs by the plate and not by the picture."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    spare = (high - low) * 0.15 + 2
    x1, y1 = np.maximum(np.floor(low - spare), 0).astype(int)
    x2, y2 = np.ceil(high + spare).astype(int)
    region = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    if region.size == 0:
        return image, corners.astype(np.float32)
    return region, (corners - np.array([x1, y1])).astype(np.float32)


def _shrink(region: BgrImage, corners: Corners, width: int) -> tuple[BgrImage, Corners]:
    """Halve and more a plate that is much larger than the crop: a bilinear warp alone would alias."""
    plate_width = float(np.linalg.norm(corners[1] - corners[0]))
    scale = 1.5 * width / max(plate_width, 1.0)
    if scale >= 1.0:
        return region, corners
    size = (max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale)))
    ratio = np.array([size[0] / region.shape[1], size[1] / region.shape[0]], np.float32)
    shrunk = cv2.resize(region, size, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8), np.asarray(corners * ratio, np.float32)


def tall_cut(image: BgrImage, corners: Corners, margin: tuple[float, float] = MARGIN) -> BgrImage:
    """Cut a two-line plate out large enough to be parted."""
    return rectify(image, corners, 2 * CROP_WIDTH, 3 * CROP_HEIGHT, margin)
