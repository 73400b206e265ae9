"""However few the looks, and whatever stands between: a vehicle that passes is one passage.

Random traffic before a simulated camera: 3 to 25 looks a second or bursts of 0.2 to 1.5 s, 2 to 120 km/h, vehicles
that creep, stop and are hidden, followers whose plates differ in one character, looks that miss or misread.
"""

from collections.abc import Iterable

import pytest

from tests.pipeline_kit import KeptEvents, ListedPlates, make_screening, screened
from tests.traffic_kit import Traffic, crowded_traffic, random_traffic, shaken

ONCE_DOUBLED = (4, 6, 10, 13, 14, 15, 16, 19, 28, 57, 58, 64)
"""Scenes of every kind in which a tracker with one gate for all rates of looks doubled vehicles."""


JUMP_PX = 16.0
"""Of a picture of 1920, from look to look: a far plate is 30 wide."""


def wrong_passages(scenes: Iterable[Traffic]) -> tuple[list[str], int]:
    """Return a line for every vehicle that is no passage, several or a wrong one, and how many were seen well."""
    wrong: list[str] = []
    owed = 0
    for number, traffic in enumerate(scenes):
        passages = list(screened(traffic.looks, make_screening(ListedPlates(), KeptEvents())))
        for vehicle in traffic.vehicles:
            owed += vehicle.is_owed
            fault = vehicle.fault([p.best.text for p in passages if p.track.evidence.box in vehicle.looks])
            if fault is not None:
                rate = f"a burst every {traffic.burst_s:.1f} s" if traffic.burst_s else f"{traffic.looks_per_s} looks/s"
                widths = [round(box.width) for box in vehicle.looks]
                wrong.append(f"scene {number}, {traffic.kind}, {rate}: {fault}, widths {widths}")
    return wrong, owed


def test_random_traffic_is_neither_doubled_nor_lost() -> None:
    wrong, owed = wrong_passages(random_traffic(seed) for seed in ONCE_DOUBLED)
    assert wrong == []
    assert owed >= 25


@pytest.mark.long
def test_of_two_thousand_random_passages_two_at_most_are_doubled_or_lost() -> None:
    wrong, owed = wrong_passages(random_traffic(seed) for seed in range(840))
    assert owed >= 2000
    assert len(wrong) <= owed / 1000, wrong


def test_a_camera_that_shakes_in_the_wind_doubles_and_loses_nobody() -> None:
    wrong, owed = wrong_passages([shaken(crowded_traffic(0), JUMP_PX, 0)])
    assert wrong == []
    assert owed == 10


@pytest.mark.long
def test_of_passages_before_a_shaking_camera_one_of_a_hundred_at_most_is_doubled_or_lost() -> None:
    crowds = (shaken(crowded_traffic(seed), JUMP_PX, seed) for seed in range(8))
    wrong, owed = wrong_passages([*crowds, *(shaken(random_traffic(seed), JUMP_PX, seed) for seed in range(12))])
    assert owed >= 100
    assert len(wrong) <= owed / 100, wrong
