"""By how much the picture of a camera that shakes has moved: on a pole in the wind all that it shows jumps together.

What moves in the picture is not what the picture moves by: the background decides, and where that does not fit better
when it is moved, it has not moved. On the fixture clips, moved by hand, half of the shifts are found to within 1 pixel
of 1920 and all to within 6, and none is found where there is none. What covers most of the picture takes its place.
"""

import math
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage

Shift: TypeAlias = tuple[float, float]
"""To the right and down, in pixels of the picture."""
NO_SHIFT: Shift = (0.0, 0.0)
ROWS = 360
"""Of sampled pixels at least; cells are two of them wide, 6 pixels of 1080: cells of 8 find shifts 4 pixels off."""
STILL_LEVELS = 0.8
"""Grey levels (of 255) that half of a still background differs by at most: then nothing more is worked out."""
MOST_LEVELS = 10.0
"""What differs by more moves by itself, and counts as this much."""
PEAKS, PEAK_CELLS = 3, 2
"""So many shifts are tried, for what drives through the picture has its own; and how far from its highest cell the
middle of one is looked for."""
BETTER, HARDLY_BETTER = 0.9, 0.97
"""A picture has moved if the background then differs by less than this share; of a camera that is known to shake, by
less than the other: of two that differ by their light, one that was moved back is hardly more alike."""
TILES = 4
"""Along each side. What drives through is in few of those along the picture's edges: half of them must become alike."""
MOST_SHIFT = 1 / 16
"""Of the picture's width: no pole bends further. One that is turned is followed from half of it to the next half."""
NONE = np.full((TILES, TILES), 255.0, np.float32), NO_SHIFT
"""What is left where no shift is likely."""
AT_EDGES = np.pad(np.zeros((TILES - 2, TILES - 2), bool), 1, constant_values=True)
REFERENCE_S = 10.0
"""Pictures are compared with one that is no older: light changes, and a camera may be turned."""
CALM_EVERY_S = 0.5
"""Of a camera that is not known to shake, pictures are compared this often: wind rises in seconds."""
BEGIN_S = 2.0
"""It may have shaken before anybody looked: for so long at first, each picture is compared."""
LIGHT_EVERY = 4
"""Of cells along each side: so many are enough to tell how much lighter a picture has become."""


class PictureShift:
    """Measures look by look, in order. One camera each; the answer depends on the pictures alone."""

    def __init__(self) -> None:
        self._reference: NDArray[np.float32] | None = None
        self._waves: NDArray[np.complex128] = np.zeros((0, 0), np.complex128)
        """The reference's spectrum."""
        self._window: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._taken_s = 0.0
        self._at = NO_SHIFT
        self._began_s: float | None = None
        self._shook_s = self._compared_s = float("-inf")
        self._was_left_out = False

    def since_last(self, image: BgrImage, at_s: float) -> Shift:
        """Return by how much the picture has moved since the last one."""
        was_left_out = self._was_left_out
        self._was_left_out = self._is_calm(at_s) and 0.0 <= at_s - self._compared_s < CALM_EVERY_S
        if self._was_left_out:
            return NO_SHIFT
        self._compared_s = at_s
        cells = _fine_cells(image)
        reference, before = self._reference, self._at
        if reference is None or reference.shape != cells.shape:
            self._take(cells, at_s)
            return NO_SHIFT
        found = self._shift_of(cells, reference, image.shape[1], at_s)
        if found is None:
            self._take(cells, at_s)
            return NO_SHIFT
        self._at = found
        moved = found[0] - before[0], found[1] - before[1]
        is_far = math.hypot(*found) > MOST_SHIFT / 2 * image.shape[1]
        if is_far or not 0.0 <= at_s - self._taken_s < REFERENCE_S:
            self._take(cells, at_s)
        # Where the last one was, nobody knows; what was seen on it has gone along.
        return NO_SHIFT if was_left_out else moved

    def _is_shaking(self, at_s: float) -> bool:
        return 0.0 <= at_s - self._shook_s < REFERENCE_S

    def _is_calm(self, at_s: float) -> bool:
        if self._began_s is None:
            self._began_s = at_s
        return not self._is_shaking(at_s) and not 0.0 <= at_s - self._began_s < BEGIN_S

    def _take(self, cells: NDArray[np.float32], at_s: float) -> None:
        self._reference, self._taken_s, self._at = cells, at_s, NO_SHIFT
        if self._window.shape != cells.shape:
            self._window = np.outer(*(np.hanning(side) for side in cells.shape)).astype(np.float32)
        self._waves = self._waves_of(cells)

    def _waves_of(self, cells: NDArray[np.float32]) -> NDArray[np.complex128]:
        return np.fft.rfft2((cells - cells.mean()) * self._window)

    def _shift_of(
        self, cells: NDArray[np.float32], reference: NDArray[np.float32], width: int, at_s: float
    ) -> Shift | None:
        """Return by how much the picture has moved since the reference; None where that cannot be told."""
        some = np.s_[::LIGHT_EVERY, ::LIGHT_EVERY]
        change = cells[some] - reference[some]
        if float(np.median(np.abs(change - np.median(change)))) <= STILL_LEVELS:
            return NO_SHIFT
        cell_px = width / cells.shape[1]
        tried = [one for one in self._likely_shifts(cells) if math.hypot(*one) * cell_px <= MOST_SHIFT * width]
        left, (x, y) = min(((_left(_moved(reference, one), cells), one) for one in tried), key=_mean_left, default=NONE)
        # Lines along a lane fit as well wherever they are moved along it.
        for simpler in (x, y - round(y)), (x - round(x), y):
            if (so := _left(_moved(reference, simpler), cells)).mean() * HARDLY_BETTER <= left.mean():
                left, (x, y) = so, simpler
                break
        # Moved by part of a cell, noise is smoothed: that alone would be more alike.
        unmoved = np.maximum(_left(_moved(reference, (x - round(x), y - round(y))), cells), 1e-3)
        share = float(left.mean() / unmoved.mean())
        is_moved = share < HARDLY_BETTER and float(np.median((left / unmoved)[AT_EDGES])) < HARDLY_BETTER
        if is_moved and share < BETTER:
            self._shook_s = at_s
        elif not is_moved or not self._is_shaking(at_s):
            is_back = bool(tried) and min(math.hypot(*one) for one in [*tried, (x, y)]) <= 1.0
            return NO_SHIFT if is_back or not self._is_shaking(at_s) else None
        return x * cell_px, y * cell_px

    def _likely_shifts(self, cells: NDArray[np.float32]) -> list[Shift]:
        """Return by how many cells parts of the picture seem to have moved (phase correlation)."""
        product = self._waves_of(cells) * self._waves.conj()
        surface = np.fft.irfft2(product / np.maximum(np.abs(product), 1e-9), cells.shape)
        shifts = []
        for _ in range(PEAKS):
            row, column = divmod(int(surface.argmax()), cells.shape[1])
            around = np.arange(-PEAK_CELLS, PEAK_CELLS + 1)
            rows, columns = (row + around) % cells.shape[0], (column + around) % cells.shape[1]
            weights = np.maximum(surface[np.ix_(rows, columns)], 0.0)
            total = max(float(weights.sum()), 1e-9)
            x = column + float(weights.sum(axis=0) @ around) / total
            y = row + float(weights.sum(axis=1) @ around) / total
            # What has moved to the left or up is found at the other end.
            height, width = cells.shape
            shifts.append((x - width if x > width / 2 else x, y - height if y > height / 2 else y))
            surface[np.ix_(rows, columns)] = 0.0
        return shifts


def _fine_cells(image: BgrImage) -> NDArray[np.float32]:
    step = max(1, image.shape[0] // ROWS)
    samples = image[::step, ::step, 1].astype(np.float32)
    size = (max(1, samples.shape[1] // 2), max(1, samples.shape[0] // 2))
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), np.float32)


def _moved(cells: NDArray[np.float32], shift: Shift) -> NDArray[np.float32]:
    by = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    return np.asarray(cv2.warpAffine(cells, by, cells.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.float32)


def _left(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how many grey levels the background differs in each tile, whatever the light has become."""
    change = other - one
    change -= np.median(change[::LIGHT_EVERY, ::LIGHT_EVERY])
    np.abs(change, out=change)
    np.minimum(change, MOST_LEVELS, out=change)
    return np.asarray(cv2.resize(change, (TILES, TILES), interpolation=cv2.INTER_AREA), np.float32)


def _mean_left(tried: tuple[NDArray[np.float32], Shift]) -> float:
    return float(tried[0].mean())
