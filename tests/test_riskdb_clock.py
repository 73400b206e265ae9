"""Time that destroys is trusted time: a clock that jumps takes nobody off the list, and nothing is deleted by it."""

from pathlib import Path

import pytest

from riskdb.clock import NEVER, RELEASED_AT, Mark, read_mark, write_mark
from riskdb.settings import ClockSettings
from tests.clock_kit import Machine
from tests.riskdb_kit import NOON

DAY_S = 86_400.0
HELD_S = ClockSettings().held_s
JUMPS = {"1 day": DAY_S, "20 days": 20 * DAY_S, "40 days": 40 * DAY_S, "12 years": 12 * 365 * DAY_S}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_clock_that_runs_evenly_is_the_wall_clock(machine: Machine):
    clock = machine.held_clock()
    span = clock.look()
    assert span.is_known
    assert span.is_settled
    assert span.earliest == span.latest == span.deletable == machine.wall_s


@pytest.mark.parametrize("jump_s", JUMPS.values(), ids=JUMPS.keys())
def test_a_jump_ahead_deletes_nothing_until_it_has_held(machine: Machine, jump_s: float):
    clock = machine.held_clock()
    before = machine.wall_s
    machine.wall_s += jump_s
    assert clock.look().deletable == before
    machine.goes_on(HELD_S - 1)
    span = clock.look()
    assert not span.is_settled
    assert span.deletable == span.earliest == before + HELD_S - 1
    machine.goes_on(2)
    assert clock.look().deletable == machine.wall_s


def test_a_jump_that_is_taken_back_leaves_no_trace(machine: Machine):
    clock = machine.held_clock()
    machine.wall_s += 20 * DAY_S
    clock.look()
    machine.goes_on(13)
    clock.look()
    machine.wall_s -= 20 * DAY_S
    span = clock.look()
    assert span.is_settled
    assert span.deletable == machine.wall_s


def test_a_jump_that_jumps_again_begins_its_trial_anew(machine: Machine):
    clock = machine.held_clock()
    for _ in range(3):
        machine.wall_s += DAY_S
        clock.look()
        machine.goes_on(HELD_S - 1)
        assert not clock.look().is_settled


@pytest.mark.parametrize("jump_s", JUMPS.values(), ids=JUMPS.keys())
def test_a_process_that_is_started_on_a_jumped_clock_does_not_believe_it(machine: Machine, jump_s: float):
    machine.held_clock()
    known = machine.wall_s
    machine.wall_s += jump_s
    machine.up_s = 5.0  # the kernel, too, was started anew
    clock = machine.clock()
    machine.goes_on(13)
    span = clock.look()
    assert known - 60 <= span.deletable <= known + 13
    assert (span.is_settled, span.latest) == (False, machine.wall_s)


def test_a_clock_that_nobody_has_seen_run_deletes_nothing_at_first(machine: Machine):
    clock = machine.clock()
    assert clock.look().deletable == NEVER
    machine.goes_on(HELD_S + 1)
    assert clock.look().deletable == machine.wall_s


def test_starting_again_and_again_on_a_wrong_clock_earns_it_no_trust(machine: Machine):
    for _ in range(30):
        clock = machine.clock()
        machine.goes_on(60)
        assert clock.look().deletable == NEVER


def test_a_small_step_is_no_jump_and_many_of_them_are(machine: Machine):
    clock = machine.held_clock()
    machine.wall_s += 30
    assert clock.look().is_settled
    before = clock.look().deletable
    for _ in range(1000):  # a clock that runs sixty times too fast, looked at every second
        machine.goes_on(1)
        machine.wall_s += 59
        clock.look()
    assert clock.look().deletable - before < 1000 * 1.2 + 60


@pytest.mark.parametrize("shown", [0.0, RELEASED_AT - DAY_S, NOON.timestamp() - DAY_S])
def test_a_box_that_boots_before_what_was_known_does_not_know_the_time(machine: Machine, shown: float):
    machine.held_clock()
    machine.wall_s, machine.up_s = shown, 5.0
    clock = machine.clock()
    assert not clock.look().is_known
    assert clock.look().deletable == NEVER
    machine.wall_s = NOON.timestamp() + DAY_S
    assert clock.look().is_known


def test_a_clock_before_the_age_of_the_code_is_never_believed(machine: Machine):
    machine.wall_s = 0.0
    clock = machine.clock()
    for _ in range(100):
        machine.goes_on(60)
        assert not clock.look().is_known


def test_a_clock_set_back_is_believed_once_it_has_held(machine: Machine):
    clock = machine.held_clock()
    machine.wall_s -= DAY_S
    clock.look()
    machine.goes_on(HELD_S + 1)
    span = clock.look()
    assert (span.is_known, span.is_settled, span.deletable) == (True, True, machine.wall_s)


def test_a_jump_must_agree_with_the_centre(machine: Machine):
    machine.held_clock()
    clock = machine.clock(has_centre=True)
    right = machine.wall_s
    machine.wall_s += DAY_S
    for there in (None, right):
        machine.centre_s = there
        clock.look()
        machine.goes_on(HELD_S + 1)
        assert not clock.look().is_settled
    machine.goes_on(60)
    machine.centre_s = machine.wall_s
    assert clock.look().is_settled


def test_who_only_reads_believes_a_jump_when_a_keeper_does(machine: Machine):
    keeper = machine.held_clock()
    reader = machine.clock(is_keeping=False)
    machine.wall_s += DAY_S
    keeper.look()
    reader.look()
    machine.goes_on(HELD_S + 1)
    assert not reader.look().is_settled
    assert keeper.look().is_settled
    assert reader.look().is_settled


@pytest.mark.parametrize("content", ["", "null", "{}", '{"at": "x", "was_held": true}', '{"at": 1, "was_held": true}'])
def test_a_damaged_mark_is_no_mark(machine: Machine, content: str):
    (machine.folder / "clock.json").write_text(content, encoding="utf-8")
    assert machine.clock().look().deletable == NEVER


def test_a_mark_is_kept_for_its_owner_and_survives(tmp_path: Path):
    path = tmp_path / "new" / "clock.json"
    write_mark(path, Mark(NOON.timestamp(), was_held=True))
    assert read_mark(path) == Mark(NOON.timestamp(), was_held=True)
    assert path.stat().st_mode & 0o777 == 0o600
