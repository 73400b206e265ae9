"""Which of the places where something moves are searched closely for far plates: a frame has time for some, in turn."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Place: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture's width and height."""
LEAST_ROWS = 3
"""Of cells: less of a place holds no plate."""
EVERY_MS = 200.0
"""A far vehicle stays far for seconds, so not every frame has to be searched closely: half of ten a second."""
FORGOTTEN_MS = 2000.0
"""Time constant: a look counts for so long when it is asked who had fewest."""


class CloseLooks:
    """Chooses frame by frame. One camera each; the answer depends on the frames alone."""

    def __init__(self, close_mpx: float) -> None:
        """`close_mpx`: million pixels of the picture that a frame's close looks cover at most."""
        self._close_mpx = close_mpx
        self._looks: NDArray[np.float32] | None = None
        self._chose_ms = float("-inf")

    def choose(self, moved: NDArray[np.bool_], size: tuple[int, int], offset_ms: float) -> tuple[Place, ...]:
        """Return the places to look at closely, the one that had fewest looks of late first.

        `moved`: the cells that changed; `size`: the picture's height and width. Of a place that is too large for what
        is left, the upper part: what is near is seen without a close look, and far vehicles are above near ones.
        """
        rows, columns = moved.shape
        if 0.0 <= offset_ms - self._chose_ms < EVERY_MS - 1.0:
            return ()
        if self._looks is None or self._looks.shape != moved.shape:
            self._looks = np.zeros(moved.shape, np.float32)
        self._looks *= np.float32(np.exp(-max(0.0, offset_ms - self._chose_ms) / FORGOTTEN_MS))
        self._chose_ms = offset_ms
        left = int(self._close_mpx * 1e6 / (size[0] * size[1]) * moved.size)
        places = []
        for x, y, width, height in _by_looks(moved, self._looks):
            height = min(height, left // width)
            if height < LEAST_ROWS:
                continue
            left -= width * height
            self._looks[y : y + height, x : x + width] += 1
            places.append((x / columns, y / rows, (x + width) / columns, (y + height) / rows))
        return tuple(places)


def _by_looks(moved: NDArray[np.bool_], looks: NDArray[np.float32]) -> list[tuple[int, int, int, int]]:
    """Return x, y, width and height of each place that moves, in cells, the least looked at first."""
    # A vehicle's sides move, its middle is all alike: cells that are not far apart are one place.
    near = cv2.dilate(moved.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(near)
    boxes = [(int(x), int(y), int(width), int(height)) for x, y, width, height, _ in stats[1:]]
    return sorted(boxes, key=lambda box: float(looks[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean()))
