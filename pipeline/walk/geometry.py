"""Where a plate will be next, and how well a read fits there. All lengths are in widths of the plate itself."""

import math
from dataclasses import dataclass

from ocr.types import BoundingBox

MAX_FORESIGHT_S = 0.5
"""Velocities hold this long; a vehicle that was hidden for longer is looked for where it would be by then."""
SOON_S = 0.1
"""From one look to the next where the machine keeps up with ten a second."""
UNKNOWN_SPEED = 15.0
"""Plate widths a second that a vehicle may move before its velocity is known: 6.6 m/s across the picture."""
MAX_REACH = 3.0
"""Plate widths around where a vehicle was first seen; two lanes are 3.5 m apart, eight widths."""
KNOWN_REACH, REACH_PER_S, MAX_KNOWN_REACH = 0.8, 4.0, 2.0
"""Plate widths around the predicted place, at once, more for each second of foresight, and at most: a vehicle that
brakes or speeds up as hard as it can (7 m/s2) is 0.9 m, two widths, off after 0.5 s."""
STILL_REACH = 0.7
"""Plate widths around a vehicle that stands: the next one in the same lane is five and more away."""
SIZE_MISFIT = 0.3
"""A plate that doubled counts 0.2 of the reach: size only tells two plates apart that lie equally near."""
VELOCITY_MEMORY = 0.5
"""Share of the latest displacement in the running velocity."""
MAX_SIZE_RATIO = 1.7
"""Between two looks a plate may grow or shrink by this factor."""
GROWTH_PER_S = 2.5
"""Logarithm of the factor, beyond the above, by which a plate may grow in a second: 120 km/h from 20 m away."""
LEVER = 13.0
"""Plate widths that a plate moves in the picture while it doubles in size: the camera's distance from the vehicle's
path (4.5 m above, 3.5 m beside) in plate widths (0.44 m)."""
LEAST_LEVER, SIZE_TREMBLE = 4.0, 0.15
"""No plate grows or shrinks faster on its way than in a third of that, beyond what detected widths tremble (3 % each):
another size at the same place is another vehicle."""
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
STILL_DRIFT = 0.15
"""Plate widths that a plate may be beside its place: five times what a detected box trembles (0.03)."""
HEADING_BASE = 0.5
"""Plate widths between the two places that give direction and speed: a box's tremble then turns it by 5 degrees."""
SPEED_RANGE = 2.5
"""Factor by which a hidden vehicle may have driven more or less than its speed says: in half of the way that the
camera sees, 22 to 10 m, widths a second double by perspective alone."""
STARTING = 8.0
"""Plate widths a second squared by which a vehicle gains speed at most: 3.5 m/s2."""
SPEED_SLACK = 0.5
"""Plate widths beyond that: what a creeping vehicle's place is uncertain by."""


@dataclass
class Motion:
    """Constant-velocity motion of one plate in the picture."""

    box: BoundingBox
    seen_s: float
    velocity: tuple[float, float] | None = None
    """Pixels a second; None before the second look."""
    heading: tuple[float, float] | None = None
    """Direction of the latest drive, of length 1; a vehicle that stands keeps it, for it will drive on that way."""
    speed: float = 0.0
    """Plate widths a second along the heading."""
    base: tuple[float, float, float] | None = None
    """Where, x and y, and when heading and speed were taken; None before the second look."""
    still_since_s: float | None = None
    anchor: tuple[float, float] = (0.0, 0.0)

    def soon(self) -> BoundingBox | None:
        """Return where it will be on the next look; None before its velocity is known."""
        if self.velocity is None:
            return None
        x, y = (there - here for there, here in zip(self._predicted_center(SOON_S), self.box.center, strict=True))
        return self.box.moved(x, y)

    def shift(self, x: float, y: float) -> None:
        """Take over that the picture itself has moved: the vehicle has not."""
        self.box = self.box.moved(x, y)
        self.anchor = self.anchor[0] + x, self.anchor[1] + y
        if self.base is not None:
            self.base = self.base[0] + x, self.base[1] + y, self.base[2]

    def scale(self, x: float, y: float) -> None:
        """Take over that the picture's size has changed; what is in plate widths stays."""
        self.box = self.box.scaled(x, y)
        self.anchor = self.anchor[0] * x, self.anchor[1] * y
        if self.velocity is not None:
            self.velocity = self.velocity[0] * x, self.velocity[1] * y
        if self.base is not None:
            self.base = self.base[0] * x, self.base[1] * y, self.base[2]

    def misfit(self, box: BoundingBox, now_s: float) -> float:
        """Return how badly a box fits the prediction: 0.0 is exactly there, above 1.0 is out of reach."""
        width = (self.box.width + box.width) / 2
        ratio = box.width / max(self.box.width, 1.0)
        if width <= 0 or not 1 / MAX_SIZE_RATIO <= ratio <= MAX_SIZE_RATIO:
            return math.inf
        elapsed_s = max(now_s - self.seen_s, 0.0)
        x, y = self._predicted_center(elapsed_s)
        distance = math.hypot(box.center[0] - x, box.center[1] - y) / width
        return distance / self._reach(elapsed_s) + SIZE_MISFIT * abs(math.log(ratio))

    def far_misfit(self, box: BoundingBox, now_s: float) -> float:
        """Return how far a box is along the way that the vehicle could have come at most; above 1.0 is out of reach.

        Far wider than `misfit`, and growing with the time between the looks: only for what the text holds together.
        """
        width = (self.box.width + box.width) / 2
        ratio = box.width / max(self.box.width, 1.0)
        elapsed_s = max(now_s - self.seen_s, 0.0)
        if width <= 0 or ratio <= 0 or abs(math.log(ratio)) > math.log(MAX_SIZE_RATIO) + GROWTH_PER_S * elapsed_s:
            return math.inf
        if not self._is_on_its_way(box):
            return math.inf
        distance = math.hypot(box.center[0] - self.box.center[0], box.center[1] - self.box.center[1]) / width
        return distance / min(1.0 + UNKNOWN_SPEED * elapsed_s + LEVER * abs(ratio - 1.0), FARTHEST)

    def way_misfit(self, box: BoundingBox, now_s: float) -> float:
        """Return how far a box is from where the vehicle has driven by now at its speed; above 1.0 it cannot be it.

        A follower would be behind: so much closer to it than to this vehicle that its text need not be read.
        """
        if self.heading is None:
            return math.inf
        along, aside = self._on_heading(box)
        elapsed_s = max(now_s - self.seen_s, 0.0)
        expected = self.speed_now() * elapsed_s
        farthest = expected * SPEED_RANGE + SPEED_SLACK + STARTING / 2 * elapsed_s**2
        ratio = box.width / max(self.box.width, 1.0)
        is_of_size = abs(ratio - 1.0) <= SIZE_TREMBLE + math.hypot(along, aside) / LEAST_LEVER
        if not is_of_size or along < expected / SPEED_RANGE - SPEED_SLACK or along > farthest:
            return math.inf
        return max(abs(along - expected) / farthest, aside / (ASIDE + ASIDE_SHARE * max(along, 0.0)))

    def nearing_misfit(self, box: BoundingBox) -> float:
        """Return how far a box is from where a vehicle that was seen once can have come nearer; above 1.0 it cannot.

        Its plate has grown with the way that it came: a follower's would be smaller.
        """
        width = max((self.box.width + box.width) / 2, 1.0)
        growth = box.width / max(self.box.width, 1.0) - 1.0
        way = math.hypot(box.center[0] - self.box.center[0], box.center[1] - self.box.center[1]) / width
        if growth <= SIZE_TREMBLE or growth > SIZE_TREMBLE + way / LEAST_LEVER:
            return math.inf
        return way / (1.0 + LEVER * growth)

    def gone_after_s(self, at_least_s: float) -> float:
        """Return how long the vehicle takes at its speed to leave the picture: one that creeps is waited for longer."""
        if self.heading is None:
            return at_least_s
        return max(at_least_s, LEAVING_WAY / max(self.speed_now(), STILL_SPEED))

    def speed_now(self) -> float:
        """Return the plate widths a second at most: one that has not left its place for a while has slowed down."""
        if self.base is None:
            return self.speed
        return min(self.speed, HEADING_BASE / max(self.seen_s - self.base[2], MIN_ELAPSED_S))

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
        self._watch_heading(box, now_s)
        self.box, self.seen_s = box, now_s
        self._watch_stillness(now_s)

    def is_parked(self) -> bool:
        """Return whether the vehicle stood still when it was last seen, and had for a while."""
        return self.still_since_s is not None and self.seen_s - self.still_since_s >= STILL_AFTER_S

    def _on_heading(self, box: BoundingBox) -> tuple[float, float]:
        """Return how far a box is along the heading and beside it, from where the plate was last seen."""
        heading = self.heading or (0.0, 0.0)
        width = max((self.box.width + box.width) / 2, 1.0)
        dx = (box.center[0] - self.box.center[0]) / width
        dy = (box.center[1] - self.box.center[1]) / width
        return dx * heading[0] + dy * heading[1], abs(dx * heading[1] - dy * heading[0])

    def _is_on_its_way(self, box: BoundingBox) -> bool:
        if self.heading is None:
            return True
        along, aside = self._on_heading(box)
        return along >= -ASIDE and aside <= ASIDE + ASIDE_SHARE * max(along, 0.0)

    def _watch_heading(self, box: BoundingBox, now_s: float) -> None:
        """Take direction and speed over a way that is longer than boxes tremble."""
        x, y, since_s = self.base or (*self.box.center, self.seen_s)
        dx, dy = box.center[0] - x, box.center[1] - y
        way, elapsed_s = math.hypot(dx, dy), max(now_s - since_s, MIN_ELAPSED_S)
        if now_s >= since_s and way >= HEADING_BASE * box.width:
            self.heading = (dx / way, dy / way)
            self.speed = way / max(box.width, 1.0) / elapsed_s
            self.base = (*box.center, now_s)
        elif self.base is None or now_s < since_s:
            self.base = (x, y, min(since_s, now_s))

    def _predicted_center(self, elapsed_s: float) -> tuple[float, float]:
        x, y = self.box.center
        if self.velocity is None or self.is_parked():
            return x, y
        ahead_s = min(elapsed_s, MAX_FORESIGHT_S)
        return x + self.velocity[0] * ahead_s, y + self.velocity[1] * ahead_s

    def _reach(self, elapsed_s: float) -> float:
        if self.is_parked():
            return STILL_REACH
        if self.velocity is None:
            return min(STILL_REACH + UNKNOWN_SPEED * elapsed_s, MAX_REACH)
        return min(KNOWN_REACH + REACH_PER_S * elapsed_s, MAX_KNOWN_REACH)

    def _watch_stillness(self, now_s: float) -> None:
        """Still is a plate that stays near one point: the running velocity alone trembles too much."""
        x, y = self.box.center
        drift = math.hypot(x - self.anchor[0], y - self.anchor[1]) / max(self.box.width, 1.0)
        since = self.still_since_s
        if since is None or drift > STILL_DRIFT + STILL_SPEED * min(now_s - since, STILL_AFTER_S):
            self.still_since_s, self.anchor = now_s, (x, y)
