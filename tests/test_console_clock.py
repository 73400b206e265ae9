"""The console erases by trusted time: one that is started with a wrong clock erases nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from console.background import Background
from console.cases.steps import Action
from console.parts import Console
from console.store.tables import CaseRow
from tests.clock_kit import Machine
from tests.console_kit import act, event_of, officer, open_console

DAY_S = 86_400.0
DESK = officer()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.held_clock()
    return machine


@pytest.fixture
def console(tmp_path: Path, redis_client: redis.Redis, machine: Machine) -> Iterator[Console]:
    """A console with one case, closed now."""
    console = open_console(tmp_path / "console", redis_client, lambda: datetime.fromtimestamp(machine.wall_s, UTC))
    console.intake.take([event_of("测A12345")], console.now())
    act(console, DESK, Action.REJECT, reason="misread")
    yield console
    console.database.close()


def keep_house_once(console: Console, machine: Machine, minutes: int = 0) -> str:
    """Start the console on this machine, let it keep house after some minutes, and return the plate of its case."""
    background = Background(replace(console, clock=machine.clock()))
    for _ in range(minutes):
        machine.goes_on(60)
        background._look_at_time()
    background._keep_house()
    with console.database.reading() as session:
        return session.get_one(CaseRow, 1).plate_text


def test_a_console_that_is_started_31_days_ahead_erases_nothing(console: Console, machine: Machine):
    machine.wall_s += 31 * DAY_S
    assert keep_house_once(console, machine)
    machine.goes_on(13)
    assert keep_house_once(console, machine)
    machine.wall_s -= 31 * DAY_S
    assert keep_house_once(console, machine)


def test_a_console_that_runs_as_the_clock_jumps_lets_no_time_limit_run_out(console: Console, machine: Machine):
    background = Background(replace(console, clock=machine.clock()))
    machine.wall_s += 31 * DAY_S
    background._look_at_time()
    assert background._is_time_in_doubt
    machine.wall_s -= 31 * DAY_S
    background._look_at_time()
    assert not background._is_time_in_doubt


def test_31_real_days_do_erase(console: Console, machine: Machine):
    machine.goes_on(29 * DAY_S)
    assert keep_house_once(console, machine, minutes=20)
    machine.goes_on(2 * DAY_S)
    assert not keep_house_once(console, machine, minutes=20)
