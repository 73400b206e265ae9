"""Two plates one above the other: vehicles of Hong Kong and Macao carry their own beside the mainland's.

The detector often sees one of the two. Where what it saw is no plate that can be read surely, its neighbours are looked
at: measured on drawn pairs, a plate there is read with 0.97 and more, anything else with 0.11 at most.
"""

import numpy as np

from ocr.types import Corners

HEIGHT = 0.33
"""Of a plate's width: 140 of 440 mm and what corners are off."""
WIDER = 0.03
"""The mainland's plate is a little wider, on both sides; in shares of the width."""
GAP = 0.01
LEAST_CONFIDENCE = 0.8
"""Of what is read there."""
MOST = 4
"""Detections of a picture whose neighbours are looked at."""
LEAST_SCORE = 0.4


def neighbours(corners: Corners) -> tuple[Corners, Corners]:
    """Return where a plate above and one below would be."""
    across = (corners[1] - corners[0] + corners[2] - corners[3]) / 2
    down = (corners[3] - corners[0] + corners[2] - corners[1]) / 2
    width = float(np.linalg.norm(across))
    step = down / max(float(np.linalg.norm(down)), 1e-6) * width
    side = across * WIDER
    upper_left, upper_right, lower_right, lower_left = corners
    above = [upper_left - side - step * (GAP + HEIGHT), upper_right + side - step * (GAP + HEIGHT)]
    above += [upper_right + side - step * GAP, upper_left - side - step * GAP]
    below = [lower_left - side + step * GAP, lower_right + side + step * GAP]
    below += [lower_right + side + step * (GAP + HEIGHT), lower_left - side + step * (GAP + HEIGHT)]
    return np.array(above, np.float32), np.array(below, np.float32)
