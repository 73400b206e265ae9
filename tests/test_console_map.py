"""The map of many checkpoints: every name readable, none over another."""

import random

import pytest

from console.people.grids import load_grids
from console.settings import CheckpointPlace
from console.situation.labels import FONT, Label, width_of
from console.situation.map import HEIGHT, WIDTH, map_of
from tests.console_kit import GRIDS, settings_with

Rectangle = tuple[float, float, float, float]


def rectangle(name: str, x: float, y: float, label: Label) -> Rectangle:
    width = width_of(name)
    left = x + label.dx - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    return left, y + label.dy - FONT / 2, left + width, y + label.dy + FONT / 2


def do_meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("seed", range(5))
def test_names_of_eighteen_checkpoints_cover_neither_each_other_nor_a_pin(seed: int):
    dice = random.Random(seed)
    places = tuple(
        CheckpointPlace(
            name=f"{dice.choice('隐珠滨海宝山')}{number}号卡口", grid_code="9999010010010101",
            longitude=dice.uniform(120.01, 120.21), latitude=dice.uniform(35.84, 36.0),
        )
        for number in range(18)
    )  # fmt: skip
    view = map_of(load_grids(GRIDS), settings_with(checkpoint=places), "")
    shown = [rectangle(p.checkpoint, p.x, p.y, p.label) for p in view.points if not p.label.is_crowded]
    shown += [
        rectangle(s.name, s.label_x, s.label_y, s.label) for s in view.shapes if s.is_named and not s.label.is_crowded
    ]
    assert len(shown) >= 16
    for at, one in enumerate(shown):
        assert not any(do_meet(one, other) for other in shown[at + 1 :])
        assert not any(do_meet(one, (p.x - 26, p.y - 26, p.x + 26, p.y + 26)) for p in view.points)
        assert one[0] >= 0
        assert one[1] >= 0
        assert one[2] <= WIDTH
        assert one[3] <= HEIGHT
