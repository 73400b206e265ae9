"""What a camera's sub-stream tells its main stream's decoder: nothing moved until then, or something does.

Nothing is taken for granted. It vouches for a moment only once it has shown a picture of later that differs from the
one before, as any sensor's do: one that freezes vouches for nothing more. Its scene must be the main stream's, and
what moves in the main stream must have moved in it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.settings import GateSettings
from pipeline.sub_stream_state import SubStreamState
from pipeline.video.deinterlace import Plane
from pipeline.video.masks import Regions
from pipeline.video.motion import MotionGate

STILL_FOR_S = 3.0
"""Nothing has moved for this long before it stands in for the main stream."""
AHEAD_S = 0.8
"""The two streams' clocks are those of their arrival: one may be so much behind the other."""
BEFORE_S = 2.0
"""A vehicle that comes nearer may be seen so much earlier by the gate that wakes at less."""
SILENT_S = 2.0
FROZEN_S = 5.0
"""An encoder may send the very same picture of a still road until the next one that stands by itself."""
CHECK_EVERY_S = 0.075
SENSITIVITY = 0.75
"""Of the change that the main stream must show: waking it in vain costs processor time alone."""
FIRST_NEEDED, MOST_NEEDED = 3, 48
"""Movements in a row that it must have told of after one that it had not; twice as many after each."""
REMEMBERED = 200
SCENE = (64, 36)
MIN_DETAIL = 1.0
"""Grey levels, standard deviation: a picture with less detail is like any other."""
MIN_LIKENESS = 0.7
"""Correlation of two pictures' details: 0.99 for the fixtures' scenes at 352x288 to 704x576 (128 to 512 kb/s), 0.24 to
0.28 where a quarter of the width is cut off, 0.68 at most for another scene."""
Scene = NDArray[np.float32]


class SubStream:
    """Told of its pictures by who reads it, asked by the main stream's decoder. Moments are monotonic seconds."""

    def __init__(
        self, settings: GateSettings, regions: Regions | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        sensitive = {
            "min_change": settings.min_change * SENSITIVITY,
            "min_changed_cells": max(1, settings.min_changed_cells - 1),
        }
        self._settings = settings.model_copy(update=sensitive)
        self._regions = regions
        self._now_s = now_s
        self._changed = threading.Condition()
        self._gate = MotionGate(self._settings, regions)
        self._samples: NDArray[np.uint8] | None = None
        self._opened_s = now_s()
        self._came_s = self._checked_s = self._vouched_s = float("-inf")
        self._differed_s = self._opened_s
        self._moved: deque[float] = deque(maxlen=REMEMBERED)
        self._main_moved_s: float | None = None
        self._told, self._needed = 0, 0
        self._is_other_scene = False
        self.reason: str | None = None
        """Why it cannot be read; None while it can."""

    def opened(self) -> None:
        """Take note of a new connection: what it shows may be another scene."""
        with self._changed:
            self._gate = MotionGate(self._settings, self._regions)
            self._samples = None
            self._checked_s = float("-inf")
            self._came_s = self._differed_s = self._now_s()
            self._main_moved_s = None
            self._is_other_scene = False
            self.reason = None

    def lost(self, reason: str) -> None:
        with self._changed:
            self.reason = reason
            self._changed.notify_all()

    def take(self, luma: Plane, captured_s: float) -> None:
        """Look at the next picture's brightness."""
        self._came_s = self._now_s()
        if captured_s - self._checked_s < CHECK_EVERY_S:
            return
        has_gap, self._checked_s = captured_s - self._checked_s > SILENT_S, captured_s
        offset_ms = (captured_s - self._opened_s) * 1000.0
        self._gate.wants(luma, offset_ms)
        samples = luma[::3, ::3].copy()
        differs = self._samples is not None and not np.array_equal(samples, self._samples)
        self._samples = samples
        with self._changed:
            if self._gate.moved_ms == offset_ms:
                self._moved.append(captured_s)
            if differs:
                self._vouched_s, self._differed_s = captured_s, self._came_s
            # What moved while it was silent it could not tell of.
            self._main_moved_s = None if has_gap else self._main_moved_s
            self._judge(captured_s)
            self._changed.notify_all()

    @property
    def state(self) -> SubStreamState | None:
        """None while it is being opened for the first time."""
        now_s = self._now_s()
        if self.reason is not None or now_s - max(self._came_s, self._opened_s) > SILENT_S:
            return "lost"
        if self._came_s == float("-inf"):
            return None
        if now_s - self._differed_s > FROZEN_S:
            return "frozen"
        if self._is_other_scene:
            return "other_scene"
        return "there" if self._told >= self._needed else "misses"

    def may_stand_in(self, main_scene: Scene | None, at_s: float) -> bool:
        """Return whether the main stream's pictures from this moment on may wait; `main_scene`: as its gate has it."""
        with self._changed:
            own = self._gate.scene
            if own is None or main_scene is None:
                return False
            self._is_other_scene = not are_alike(own, main_scene)
            return self.state == "there" and not self._has_moved(at_s - STILL_FOR_S)

    def wakes(self, since_s: float) -> bool:
        """Return whether something has moved since this moment, or it cannot be known."""
        with self._changed:
            return self._has_moved(since_s - AHEAD_S) or self.state != "there"

    def is_still_until(self, at_s: float, since_s: float) -> bool:
        """Wait until it is known; return whether nothing has moved from the one moment until the other."""
        self._wait(lambda: self._vouched_s >= at_s + AHEAD_S or self.wakes(since_s))
        return not self.wakes(since_s)

    def main_moved(self, at_s: float) -> None:
        """Take note that something begins to move in the main stream."""
        with self._changed:
            self._main_moved_s = at_s

    def _wait(self, is_known: Callable[[], bool]) -> None:
        with self._changed:
            while not is_known():
                # What never comes wakes, too.
                self._changed.wait(SILENT_S / 4)

    def _has_moved(self, since_s: float) -> bool:
        return bool(self._moved) and self._moved[-1] > since_s

    def _judge(self, seen_s: float) -> None:
        """Hold against the main stream what was told of the movement there."""
        at_s = self._main_moved_s
        if at_s is None or seen_s <= at_s + AHEAD_S:
            return
        self._main_moved_s = None
        if any(at_s - BEFORE_S <= moved_s <= at_s + AHEAD_S for moved_s in self._moved):
            self._told += 1
        else:
            self._told, self._needed = 0, max(FIRST_NEEDED, min(2 * self._needed, MOST_NEEDED))


def are_alike(one: Scene, other: Scene) -> bool:
    """Return whether two pictures can be of one scene, by details: what is bright above and dark below any road has."""
    first, second = _details(one), _details(other)
    if min(first.std(), second.std()) < MIN_DETAIL:
        return True
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1]) >= MIN_LIKENESS


def _details(scene: Scene) -> Scene:
    small = cv2.resize(scene, SCENE, interpolation=cv2.INTER_AREA)
    return np.asarray(small - cv2.GaussianBlur(small, (0, 0), 4), np.float32)
