"""Where a picture is searched for plates, and how closely.

The detector was trained on plates of 34 to 350 pixels of what its network sees: a far plate needs a closer look, one
that fills the picture a look from farther back. What moves tells where a far plate can be in a camera's frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ocr.types import BoundingBox

Moved: TypeAlias = Sequence[BoundingBox] | None
"""Where something moves on a camera's frame; None is everywhere."""
CLOSER_SCALE = 2 / 3
"""Network pixels a picture's pixel in a closer look: 1280 for 1920, where a plate of 50 pixels has 33."""
FILL_MARGIN, FILL_SIDE_PX = 0.35, 320
"""A look from farther back: this share of the picture's width of nothing around it, and what the network sees of it."""
LEAST_REGION_PX = 96
"""What moves is looked at with its surroundings: a motion cell may hold only half of a plate."""

VEHICLE_SIDE, VEHICLE_ABOVE = 4.0, 3.0
"""How far a vehicle reaches to each side of its plate's middle and above its plate, in widths of the plate: a lorry of
2.6 m has six plates of 440 mm beside each other; a car's roof is 1.1 m above its plate, and who drives behind it shows
above the roof."""
PLATE_SURROUNDINGS = 1.5
"""How much around a plate's middle is looked at closely, in widths of the plate."""
NEAR_PLATE, NEAR_PX = 2.0, 48.0
"""Where plates are followed alone: how much around a plate's middle is looked at, in its widths (a fast vehicle moves
by one or two between two looks), and how wide the network then sees it."""
LEAST_HEIGHT_PX = 24
"""Less above a vehicle holds no plate with what is around it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture; it may reach beyond the picture, where there is nothing."""

    x1: int
    y1: int
    x2: int
    y2: int
    scale: float
    """Network pixels a pixel of the picture."""

    @property
    def cost_px(self) -> float:
        """Pixels that the network sees: time goes with them."""
        return (self.x2 - self.x1) * (self.y2 - self.y1) * self.scale**2


def whole(size: tuple[int, int], long_side: int) -> Window:
    """Return the whole picture of (height, width), `long_side` network pixels long, enlarged four times at most."""
    height, width = size
    return Window(0, 0, width, height, min(long_side / max(height, width), 4.0))


def from_farther(size: tuple[int, int]) -> Window:
    """Return the picture with nothing around it: a plate that fills it has edges there."""
    height, width = size
    margin = round(FILL_MARGIN * width)
    return Window(-margin, -margin, width + margin, height + margin, min(FILL_SIDE_PX / (width + 2 * margin), 2.0))


def closer(
    size: tuple[int, int],
    moved: Sequence[BoundingBox],
    read: Sequence[BoundingBox] = (),
    unread: Sequence[BoundingBox] = (),
) -> list[Window]:
    """Return what to look at closely of a picture of (height, width); regions that overlap are joined.

    `read`: plates that were read for sure. What moves around such a plate is its vehicle. `unread`: plates that were
    found, and may be read where they are found more exactly.
    """
    unknown = [box for region in moved if (box := _without_vehicles(region, read)) is not None]
    return _joined([*(_with_surroundings(size, box) for box in unknown), *(_around_plate(size, box) for box in unread)])


def near(size: tuple[int, int], plates: Sequence[BoundingBox], long_side: int) -> list[Window]:
    """Return what to look at where only these plates are followed; none is seen smaller than in `whole`."""
    least = whole(size, long_side).scale
    around = [(_around_plate(size, plate, NEAR_PLATE), NEAR_PX / max(plate.width, 1.0)) for plate in plates]
    return [replace(window, scale=max(least, min(CLOSER_SCALE, scale))) for window, scale in around]


def _without_vehicles(region: BoundingBox, read: Sequence[BoundingBox]) -> BoundingBox | None:
    """Return what is left of a region above the vehicles that fill its width, or None for nothing."""
    bottom = region.y2
    for plate in read:
        middle, side = (plate.x1 + plate.x2) / 2, VEHICLE_SIDE * plate.width
        if middle - side <= region.x1 and region.x2 <= middle + side and plate.y2 > region.y1:
            bottom = min(bottom, plate.y1 - VEHICLE_ABOVE * plate.width)
    if bottom == region.y2:
        return region
    return replace(region, y2=bottom) if bottom - region.y1 >= LEAST_HEIGHT_PX else None


def _with_surroundings(size: tuple[int, int], box: BoundingBox) -> Window:
    height, width = size
    x, y = (max(0.15 * side, (LEAST_REGION_PX - side) / 2) for side in (box.width, box.height))
    return Window(
        max(0, int(box.x1 - x)),
        max(0, int(box.y1 - y)),
        min(width, int(box.x2 + x) + 1),
        min(height, int(box.y2 + y) + 1),
        CLOSER_SCALE,
    )


def _around_plate(size: tuple[int, int], plate: BoundingBox, widths: float = PLATE_SURROUNDINGS) -> Window:
    (height, width), (x, y) = size, plate.center
    side = widths * plate.width
    left, top, right, bottom = max(0.0, x - side), max(0.0, y - side), x + side + 1, y + side + 1
    return Window(int(left), int(top), min(width, int(right)), min(height, int(bottom)), CLOSER_SCALE)


def _joined(windows: list[Window]) -> list[Window]:
    """Join windows as long as the common one costs no more than the two."""
    joined: list[Window] = []
    for window in windows:
        together, apart = window, []
        for other in joined:
            both = _around(together, other)
            if both.cost_px <= together.cost_px + other.cost_px:
                together = both
            else:
                apart.append(other)
        joined = [*apart, together]
    return joined


def _around(one: Window, other: Window) -> Window:
    low, high = (min(one.x1, other.x1), min(one.y1, other.y1)), (max(one.x2, other.x2), max(one.y2, other.y2))
    return Window(*low, *high, one.scale)
