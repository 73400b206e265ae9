"""One whole picture out of a frame whose odd and even rows were taken a fiftieth of a second apart."""

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.uint8]
"""Rows by columns, or rows by columns by channels."""

MIN_COMB = 10
"""Grey levels that a row stands out from both its neighbours before it counts as another moment: above noise."""
SPREAD = np.ones((3, 9), np.uint8)
"""A comb's teeth have gaps where both moments happen to be alike: the stretch around them goes with them."""
WIDEST = 2.2
"""Pictures that are wider, by their height, are one field each: every second row of a picture."""


def is_single_field(height: int, width: int) -> bool:
    """Return whether a frame that says it is interlaced holds the rows of one moment only, as HEVC sends them."""
    return width > WIDEST * height


def deinterlaced(plane: Plane) -> Plane:
    """Return the plane as of its even rows' moment.

    Where nothing moved the odd rows stay, so a parked car keeps all its detail; where they show another moment they
    are made of the rows above and below.
    """
    rows = len(plane) - len(plane) % 2
    even, odd = plane[0:rows:2], plane[1:rows:2]
    below = np.concatenate((even[1:], even[-1:]))
    between = cv2.addWeighted(even, 0.5, below, 0.5, 0.0)
    # Further out than both neighbours, to the same side: a picture's own edges lie between them.
    above_both = cv2.subtract(odd, cv2.max(even, below))
    under_both = cv2.subtract(cv2.min(even, below), odd)
    comb = np.asarray(cv2.max(above_both, under_both), np.uint8)
    if comb.ndim == 3:
        comb = comb.max(axis=2)
    moved = cv2.dilate((comb > MIN_COMB).astype(np.uint8), SPREAD).astype(bool)
    whole = plane.copy()
    whole[1:rows:2][moved] = between[moved]
    return whole


def deinterlaced_i420(planes: Plane, height: int) -> Plane:
    """Return a YUV 4:2:0 picture (`height` rows of luma, then both chroma planes), each plane deinterlaced."""
    quarter = height // 2
    width = planes.shape[1]
    whole = planes.copy()
    whole[:height] = deinterlaced(planes[:height])
    for chroma in np.split(planes[height:].reshape(2 * quarter, width // 2), 2):
        chroma[:] = deinterlaced(chroma)
    return whole


def doubled_rows(image: Plane) -> Plane:
    """Return one field at the height of the picture that it is half of."""
    resized: Any = cv2.resize(image, (image.shape[1], 2 * image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
