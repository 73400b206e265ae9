"""However few the looks, and whatever stands between: a vehicle that passes is one passage.

Random traffic before a simulated camera: 3 to 25 looks a second or bursts of 0.2 to 1.5 s, 2 to 120 km/h, vehicles
that creep, stop and are hidden, followers whose plates differ in one character, looks that miss or misread.
"""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.pipeline_kit import KeptEvents, ListedPlates, make_screening, screened
from tests.traffic_kit import random_traffic


def wrong_passages(seeds: Iterable[int]) -> tuple[list[str], int]:
    """Return a line for every vehicle that is no passage or several, and how many vehicles were seen well enough."""
    wrong: list[str] = []
    owed = 0
    for seed in seeds:
        traffic = random_traffic(seed)
        passages = screened(traffic.looks, make_screening(ListedPlates(), KeptEvents()))
        found = Counter(passage.best.text for passage in passages)
        for vehicle in traffic.vehicles:
            owed += vehicle.is_owed
            if vehicle.is_owed and found[vehicle.text] != 1:
                rate = f"a burst every {traffic.burst_s:.1f} s" if traffic.burst_s else f"{traffic.looks_per_s} looks/s"
                looks = [round(width) for width in vehicle.widths]
                wrong.append(f"seed {seed}, {traffic.kind}, {rate}: {found[vehicle.text]} passages, looks {looks}")
    return wrong, owed


def test_random_traffic_is_neither_doubled_nor_lost() -> None:
    wrong, owed = wrong_passages(range(12))
    assert wrong == []
    assert owed >= 25


@pytest.mark.long
def test_of_two_thousand_random_passages_two_at_most_are_doubled_or_lost() -> None:
    wrong, owed = wrong_passages(range(800))
    assert owed >= 2000
    assert len(wrong) <= owed / 1000, wrong
