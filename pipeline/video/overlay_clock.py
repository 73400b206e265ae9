"""The running clock that cameras write into their picture, found by its beat: one place that steps every second.

What belongs to it is taken for background when it steps, so it wakes nobody; nothing is left out of the picture, and
a vehicle that drives under the clock is still seen.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.float32]
"""Brightness of each cell, shape (rows, columns)."""
CellMask: TypeAlias = NDArray[np.bool_]
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the picture."""

BEAT_MS = 1000.0
TOLERANCE_MS = 150.0
"""An idle picture is compared nine times a second."""
LONGEST_BEATS = 12
"""A place that steps more rarely (the tens of the seconds at 10) tells nothing about its beat."""
SETTLING_MS = 300.0
"""A codec spreads one step over some frames."""
SURE_BEATS = 8
"""So many steps in beat, two less for each that is not, and a place is a clock's."""
MOST_BEATS = 20
LEFT_AND_RIGHT = 20
"""Cells beside the seconds that other digits of the clock may take up, in the same rows."""
MAX_SHARE = 0.01
"""Of the picture; more that steps every second is a lamp that flashes over the scene, or the codec."""


class OverlayClock:
    """Learns which cells beat. One camera each."""

    def __init__(self, min_step: float) -> None:
        """`min_step`: grey levels."""
        self._min_step = min_step
        self._last: Cells | None = None
        self._stepped_ms: NDArray[np.float64] = np.zeros((0, 0))
        self._beats: NDArray[np.int16] = np.zeros((0, 0), np.int16)
        self._ticked_ms = float("-inf")
        self._box: Box | None = None
        self._is_box_known = False

    def stepping(self, cells: Cells, offset_ms: float, *, learns: bool = True) -> CellMask | None:
        """Return which cells are the clock's and have just stepped; None where none is or has.

        `learns`: whether what steps may be a clock that is not known yet.
        """
        if self._last is None or self._last.shape != cells.shape:
            self._last = cells
            self._stepped_ms = np.full(cells.shape, -np.inf)
            self._beats = np.zeros(cells.shape, np.int16)
            self._is_box_known = False
            return None
        steps = np.abs(cells - self._last) > self._min_step
        self._last = cells
        if not steps.any():
            return None
        if learns:
            self._count(steps, offset_ms)
        seconds = self._beats >= SURE_BEATS
        if not self._is_clock(seconds):
            return None
        if (steps & seconds).any() and offset_ms - self._ticked_ms > SETTLING_MS:
            self._ticked_ms = offset_ms
        if offset_ms - self._ticked_ms > SETTLING_MS:
            return None
        return np.asarray(steps & _beside(seconds), np.bool_)

    def differing(self, cells: Cells) -> CellMask | None:
        """Return which cells are the clock's and differ from the last picture, some time ago; None without a clock.

        Nothing is learnt of it.
        """
        seconds = self._beats >= SURE_BEATS
        if self._last is None or self._last.shape != cells.shape or not self._is_clock(seconds):
            return None
        return np.asarray((np.abs(cells - self._last) > self._min_step) & _beside(seconds), np.bool_)

    def after_gap(self, cells: Cells, offset_ms: float) -> CellMask | None:
        """Take a picture that is some beats after the last one; return the same as `differing`."""
        differing = self.differing(cells)
        if self._last is not None and self._last.shape == cells.shape:
            # The beats in between were not seen: the next one is as far from the last of them.
            beats = np.floor(np.where(np.isfinite(self._stepped_ms), offset_ms - self._stepped_ms, 0.0) / BEAT_MS)
            seconds = self._beats >= SURE_BEATS
            self._stepped_ms[seconds] += BEAT_MS * beats[seconds]
            self._last = cells
        return differing

    def box(self) -> Box | None:
        """Return where the clock's seconds are; None without one."""
        if not self._is_box_known:
            # First, for another thread may count meanwhile.
            self._is_box_known = True
            self._box = self._found_box()
        return self._box

    def _found_box(self) -> Box | None:
        seconds = self._beats >= SURE_BEATS
        if not self._is_clock(seconds):
            return None
        rows, columns = np.nonzero(seconds)
        height, width = seconds.shape
        return (
            round(float(columns.min()) / width, 3),
            round(float(rows.min()) / height, 3),
            round(float(columns.max() + 1) / width, 3),
            round(float(rows.max() + 1) / height, 3),
        )

    @staticmethod
    def _is_clock(seconds: CellMask) -> bool:
        return bool(seconds.any()) and seconds.mean() <= MAX_SHARE

    def _count(self, steps: CellMask, offset_ms: float) -> None:
        since_ms = offset_ms - self._stepped_ms
        is_new = steps & (since_ms > SETTLING_MS)
        beats = np.round(np.where(np.isfinite(since_ms), since_ms, 0.0) / BEAT_MS)
        off_ms = np.abs(since_ms - beats * BEAT_MS)
        in_beat = is_new & (beats >= 1) & (beats <= LONGEST_BEATS) & (off_ms <= TOLERANCE_MS)
        off_beat = is_new & (beats <= LONGEST_BEATS) & ~in_beat
        self._beats[in_beat] += 1
        self._beats[off_beat] -= 2
        np.clip(self._beats, 0, MOST_BEATS, out=self._beats)
        self._stepped_ms[is_new] = offset_ms
        self._is_box_known = False


def _beside(seconds: CellMask) -> CellMask:
    """Return the cells of the seconds and of what may be written beside them."""
    rows, columns = np.nonzero(seconds)
    around = np.zeros_like(seconds)
    top, left = max(0, rows.min() - 1), max(0, columns.min() - LEFT_AND_RIGHT)
    around[top : rows.max() + 2, left : columns.max() + 1 + LEFT_AND_RIGHT] = True
    return around
