"""Two-line plates as one line, so that one recogniser reads both forms."""

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.types import BgrImage

STITCHED_SIZE = (288, 96)
"""Width and height of the result in pixels: twice the recogniser's input."""
TOP_START = 0.04
"""Share of the height above the top line that is left out: it holds the border and the bolts."""


@dataclass(frozen=True, slots=True)
class TwoLineCut:
    """Where the lines of a plate stand, in shares of a crop with the reader's margin (3 % and 6 %)."""

    height: float
    """Where the lines part."""
    top_span: tuple[float, float]
    """What the top line takes of the width."""
    top_share: float
    """The top line's share of the stitched width, so that its characters come out nearly as wide as the others."""


LARGE = TwoLineCut(0.39, (0.21, 0.79), 0.32)
"""440 x 220 mm: GA 36 leaves 75 to 90 of 220 free, two characters of 80 stand at 110 to 330."""
MOTORCYCLE = TwoLineCut(0.47, (0.14, 0.86), 0.32)
"""220 x 140 mm: 60 to 70 of 140 are free."""
TRACTOR = TwoLineCut(0.41, (0.2, 0.88), 0.4)
"""300 x 165 mm: 60 to 70 of 165 are free; the top line holds the province and two digits."""
CUTS = {"motorcycle_two_line": MOTORCYCLE, "blue_two_line": MOTORCYCLE, "green_two_line": TRACTOR}
"""By style; any other plate of two lines is a large one."""


def stitch_two_lines(crop: BgrImage, style: str) -> BgrImage:
    """Return the top line followed by the bottom line, in reading order, 288 x 96 pixels.

    `crop` is the whole rectified plate with the reader's usual margin, any size from 2 x 2 pixels. The lines overlap
    by a little, because the corners a detector gives are never exact.
    """
    place = CUTS.get(style, LARGE)
    height, width = crop.shape[:2]
    full_width, full_height = STITCHED_SIZE
    top_width = round(place.top_share * full_width)
    left, right = (round(share * width) for share in place.top_span)
    start = round(TOP_START * height)
    top = crop[start : max(start + 1, round((place.height + 0.01) * height)), left : max(left + 1, right)]
    bottom = crop[min(height - 1, round((place.height - 0.02) * height)) :]
    parts = ((top, top_width), (bottom, full_width - top_width))
    return np.asarray(np.hstack([_fit(part, part_width, full_height) for part, part_width in parts]), np.uint8)


def _fit(part: BgrImage, width: int, height: int) -> BgrImage:
    shrinks = part.shape[1] > width and part.shape[0] > height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)
