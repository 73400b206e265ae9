"""Where names stand on the map, so that none covers another or a checkpoint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

FONT = 34.0
"""The largest size that the screen draws names in, in picture points."""
_NARROW = 0.58
"""Width of a Latin letter or a digit, of the font's size; a Chinese character is as wide as high."""
_PIN = 30.0
_GAP = 6.0

Anchor: TypeAlias = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Return the shared area, in square points."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)


@dataclass(frozen=True, slots=True)
class Label:
    """Where a name is drawn: the middle of its line, relative to its point."""

    dx: float
    dy: float
    anchor: Anchor
    is_crowded: bool
    """No free place at the largest size: shown where the screen has one, while there is something to say of it."""


def place_names(
    points: Sequence[tuple[str, float, float]], areas: Sequence[tuple[str, float, float]], size: tuple[float, float]
) -> tuple[list[Label], list[Label]]:
    """Return the labels of points (name, x, y) and of areas; points go first, and nothing leaves the picture."""
    taken = [Box(x - _PIN, y - _PIN, x + _PIN, y + _PIN) for _, x, y in points]
    named = [_place(name, x, y, _around(), taken, size) for name, x, y in points]
    return named, [_place(name, x, y, _near(), taken, size) for name, x, y in areas]


def width_of(name: str) -> float:
    return FONT * sum(1.0 if ord(character) > 0x2E80 else _NARROW for character in name)


def _around() -> list[tuple[float, float, Anchor]]:
    away = _PIN + _GAP
    above, below = -away - FONT / 2, away + FONT / 2
    return [
        (0, above, "middle"), (0, below, "middle"), (away, 0, "start"), (-away, 0, "end"),
        (away / 2, above, "start"), (-away / 2, above, "end"), (away / 2, below, "start"), (-away / 2, below, "end"),
    ]  # fmt: skip


def _near() -> list[tuple[float, float, Anchor]]:
    steps = (0.0, FONT * 1.2, -FONT * 1.2, FONT * 2.4, -FONT * 2.4)
    return [(dx, dy, "middle") for dx in (0.0, FONT * 1.5, -FONT * 1.5) for dy in steps]


def _place(
    name: str,
    x: float,
    y: float,
    places: Iterable[tuple[float, float, Anchor]],
    taken: list[Box],
    size: tuple[float, float],
) -> Label:
    """Take the first place with the least overlap, and keep it from the names that come after."""
    picture = Box(0.0, 0.0, *size)

    def cost(place: tuple[float, float, Anchor]) -> float:
        box = _box(name, x, y, place)
        outside = (box.right - box.left) * (box.bottom - box.top) - box.overlap(picture)
        return outside + sum(box.overlap(other) for other in taken)

    best = min(places, key=cost)
    is_crowded = cost(best) > 0.0
    if not is_crowded:
        taken.append(_box(name, x, y, best))
    return Label(*best, is_crowded)


def _box(name: str, x: float, y: float, place: tuple[float, float, Anchor]) -> Box:
    dx, dy, anchor = place
    width = width_of(name)
    left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return Box(left, y + dy - FONT / 2, left + width, y + dy + FONT / 2)
