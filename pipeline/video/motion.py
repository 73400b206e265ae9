"""The motion gate: which frames of a camera are worth the detector.

Its answer depends on the frames alone, never on how fast anybody works, so a replay looks at the same frames.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.close_looks import CloseLooks, Place
from pipeline.video.deinterlace import Plane
from pipeline.video.masks import Regions
from pipeline.video.overlay_clock import OverlayClock

SAMPLES_PER_CELL = 4
"""Sampled pixels along each side of a cell: averaging 16 of them takes the noise down to a quarter."""
ROWS_OF_CELLS = 68
"""1080 rows make cells of 16 pixels."""
BACKGROUND_S = 1.0
"""Time constant of the background: what stands still this long belongs to it."""
IDLE_CHECKS_PER_S = 9.0
"""While nothing moves, only this many frames a second are compared with the background."""
ROUGH_TOLERANCE = 2.0
"""Roughly decoded pictures are a little off, up to 8 grey levels in a cell, until one that stands by itself."""
SEARCHED_MS = 10_000.0
"""However long nothing has moved, the whole frame is searched closely this often."""


class MotionGate:
    """Decides frame by frame, in order. One camera each."""

    def __init__(self, settings: GateSettings, regions: Regions | None = None) -> None:
        """`regions`: what moves in the parts that are left out wakes nobody."""
        self._settings = settings
        self._regions = regions or Regions()
        self._hidden: NDArray[np.bool_] | None = None
        self._background: NDArray[np.float32] | None = None
        self._clock = OverlayClock(settings.min_change / 2)
        self._checked_ms = float("-inf")
        self._looked_ms = float("-inf")
        self._moved_ms = float("-inf")
        self._changed: NDArray[np.bool_] | None = None
        self._close_looks = CloseLooks(settings.close_mpx)
        self._searched_ms = float("-inf")
        self._slack_ms = 0.0

    def is_due(self, offset_ms: float) -> bool:
        """Return whether the frame at this time has to be decoded to a picture at all."""
        settings = self._settings
        if offset_ms - self._looked_ms < 1000.0 / settings.looks_per_s - 1.0:
            return False
        return offset_ms - self._checked_ms >= self.interval_ms(offset_ms)

    def interval_ms(self, offset_ms: float) -> float:
        """Return how far apart frames are compared with the background at this time."""
        settings = self._settings
        is_idle = settings.enabled and offset_ms - self._moved_ms > settings.hold_s * 1000.0
        return 1000.0 / (IDLE_CHECKS_PER_S if is_idle else settings.looks_per_s) - 1.0

    @property
    def moved_ms(self) -> float:
        """When something moved last; minus infinity before the first frame."""
        return self._moved_ms

    @property
    def scene(self) -> NDArray[np.float32] | None:
        """What stands still, by cells (rows, columns); None before the first frame."""
        return self._background

    @property
    def clock_box(self) -> tuple[float, float, float, float] | None:
        """Where a running clock is written into the picture, as shares of it; None where none was found."""
        return self._clock.box()

    def is_still(self, image: BgrImage | Plane) -> bool:
        """Return whether a frame shows nothing new although those just before it were left out; it is not counted."""
        cells = cell_brightness(image)
        if self._background is None or self._background.shape != cells.shape:
            return False
        return int(self._changes(cells, self._clock.differing(cells)).sum()) < self._settings.min_changed_cells

    def wants(self, image: BgrImage | Plane, offset_ms: float, gap_ms: float = 0.0, rough_ms: float = 0.0) -> bool:
        """Return whether the detector should look at this frame; call it for every frame that was due.

        Its brightness alone will do: then only frames that are wanted need their colours. `gap_ms`: those just before
        it were left out for so long, and so will be those after it. `rough_ms`: it stands by itself, and those just
        before it, for so long, were decoded roughly, for `glances`.
        """
        self._slack_ms = max(gap_ms, rough_ms) / 2
        if self._has_moved(image, offset_ms, has_gap=gap_ms > 0, is_after_rough=rough_ms > 0):
            self._moved_ms = offset_ms
        settings = self._settings
        wanted = (
            not settings.enabled
            or offset_ms - self._moved_ms <= settings.hold_s * 1000.0
            or offset_ms - self._looked_ms >= settings.idle_look_s * 1000.0 - self._slack_ms
        )
        if wanted:
            self._looked_ms = offset_ms
        return wanted

    def glances(self, image: BgrImage | Plane, offset_ms: float) -> bool:
        """Return whether this frame shows movement; in the place of `wants` where no other is worth a look."""
        if not self._has_moved(image, offset_ms, is_rough=True):
            return False
        self._moved_ms = self._looked_ms = offset_ms
        return True

    def places(self, size: tuple[int, int], offset_ms: float) -> tuple[Place, ...] | None:
        """Return where the frame that is wanted has to be searched closely; None for all of it, now and then.

        `size`: the picture's height and width. To be called once for every frame that was wanted.
        """
        settings = self._settings
        if self._changed is None or (not self._changed.any() and self._is_to_be_searched(offset_ms)):
            self._searched_ms = offset_ms
            return None if settings.close_mpx else ()
        return self._close_looks.choose(self._changed, size, offset_ms) if self._changed.any() else ()

    def _is_to_be_searched(self, offset_ms: float) -> bool:
        """The longer nothing had moved when the whole frame was searched, the less there is to find anew."""
        still_ms = self._searched_ms - self._moved_ms
        every_ms = min(max(self._settings.idle_look_s * 1000.0, still_ms), SEARCHED_MS)
        return offset_ms - self._searched_ms >= every_ms - self._slack_ms

    def _has_moved(
        self,
        image: BgrImage | Plane,
        offset_ms: float,
        *,
        has_gap: bool = False,
        is_rough: bool = False,
        is_after_rough: bool = False,
    ) -> bool:
        cells = cell_brightness(image)
        elapsed_s = (offset_ms - self._checked_ms) / 1000.0
        self._checked_ms = offset_ms
        if self._background is None or self._background.shape != cells.shape:
            self._background = cells
            self._hidden = self._regions.hidden(*cells.shape)
            self._changed = None
            return True
        if has_gap:
            stepping = self._clock.after_gap(cells, offset_ms)
        else:
            # What rough pictures are off by grows and ends with every group: that beats, too.
            stepping = self._clock.stepping(cells, offset_ms, learns=not is_rough and not is_after_rough)
        if stepping is not None:
            self._background[stepping] = cells[stepping]
        self._changed = self._changes(cells, stepping, ROUGH_TOLERANCE if is_after_rough else 1.0)
        # What they were off by is no background for those that begin with this one.
        share = 1.0 if is_after_rough else 1.0 - float(np.exp(-elapsed_s / BACKGROUND_S))
        cv2.accumulateWeighted(cells, self._background, share)
        return int(self._changed.sum()) >= self._settings.min_changed_cells

    def _changes(
        self, cells: NDArray[np.float32], stepping: NDArray[np.bool_] | None, tolerance: float = 1.0
    ) -> NDArray[np.bool_]:
        """Return which cells differ from the background; those that are stepping do not."""
        assert self._background is not None
        change = cells - self._background
        if stepping is not None:
            change[stepping] = 0.0
        # A cloud or the camera's exposure changes every cell alike.
        change -= np.median(change)
        np.abs(change, out=change)
        if self._hidden is not None:
            change[self._hidden] = 0.0
        return np.asarray(change > tolerance * self._settings.min_change, np.bool_)


def cell_brightness(image: BgrImage | Plane) -> NDArray[np.float32]:
    """Return the mean grey level of each cell, shape (rows, columns)."""
    step = max(1, image.shape[0] // (ROWS_OF_CELLS * SAMPLES_PER_CELL))
    # Of a colour picture green alone: the least noisy channel, and a quarter of the time that grey takes.
    samples = np.ascontiguousarray(image[::step, ::step, 1] if image.ndim == 3 else image[::step, ::step])
    size = (max(1, samples.shape[1] // SAMPLES_PER_CELL), max(1, samples.shape[0] // SAMPLES_PER_CELL))
    return cv2.resize(samples, size, interpolation=cv2.INTER_AREA).astype(np.float32)
