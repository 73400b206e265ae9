"""Unchecked passages wait their day by trusted time: a clock that is wrong for a while deletes none of them unread."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.walk.spool import Spool
from tests.clock_kit import Machine
from tests.pipeline_kit import KeptEvents, ListedPlates, box_at, frames_of, make_screening, screened
from tests.plates import make_read

HOUR_S = 3600.0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.held_clock()
    return machine


def open_spool(machine: Machine) -> Spool:
    folder = machine.folder
    return Spool(folder / "spool", folder / "spool.key", machine.clock(), timedelta(hours=24), 1 << 20)


def one_passes_unchecked(spool: Spool) -> None:
    scene = frames_of([[make_read("京A12345", box_at(200, 200))] for _ in range(12)])
    list(screened(scene, make_screening(ListedPlates(is_down=True), KeptEvents(), spool)))
    assert spool.waiting() == 1


def purge_for(machine: Machine, spool: Spool, seconds: float, every_s: float) -> int:
    purged = 0
    for _ in range(round(seconds / every_s)):
        machine.goes_on(every_s)
        purged += spool.purge()
    return purged


def test_what_passed_before_the_clock_was_set_waits_its_day_from_then_on(machine: Machine):
    right = machine.wall_s
    machine.wall_s, machine.up_s = 1000.0, 30.0  # a box without a battery boots in 1970
    spool = open_spool(machine)
    one_passes_unchecked(spool)
    assert purge_for(machine, spool, 60, 5) == 0
    machine.wall_s = right + 120
    assert purge_for(machine, spool, 23 * HOUR_S, 300) == 0
    assert spool.waiting() == 1
    assert purge_for(machine, spool, 2 * HOUR_S, 300) == 1


def test_a_clock_25_hours_ahead_for_8_seconds_deletes_nothing_unread(machine: Machine):
    spool = open_spool(machine)
    one_passes_unchecked(spool)
    machine.wall_s += 25 * HOUR_S
    assert purge_for(machine, spool, 8, 1) == 0
    machine.wall_s -= 25 * HOUR_S
    assert purge_for(machine, spool, 23 * HOUR_S, 300) == 0
    assert spool.waiting() == 1
    assert purge_for(machine, spool, 2 * HOUR_S, 300) == 1


def test_what_passes_while_the_clock_is_ahead_waits_its_day_too(machine: Machine):
    spool = open_spool(machine)
    machine.wall_s += 25 * HOUR_S
    one_passes_unchecked(spool)
    assert purge_for(machine, spool, 8, 1) == 0
    machine.wall_s -= 25 * HOUR_S
    assert purge_for(machine, spool, 23 * HOUR_S, 300) == 0
    assert purge_for(machine, spool, 2 * HOUR_S, 300) == 1
