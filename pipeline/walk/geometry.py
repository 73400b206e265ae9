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
GROWTH_PER_S = 2.5
"""Logarithm of the factor, beyond the above, by which a plate may grow in a second: 120 km/h from 20 m away."""
LEVER = 13.0
"""Plate widths that a plate moves in the picture while it doubles in size: the camera's distance from the vehicle's
path (4.5 m above, 3.5 m beside) in plate widths (0.44 m)."""
FARTHEST = 12.0
"""Plate widths beyond which nothing is looked for, however long it was away: the picture holds two to three times as
many."""
ASIDE, ASIDE_SHARE = 1.0, 0.35
"""A vehicle keeps its direction: plate widths, and share of the way, that it may be beside it."""
LEAVING_WAY = 6.0
"""Plate widths that a vehicle drives at least between the last look at it and the picture's edge."""
MIN_ELAPSED_S = 0.03
"""Frames of a burst are stamped closer together than they were taken: no velocity is worked out over less."""
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
    heading: tuple[float, float] | None = None
    """Direction of the latest drive, of length 1; a vehicle that stands keeps it, for it will drive on that way."""
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

    def far_misfit(self, box: BoundingBox, now_s: float) -> float:
        """Return how far a box is along the way that the vehicle could have come at most; above 1.0 is out of reach.

        Far wider than `misfit`, and growing with the time between the looks: only for what the text holds together.
        """
        width = (self.box.width + box.width) / 2
        ratio = box.width / max(self.box.width, 1.0)
        elapsed_s = max(now_s - self.seen_s, 0.0)
        if width <= 0 or ratio <= 0 or abs(math.log(ratio)) > math.log(MAX_SIZE_RATIO) + GROWTH_PER_S * elapsed_s:
            return math.inf
        dx = (box.center[0] - self.box.center[0]) / width
        dy = (box.center[1] - self.box.center[1]) / width
        if not self._is_on_its_way(dx, dy):
            return math.inf
        return math.hypot(dx, dy) / min(1.0 + UNKNOWN_SPEED * elapsed_s + LEVER * abs(ratio - 1.0), FARTHEST)

    def gone_after_s(self, at_least_s: float) -> float:
        """Return how long the vehicle takes at its speed to leave the picture: one that creeps is waited for longer."""
        if self.velocity is None:
            return at_least_s
        speed = math.hypot(*self.velocity) / max(self.box.width, 1.0)
        return max(at_least_s, LEAVING_WAY / max(speed, STILL_SPEED))

    def follow(self, box: BoundingBox, now_s: float) -> None:
        """Take over a new look."""
        elapsed_s = now_s - self.seen_s
        if elapsed_s > 0:
            elapsed_s = max(elapsed_s, MIN_ELAPSED_S)
            dx = (box.center[0] - self.box.center[0]) / elapsed_s
            dy = (box.center[1] - self.box.center[1]) / elapsed_s
            old = self.velocity or (dx, dy)
            keep = 1.0 - VELOCITY_MEMORY
            self.velocity = (keep * old[0] + VELOCITY_MEMORY * dx, keep * old[1] + VELOCITY_MEMORY * dy)
            speed = math.hypot(*self.velocity)
            if speed > 2 * STILL_SPEED * box.width:
                self.heading = (self.velocity[0] / speed, self.velocity[1] / speed)
        self.box, self.seen_s = box, now_s
        self._watch_stillness(now_s)

    def is_parked(self) -> bool:
        """Return whether the vehicle stood still when it was last seen, and had for a while."""
        return self.still_since_s is not None and self.seen_s - self.still_since_s >= STILL_AFTER_S

    def _is_on_its_way(self, dx: float, dy: float) -> bool:
        if self.heading is None:
            return True
        along = dx * self.heading[0] + dy * self.heading[1]
        aside = abs(dx * self.heading[1] - dy * self.heading[0])
        return along >= -ASIDE and aside <= ASIDE + ASIDE_SHARE * max(along, 0.0)

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
