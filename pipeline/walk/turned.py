"""A camera that hangs on its side reads nothing and reports no fault: its plates are readable in a turned picture."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.types import Reader, ScreeningCounts

ACTIVE_S = 1.0
"""Looks that are closer together than this follow something that moves; an idle scene costs nothing."""
TRY_EVERY_S = 2.0
SURE = 0.8
UPRIGHT_SURE = 0.5
NEEDED = 3
QUARTERS = (1, 3)
"""Quarter turns to try: the left and the right side."""


class TurnWatch:
    """A reader that, while it reads nothing for a long time, tries the picture turned by 90°. One live camera each.

    What it reads there is told as a fault of the camera and goes nowhere else: boxes and tracks would not fit.
    """

    def __init__(
        self, reader: Reader, counts: ScreeningCounts, hold_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._reader = reader
        self._counts = counts
        self._hold_s = hold_s
        self._now_s = now_s
        self._upright_s = now_s()
        self._looked_s = self._tried_s = float("-inf")
        self._tries = 0
        self._found = dict.fromkeys(QUARTERS, 0)

    def read(
        self, image: BgrImage, moved: Sequence[BoundingBox] | None = None, *, follows: bool = False
    ) -> list[PlateRead]:
        reads = self._reader.read(image, moved, follows=follows)
        now_s = self._now_s()
        if any(read.confidence >= UPRIGHT_SURE for read in reads):
            self._upright_s = now_s
            self._found = dict.fromkeys(QUARTERS, 0)
            self._counts.is_turned = False
        elif self._is_worth_a_try(now_s):
            self._try_turned(image, now_s)
        self._looked_s = now_s
        return reads

    def _is_worth_a_try(self, now_s: float) -> bool:
        return (
            not self._counts.is_turned
            and now_s - self._upright_s >= self._hold_s
            and now_s - self._looked_s <= ACTIVE_S
            and now_s - self._tried_s >= TRY_EVERY_S
        )

    def _try_turned(self, image: BgrImage, now_s: float) -> None:
        self._tried_s = now_s
        quarter = QUARTERS[self._tries % len(QUARTERS)]
        self._tries += 1
        turned = np.ascontiguousarray(np.rot90(image, quarter))
        if any(read.confidence >= SURE for read in self._reader.read(turned, ())):
            self._found[quarter] += 1
            self._counts.is_turned = self._found[quarter] >= NEEDED
