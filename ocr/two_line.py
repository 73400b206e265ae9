"""Two-line plates (440 x 220 mm) as one line, so that one recogniser reads both forms."""

import cv2
import numpy as np

from ocr.types import BgrImage

CUT = 0.39
"""Where the lines part, as a share of the height of a crop with 6 % margin: GA 36 leaves 75 to 90 mm of 220 free."""
TOP_SPAN = (0.21, 0.79)
"""The top line's share of the width: two characters of 80 mm stand at 110 to 330 mm of 440."""
TOP_START = 0.04
"""Share of the height above the top line that is left out: it holds the border and the bolts."""
TOP_SHARE = 0.32
"""The top line's share of the stitched width, so that its two characters come out nearly as wide as the others."""
STITCHED_SIZE = (288, 96)
"""Width and height of the result in pixels: twice the recogniser's input."""


def stitch_two_lines(crop: BgrImage, cut: float = CUT) -> BgrImage:
    """Return the top line followed by the bottom line, in reading order, 288 x 96 pixels.

    `crop` is the whole rectified plate with the reader's usual margin, any size from 2 x 2 pixels. The lines overlap
    by a little, because the corners a detector gives are never exact.
    """
    height, width = crop.shape[:2]
    full_width, full_height = STITCHED_SIZE
    top_width = round(TOP_SHARE * full_width)
    left, right = (round(share * width) for share in TOP_SPAN)
    start = round(TOP_START * height)
    top = crop[start : max(start + 1, round((cut + 0.01) * height)), left : max(left + 1, right)]
    bottom = crop[min(height - 1, round((cut - 0.02) * height)) :]
    parts = ((top, top_width), (bottom, full_width - top_width))
    return np.asarray(np.hstack([_fit(part, part_width, full_height) for part, part_width in parts]), np.uint8)


def _fit(part: BgrImage, width: int, height: int) -> BgrImage:
    shrinks = part.shape[1] > width and part.shape[0] > height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)
