"""Lines between the lanes of a camera's picture, and which lane a plate is in."""

from typing import TypeAlias

Line: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
"""Two points as shares of the picture's width and height, from its upper left."""
Place: TypeAlias = tuple[float, float]


def line_fault(line: Line) -> str | None:
    """Say what is wrong with a line between lanes, or None."""
    if not all(0.0 <= share <= 1.0 for point in line for share in point):
        return f"{[list(point) for point in line]} 在画面之外：写画面宽高的比例，0 到 1 (lies outside the picture)"
    if line[0][1] == line[1][1]:
        return f"{[list(point) for point in line]} is level; a line between lanes needs two points at different heights"
    return None


def lane_at(place: Place, lines: tuple[Line, ...]) -> str | None:
    """Return the number of the lane, from 1 at the picture's left; None where no lines are set."""
    if not lines:
        return None
    return str(1 + sum(_x_at(line, place[1]) < place[0] for line in lines))


def _x_at(line: Line, y: float) -> float:
    (x1, y1), (x2, y2) = line
    return x1 + (x2 - x1) * (y - y1) / (y2 - y1)
