"""The map beside the list: grids as shapes, checkpoints as points; without a GeoJSON file, a plain row of points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from console.people.grids import Grid, GridMap, level_name
from console.settings import CheckpointPlace, ConsoleSettings
from console.situation.labels import Label, place_names

WIDTH = 1000.0
HEIGHT = 720.0
_MARGIN = 40.0
_STREET = 9
_MIDDLE = Label(0.0, 0.0, "middle", False)


@dataclass(frozen=True, slots=True)
class Shape:
    code: str
    name: str
    level: str
    path: str
    """SVG path data."""
    label_x: float
    label_y: float
    is_leaf: bool
    """Nothing smaller is drawn inside."""
    is_named: bool
    """Carries its name: the streets, or where there are none, the leaves."""
    label: Label = _MIDDLE


@dataclass(frozen=True, slots=True)
class Point:
    checkpoint: str
    code: str
    x: float
    y: float
    label: Label = _MIDDLE


@dataclass(frozen=True, slots=True)
class MapView:
    shapes: tuple[Shape, ...]
    points: tuple[Point, ...]


def map_of(grids: GridMap, settings: ConsoleSettings, scope: str) -> MapView:
    """Return what lies within `scope`, fitted into WIDTH x HEIGHT."""
    places = [place for place in settings.checkpoint if place.grid_code.startswith(scope)]
    shown = sorted(grids.units_within(scope), key=lambda grid: len(grid.code))
    corners = [corner for grid in shown for ring in grid.rings for corner in ring]
    if not corners:
        return _named(MapView((), tuple(_in_a_row(places))))
    project = _Projection(corners)
    codes = [grid.code for grid in shown]
    named_length = _STREET if any(len(code) == _STREET for code in codes) else max(map(len, codes))
    shapes = tuple(_shape(grid, project, codes, named_length) for grid in shown)
    middles = {shape.code: (shape.label_x, shape.label_y) for shape in shapes}
    return _named(MapView(shapes, tuple(_point(place, project, middles) for place in places)))


def _named(view: MapView) -> MapView:
    """Give every name a place of its own."""
    points = [(point.checkpoint, point.x, point.y) for point in view.points]
    areas = [(shape.name, shape.label_x, shape.label_y) for shape in view.shapes if shape.is_named]
    point_labels, area_labels = place_names(points, areas, (WIDTH, HEIGHT))
    left = iter(area_labels)
    shapes = tuple(replace(shape, label=next(left)) if shape.is_named else shape for shape in view.shapes)
    return MapView(
        shapes, tuple(replace(point, label=label) for point, label in zip(view.points, point_labels, strict=True))
    )


class _Projection:
    """Degrees to picture points: equal scale both ways at the map's middle, north up."""

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        longitudes, latitudes = zip(*corners, strict=True)
        self._west, self._north = min(longitudes), max(latitudes)
        self._squeeze = math.cos(math.radians((min(latitudes) + max(latitudes)) / 2))
        width = max((max(longitudes) - self._west) * self._squeeze, 1e-9)
        height = max(self._north - min(latitudes), 1e-9)
        self._scale = min((WIDTH - 2 * _MARGIN) / width, (HEIGHT - 2 * _MARGIN) / height)
        self._left = (WIDTH - width * self._scale) / 2
        self._top = (HEIGHT - height * self._scale) / 2

    def __call__(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = self._left + (longitude - self._west) * self._squeeze * self._scale
        y = self._top + (self._north - latitude) * self._scale
        return round(x, 1), round(y, 1)


def _shape(grid: Grid, project: _Projection, codes: Sequence[str], named_length: int) -> Shape:
    rings = [[project(x, y) for x, y in ring] for ring in grid.rings]
    path = "".join("M" + "L".join(f"{x} {y}" for x, y in ring) + "Z" for ring in rings)
    corners = [corner for ring in rings for corner in ring[:-1]]
    label_x = round(sum(x for x, _ in corners) / max(1, len(corners)), 1)
    label_y = round(sum(y for _, y in corners) / max(1, len(corners)), 1)
    is_leaf = not any(code.startswith(grid.code) and code != grid.code for code in codes)
    is_named = len(grid.code) == named_length
    return Shape(grid.code, grid.name, level_name(grid.code), path, label_x, label_y, is_leaf, is_named)


def _point(place: CheckpointPlace, project: _Projection, middles: dict[str, tuple[float, float]]) -> Point:
    if place.longitude is not None and place.latitude is not None:
        x, y = project(place.longitude, place.latitude)
    else:
        known = [code for code in middles if place.grid_code.startswith(code)]
        x, y = middles[max(known, key=len)] if known else (WIDTH / 2, HEIGHT / 2)
    return Point(place.name, place.grid_code, x, y)


def _in_a_row(places: Sequence[CheckpointPlace]) -> list[Point]:
    columns = max(1, math.ceil(math.sqrt(len(places))))
    rows = max(1, math.ceil(len(places) / columns))
    return [
        Point(
            place.name,
            place.grid_code,
            round(WIDTH * (index % columns + 0.5) / columns, 1),
            round(HEIGHT * (index // columns + 0.5) / rows, 1),
        )
        for index, place in enumerate(places)
    ]
