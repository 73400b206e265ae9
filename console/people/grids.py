"""Grid codes: who a place belongs to, and who is asked next.

CJ/T 349: county 6 digits, street 9, community 12, grid 14, micro-grid 16. A prefix is the parent.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from console.types import ConsoleError
from riskdb.system_words import system_words

LEVEL_NAMES = {6: "区县", 9: "镇街", 12: "社区", 14: "网格", 16: "微网格"}
_NEXT_LENGTH = {16: 14, 14: 9, 12: 9, 9: 6}
"""微网格 → 网格 or 社区 → 镇街 → 区县."""


def level_name(code: str) -> str:
    return LEVEL_NAMES.get(len(code), "未定")


def is_grid_code(text: str) -> bool:
    return len(text) in LEVEL_NAMES and text.isascii() and text.isdecimal()


def next_level(code: str) -> str | None:
    """Return the code that is asked when `code` does not answer, or None at the county."""
    length = _NEXT_LENGTH.get(len(code))
    return code[:length] if length else None


def is_within(code: str, scope: str) -> bool:
    """Tell whether the place `code` lies in the area `scope`; "" is everything."""
    return code.startswith(scope)


class _Properties(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    grid_id: str
    name: str
    level: str = ""
    parent_id: str | None = None


Ring: TypeAlias = list[tuple[float, float]]
"""Longitude and latitude, WGS-84; the last point repeats the first."""


class _Polygon(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["Polygon"]
    coordinates: list[Ring]

    def outer_rings(self) -> list[Ring]:
        return self.coordinates[:1]


class _MultiPolygon(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["MultiPolygon"]
    coordinates: list[list[Ring]]

    def outer_rings(self) -> list[Ring]:
        return [polygon[0] for polygon in self.coordinates if polygon]


class _Feature(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    properties: _Properties
    geometry: _Polygon | _MultiPolygon = Field(discriminator="type")


class _Collection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    features: list[_Feature]


@dataclass(frozen=True, slots=True)
class Grid:
    """One area of the map."""

    code: str
    name: str
    rings: tuple[tuple[tuple[float, float], ...], ...]
    """Outer rings; points are longitude and latitude, WGS-84."""


@dataclass(frozen=True, slots=True)
class GridMap:
    """All areas that are known, by code."""

    grids: dict[str, Grid]

    def name_of(self, code: str) -> str:
        """Return the name of the area, or of the closest parent that has one."""
        known = self.grids.get(code)
        if known:
            return known.name
        for length in (14, 12, 9, 6):
            if length < len(code) and code[:length] in self.grids:
                return f"{self.grids[code[:length]].name} {code[length:]}"
        return code

    def units_within(self, scope: str) -> list[Grid]:
        return [grid for code, grid in sorted(self.grids.items()) if is_within(code, scope)]


def load_grids(path: Path | None) -> GridMap:
    """Read a GeoJSON file of polygons; None gives an empty map.

    Raises ConsoleError.
    """
    if path is None:
        return GridMap({})
    try:
        collection = _Collection.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConsoleError(f"网格地图 {path} 无法读取：{system_words(error)}。请检查 [console] grids_path。") from error
    except ValueError as error:
        raise ConsoleError(f"网格地图 {path} 不是 GeoJSON 的多边形。请检查 [console] grids_path。") from error
    grids = (_grid(feature) for feature in collection.features)
    return GridMap({grid.code: grid for grid in grids})


def _grid(feature: _Feature) -> Grid:
    rings = tuple(tuple(ring) for ring in feature.geometry.outer_rings())
    return Grid(feature.properties.grid_id, feature.properties.name, rings)
