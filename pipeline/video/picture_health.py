"""Whether a camera's pictures can be judged at all: black, frozen, covered or out of focus, by cheap statistics.

Written to be late rather than wrong: what is said of a picture must hold for a minute, an empty road included.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from alerts.camera_quality import CameraQuality
from pipeline.video.deinterlace import Plane
from pipeline.video.masks import Regions
from pipeline.video.picture_memory import Map, Mask, PictureMemory

SAMPLE_EVERY_S = 2.0
RECOVERED_S = 8.0
"""A fault is over after so long without it; a lorry's side that fills the picture is neither fault nor recovery."""
ROWS = 540
"""Pictures are made this high first: noise is halved at 1080 rows."""
MARGIN = 8
"""An eighth of the rows at the top and the bottom is left out: clocks and names there stay sharp and running."""
BLOCK = 8
BLACK_LEVEL = 28.0
"""16 is black in video; a street without a lamp under a sensor's noise is above this."""
LIT_SHARE = 0.02
MIN_CONTRAST = 20
"""Grey levels within a block's surroundings that are an edge and not noise."""
BARE_SHARE = 0.004
"""A picture with fewer edges shows nothing: something is in front of the lens, or focus is far off."""
PLAIN_SPREAD = 45.0
MIN_EDGES = 40
DARK_LEVEL = 40.0
"""Where nothing is brighter, a night without lamps looks like a covered lens: neither is said."""
ENCODED_ALIKE = 0.2
"""Grey levels that half of the blocks with edges change by at most from one sample to the next where an encoder was
given the very same picture. Of the blocks that are lit, two scenes, samples 2 s apart: H.264 of constant quality and
MPEG-4 0.0, H.264 of constant rate 0.0 at the median and up to 0.4; with noise of 0.2 levels 0.65 to 1.34 at the median,
but 0.0 where no picture that stands by itself lies between. A camera that takes out all noise was not tried."""
ENCODED_KEYS, ENCODED_HOLDS = 10, 10.0
"""It must last for so many key frames, and ten times as long as other faults: ten minutes. A camera that smooths all
noise away shows an empty road at night nearly as still, until something drives by."""
PLAINEST = 10
"""The tenth of the blocks that have the least contrast tells how much of it the noise makes in all of them."""
SNOW_CONTRAST = 120
"""So much even in the plainest blocks is the snow of a picture without signal (133); 0 to 49 on real roads."""
DRAWN_CONTRAST, DRAWN_SHARE = 1, 0.8
"""A picture that is drawn (colour bars, a recorder's "VIDEO LOSS") is perfectly flat in 88 % and more of its blocks; in
front of a real camera 41 % at most are."""
FAINT_CONTRAST, FAINT_OVER_NOISE, FAINT_SHARE, FAINT_STEEPNESS = 5.0, 1.5, 0.02, 0.3
"""Edges above the noise, in grey levels and as a multiple of it, that show a road in fog or at night where there are
enough of them and they are sharp: fog of 6 % contrast has them in 11 % of the blocks, a plain surface in up to 1 %."""
SEEN_BY, MEAN_OF = 8, 32
"""Samples, the noise of which is averaged away before nothing is said to be seen."""
NOTHING_SEEN = ("black", "covered")
PART_HOLDS = 5.0
"""A part that is hidden must stay so five times as long as other faults: a lorry waits at a barrier for minutes."""
CLIPPED_LEVEL = 225
SOFT_STEEPNESS = 0.18
"""Share of an edge's height within one point of ROWS rows. On rendered scenes by day, at dusk and in rain it is 0.45
and more; a blur of 3 points' deviation at 1080 rows, which plates can just be read in, leaves 0.22."""


class Blocks(NamedTuple):
    """What is measured of one picture by block; `seen` where not all of it counts."""

    levels: Plane
    contrast: Plane
    steepest: Plane
    seen: Mask | None


class PictureHealth:
    """Judges one camera's pictures while they are decoded. `now_s` is monotonic."""

    def __init__(self, hold_s: float, regions: Regions | None = None) -> None:
        self._hold_s = hold_s
        self._regions = regions or Regions()
        self._sampled_s = float("-inf")
        self._last: NDArray[np.uint8] | None = None
        self._mean: NDArray[np.float32] | None = None
        self._averaged = 0
        self._memory = PictureMemory()
        self._is_part_hidden = False
        self._unchanged_keys = 0
        self._is_same = True
        """Whether all that is unchanged is so to the last point."""
        self._seen: CameraQuality = "good"
        self._seen_s = float("-inf")
        self.quality: CameraQuality | None = None
        """None until it is known."""

    def look(self, luma: Plane, now_s: float, *, is_key: bool = False) -> None:
        """Take one decoded frame's brightness; all but one in SAMPLE_EVERY_S cost nothing."""
        if is_key:
            self._unchanged_keys += 1
        if now_s - self._sampled_s < SAMPLE_EVERY_S:
            return
        self._sampled_s = now_s
        is_unchanged = self._is_unchanged(luma)
        quality = self._judged(luma)
        # A black picture does not change either.
        self._note("frozen" if is_unchanged and quality == "good" else quality, now_s)

    def undecodable(self, now_s: float) -> None:
        """Take a packet that came and gave no picture, after a while without any."""
        if now_s - self._sampled_s >= SAMPLE_EVERY_S:
            self._note("undecodable", now_s)

    def _note(self, seen: CameraQuality, now_s: float) -> None:
        if seen != self._seen or self._seen_s == float("-inf"):
            self._seen, self._seen_s = seen, now_s
        is_nearly = seen == "frozen" and not self._is_same
        if seen == "frozen" and self._unchanged_keys < (ENCODED_KEYS if is_nearly else 2):
            # An encoder may send the very same picture of a still road until the next one that stands by itself.
            return
        is_in_part = seen == "covered" and self._is_part_hidden
        hold_s = self._hold_s * (ENCODED_HOLDS if is_nearly else PART_HOLDS if is_in_part else 1.0)
        if now_s - self._seen_s >= (min(RECOVERED_S, hold_s) if seen == "good" else hold_s):
            self.quality = seen

    def _judged(self, luma: Plane) -> CameraQuality:
        """Judge by one picture, or, where it shows nothing, by the mean of several: a road at night is in the noise."""
        blocks = _blocks_of(luma, self._regions)
        quality = _quality_of_blocks(blocks)
        self._is_part_hidden = quality == "good" and self._memory.is_part_hidden(*_remembered(blocks))
        if quality not in NOTHING_SEEN:
            self._mean = None
            return "covered" if self._is_part_hidden else quality
        picture = _at_rows(luma)
        if self._mean is None or self._mean.shape != picture.shape:
            self._mean, self._averaged = picture.astype(np.float32), 0
        self._averaged = min(MEAN_OF, self._averaged + 1)
        cv2.accumulateWeighted(picture, self._mean, 1.0 / self._averaged)
        if self._averaged < SEEN_BY:
            return quality
        mean = np.asarray(np.round(self._mean), np.uint8)
        return quality_of(mean, self._regions)

    def _is_unchanged(self, luma: Plane) -> bool:
        """Return whether not one sampled point differs from the last time: a sensor's noise never leaves all alike.

        A camera whose sensor hangs goes on encoding the same picture, each time with slightly other losses: what
        differs by those alone is unchanged, too.
        """
        samples, last = _inner(luma)[::3, ::3].copy(), self._last
        self._last = samples
        is_same = last is not None and np.array_equal(samples, last)
        is_unchanged = is_same or (last is not None and _is_encoded_alike(samples, last))
        self._is_same = not is_unchanged or (self._is_same and is_same)
        if not is_unchanged:
            self._unchanged_keys = 0
        return is_unchanged


def _is_encoded_alike(one: Plane, other: Plane) -> bool:
    size = (one.shape[1] // BLOCK, one.shape[0] // BLOCK)
    if one.shape != other.shape or not all(size):
        return False
    change = cv2.resize(cv2.absdiff(one, other).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # Of flat, dark and clipped parts a live picture's noise may be lost as well.
    kernel = np.ones((BLOCK, BLOCK), np.uint8)
    contrast = cv2.resize(cv2.morphologyEx(one, cv2.MORPH_GRADIENT, kernel), size, interpolation=cv2.INTER_NEAREST)
    level = cv2.resize(one, size, interpolation=cv2.INTER_AREA)
    telling = (contrast >= MIN_CONTRAST) & (level > DARK_LEVEL) & (level < CLIPPED_LEVEL)
    return int(telling.sum()) >= MIN_EDGES and float(np.median(change[telling])) <= ENCODED_ALIKE


def quality_of(luma: Plane, regions: Regions | None = None) -> CameraQuality:
    """Judge one picture by itself."""
    return _quality_of_blocks(_blocks_of(luma, regions or Regions()))


def _blocks_of(luma: Plane, regions: Regions) -> Blocks:
    inner = _inner(_at_rows(luma))
    size = (inner.shape[1] // BLOCK, inner.shape[0] // BLOCK)
    levels = np.asarray(cv2.resize(inner, size, interpolation=cv2.INTER_AREA), np.uint8)
    hidden = regions.hidden(round(levels.shape[0] * MARGIN / (MARGIN - 2)), levels.shape[1])
    if hidden is None:
        return Blocks(levels, *_edges(inner, levels.shape), None)
    top = (hidden.shape[0] - levels.shape[0]) // 2
    return Blocks(levels, *_edges(inner, levels.shape), ~hidden[top : top + levels.shape[0]])


def _quality_of_blocks(blocks: Blocks) -> CameraQuality:
    levels, contrast, steepest, seen = blocks
    if seen is not None:
        levels, contrast, steepest = levels[seen], contrast[seen], steepest[seen]
    return _quality_by_block(levels, contrast, steepest) if levels.size else "good"


def _remembered(blocks: Blocks) -> tuple[Map, Map]:
    """Return the levels and what stands out of the noise: 0 where nobody looks."""
    steepest = blocks.steepest if blocks.seen is None else blocks.steepest[blocks.seen]
    noise_step = np.float32(np.percentile(steepest, PLAINEST) if steepest.size else 0.0)
    details = blocks.steepest - noise_step
    if blocks.seen is not None:
        details[~blocks.seen] = 0.0
    return blocks.levels.astype(np.float32), details


def _quality_by_block(blocks: Plane, contrast: Plane, steepest: Plane) -> CameraQuality:
    noise, noise_step = (float(np.percentile(each, PLAINEST)) for each in (contrast, steepest))
    if noise >= SNOW_CONTRAST or _is_drawn(blocks, contrast):
        return "no_signal"
    if float((blocks > BLACK_LEVEL).mean()) < LIT_SHARE:
        return "good" if _shows_faintly(contrast, steepest, noise, noise_step) else "black"
    if float(np.median(blocks)) < DARK_LEVEL:
        # At night what stands out of the noise is the glow of lamps, which is soft in focus, too.
        edge, step = contrast.astype(np.float32), steepest.astype(np.float32)
    else:
        edge, step = contrast - np.float32(noise), steepest - np.float32(noise_step)
    has_edge = edge >= MIN_CONTRAST
    if float(has_edge.mean()) < BARE_SHARE:
        low, high = np.percentile(blocks, (5, 98))
        if high < DARK_LEVEL or _shows_faintly(contrast, steepest, noise, noise_step):
            return "good"
        return "covered" if high - low < PLAIN_SPREAD else "out_of_focus"
    is_telling = int(has_edge.sum()) >= MIN_EDGES
    if is_telling and float(np.percentile(step[has_edge] / edge[has_edge], 80)) < SOFT_STEEPNESS:
        return "out_of_focus"
    return "good"


def _is_drawn(blocks: Plane, contrast: Plane) -> bool:
    # A night or a glaring sun may be as flat.
    is_lit = DARK_LEVEL <= float(np.median(blocks)) < CLIPPED_LEVEL
    has_lines = float((contrast >= MIN_CONTRAST).mean()) >= BARE_SHARE
    return is_lit and has_lines and float((contrast <= DRAWN_CONTRAST).mean()) >= DRAWN_SHARE


def _shows_faintly(contrast: Plane, steepest: Plane, noise: float, noise_step: float) -> bool:
    """Return whether something sharp stands out of the noise: a road in fog, or one without a lamp."""
    edge = contrast - np.float32(noise)
    is_faint = edge >= max(FAINT_CONTRAST, FAINT_OVER_NOISE * noise)
    if float(is_faint.mean()) < FAINT_SHARE:
        return False
    return float(np.percentile((steepest[is_faint] - noise_step) / edge[is_faint], 80)) >= FAINT_STEEPNESS


def _at_rows(luma: Plane) -> Plane:
    scale = ROWS / luma.shape[0]
    if scale >= 1.0:
        return luma
    size = (max(BLOCK, round(luma.shape[1] * scale)), ROWS)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _inner(luma: Plane) -> Plane:
    margin = luma.shape[0] // MARGIN
    return luma[margin : luma.shape[0] - margin]


def _edges(inner: Plane, shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """Return by block the difference of its surroundings' brightest and darkest, and the steepest single step there."""
    kernel = np.ones((2 * BLOCK, 2 * BLOCK), np.uint8)
    contrast = cv2.morphologyEx(inner, cv2.MORPH_GRADIENT, kernel)
    steps = np.zeros_like(inner)
    cv2.absdiff(inner[:, 1:], inner[:, :-1], steps[:, :-1])
    size = (shape[1], shape[0])
    contrast = cv2.resize(contrast, size, interpolation=cv2.INTER_NEAREST)
    steepest = cv2.resize(cv2.dilate(steps, kernel), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(contrast, np.uint8), np.asarray(steepest, np.uint8)
