"""The state table, the timers and the grids, without any database."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cases.steps import FINISHED, STEPS, Action, Standing, State, allowed_actions, take_step
from console.cases.timers import due_at, overdue_step, owner_after_escalation
from console.people.grids import is_within, load_grids, next_level
from console.situation.map import map_of
from console.types import SYSTEM, Actor, ConsoleError, Role, StepRefusedError
from tests.console_kit import GRID_A, GRIDS, START, officer, settings_with

WORKER = Actor(7, "网格员", Role.WORKER, GRID_A)
ACTORS = [officer(), WORKER, SYSTEM, Actor(8, "审计员", Role.AUDITOR, ""), Actor(9, "名单管理员", Role.STEWARD, "")]
HANDED_OUT = {State.ASSIGNED, State.ACCEPTED, State.VERIFYING, State.CLOSED}


def walked(*steps: tuple[Action, Actor]) -> Standing:
    standing = Standing(State.NEW, False)
    for action, actor in steps:
        standing = take_step(standing, action, actor)
    return standing


def test_a_case_goes_from_new_to_closed():
    desk = officer()
    standing = walked((Action.CONFIRM, desk), (Action.ASSIGN, desk), (Action.ACCEPT, WORKER), (Action.CONTACT, WORKER),
                      (Action.CLOSE, WORKER))  # fmt: skip
    assert standing == Standing(State.CLOSED, True)


@given(st.lists(st.tuples(st.sampled_from(list(Action)), st.sampled_from(ACTORS)), max_size=30))
def test_nothing_is_handed_out_or_closed_before_a_person_has_looked(walk: list[tuple[Action, Actor]]):
    standing, somebody_looked = Standing(State.NEW, False), False
    for action, actor in walk:
        try:
            standing = take_step(standing, action, actor)
        except StepRefusedError:
            continue
        somebody_looked = somebody_looked or (action is Action.CONFIRM and actor.role in (Role.OFFICER, Role.ADMIN))
        assert somebody_looked or standing.state not in HANDED_OUT


@given(st.sampled_from(list(State)), st.booleans(), st.sampled_from(ACTORS))
def test_the_offered_actions_are_exactly_those_that_work(state: State, is_confirmed: bool, actor: Actor):
    standing = Standing(state, is_confirmed)
    offered = set(allowed_actions(standing, actor))
    for action in Action:
        if action in offered:
            assert isinstance(take_step(standing, action, actor), Standing)
        else:
            with pytest.raises(StepRefusedError):
                take_step(standing, action, actor)


def test_every_state_has_a_way_in_and_every_open_state_a_way_out():
    assert {step.target for step in STEPS.values()} == set(State) - {State.AT_BOOTH}
    for state in State:
        assert any(state in step.sources for step in STEPS.values())


def test_roles_without_cases_can_do_nothing():
    for role in (Role.STEWARD, Role.APPROVER, Role.ANALYST, Role.AUDITOR):
        for state in State:
            assert allowed_actions(Standing(state, True), Actor(1, "x", role, "")) == []


@pytest.mark.parametrize(
    ("standing", "seconds"),
    [
        (Standing(State.NEW, False), 60),
        (Standing(State.ASSIGNED, True), 180),
        (Standing(State.ACCEPTED, True), 1800),
        (Standing(State.VERIFYING, True), 86400),
    ],
)
def test_each_state_waits_as_long_as_the_settings_say(standing: Standing, seconds: float):
    assert due_at(standing, GRID_A, START, START, settings_with()) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_a_finished_case_is_never_due(state: State):
    assert due_at(Standing(state, True), GRID_A, START, START, settings_with()) is None


def test_a_confirmed_case_goes_up_level_by_level_and_stays_at_the_county():
    owner, owners = GRID_A, []
    for _ in range(5):
        owner = owner_after_escalation(Standing(State.ASSIGNED, True), owner)
        owners.append(owner)
    assert owners == [GRID_A[:14], GRID_A[:9], GRID_A[:6], GRID_A[:6], GRID_A[:6]]


def test_an_unseen_case_stays_with_its_desk_and_expires_after_a_day():
    settings, unseen = settings_with(), Standing(State.ESCALATED, False)
    assert owner_after_escalation(unseen, GRID_A) == GRID_A
    assert overdue_step(unseen, START, START + timedelta(hours=1), settings) is Action.ESCALATE
    assert overdue_step(unseen, START, START + timedelta(hours=25), settings) is Action.EXPIRE
    assert overdue_step(Standing(State.ESCALATED, True), START, START + timedelta(days=9), settings) is Action.ESCALATE


def test_a_grid_code_holds_its_children_and_not_its_neighbours():
    assert is_within(GRID_A, GRID_A[:9])
    assert is_within(GRID_A, "")
    assert not is_within(GRID_A, GRID_A[:13] + "9")
    assert not is_within(GRID_A[:9], GRID_A)
    assert next_level("370211") is None


def test_the_map_draws_every_grid_inside_the_picture():
    view = map_of(load_grids(GRIDS), settings_with(), "")
    assert len(view.shapes) == 33
    assert {point.checkpoint for point in view.points} == {"一号卡口", "二号卡口"}
    assert all(0 <= point.x <= 1000 and 0 <= point.y <= 720 for point in view.points)
    assert map_of(load_grids(GRIDS), settings_with(), GRID_A[:9]).points[0].checkpoint == "一号卡口"


def test_without_a_map_file_the_checkpoints_are_still_drawn():
    view = map_of(load_grids(None), settings_with(grids_path=None), "")
    assert len({(point.x, point.y) for point in view.points}) == 2


def test_a_broken_map_file_says_which_setting_to_mend(tmp_path):
    (tmp_path / "grids.geojson").write_text('{"features": [{"properties": {}}]}')
    with pytest.raises(ConsoleError, match="grids_path"):
        load_grids(tmp_path / "grids.geojson")
