"""Where a plate will be next, and how well a read fits there. All lengths are in widths of the plate itself."""

import math
from dataclasses import dataclass

from ocr.types import BoundingBox

MAX_FORESIGHT_S = 0.5
"""Velocities hold this long; a vehicle that was hidden for longer is looked for where it would be by then."""
UNKNOWN_SPEED = 15.0
"""Plate widths a second that a vehicle may move before its velocity is known: 6.6 m/s across the picture."""
MAX_REACH = 3.0
VELOCITY_MEMORY = 0.5
"""Share of the latest displacement in the running velocity."""
MAX_SIZE_RATIO = 1.7
"""Between two looks a plate may grow or shrink by this factor."""
STILL_SPEED = 0.25
"""Below this many plate widths a second a vehicle stands; detection jitter alone gives 0.1."""
STILL_AFTER_S = 1.0


@dataclass
class Motion:
    """Constant-velocity motion of one plate in the picture."""

    box: BoundingBox
    seen_s: float
    velocity: tuple[float, float] | None = None
    """Pixels a second; None before the second look."""
    still_since_s: float | None = None
    anchor: tuple[float, float] = (0.0, 0.0)

    def misfit(self, box: BoundingBox, now_s: float) -> float:
        """Return how badly a box fits the prediction: 0.0 is exactly there, above 1.0 is out of reach."""
        width = (self.box.width + box.width) / 2
        ratio = box.width / max(self.box.width, 1.0)
        if width <= 0 or not 1 / MAX_SIZE_RATIO <= ratio <= MAX_SIZE_RATIO:
            return math.inf
        elapsed_s = max(now_s - self.seen_s, 0.0)
        x, y = self._predicted_center(elapsed_s)
        distance = math.hypot(box.center[0] - x, box.center[1] - y) / width
        return distance / self._reach(elapsed_s) + 0.3 * abs(math.log(ratio))

    def follow(self, box: BoundingBox, now_s: float) -> None:
        """Take over a new look."""
        elapsed_s = now_s - self.seen_s
        if elapsed_s > 0:
            dx = (box.center[0] - self.box.center[0]) / elapsed_s
            dy = (box.center[1] - self.box.center[1]) / elapsed_s
            old = self.velocity or (dx, dy)
            keep = 1.0 - VELOCITY_MEMORY
            self.velocity = (keep * old[0] + VELOCITY_MEMORY * dx, keep * old[1] + VELOCITY_MEMORY * dy)
        self.box, self.seen_s = box, now_s
        self._watch_stillness(now_s)

    def is_parked(self) -> bool:
        """Return whether the vehicle stood still when it was last seen, and had for a while."""
        return self.still_since_s is not None and self.seen_s - self.still_since_s >= STILL_AFTER_S

    def _predicted_center(self, elapsed_s: float) -> tuple[float, float]:
        x, y = self.box.center
        if self.velocity is None or self.is_parked():
            return x, y
        ahead_s = min(elapsed_s, MAX_FORESIGHT_S)
        return x + self.velocity[0] * ahead_s, y + self.velocity[1] * ahead_s

    def _reach(self, elapsed_s: float) -> float:
        if self.is_parked():
            return 0.7
        if self.velocity is None:
            return min(0.7 + UNKNOWN_SPEED * elapsed_s, MAX_REACH)
        return min(0.8 + 4.0 * elapsed_s, 2.0)

    def _watch_stillness(self, now_s: float) -> None:
        """Still is a plate that stays near one point: the running velocity alone trembles too much."""
        x, y = self.box.center
        drift = math.hypot(x - self.anchor[0], y - self.anchor[1]) / max(self.box.width, 1.0)
        since = self.still_since_s
        if since is None or drift > 0.15 + STILL_SPEED * min(now_s - since, STILL_AFTER_S):
            self.still_since_s, self.anchor = now_s, (x, y)
