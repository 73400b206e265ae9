"""What the clock does with cases that nobody sees to; on a real SQLite and a real PostgreSQL."""

from datetime import timedelta

import pytest

from console.cases.filtering import Group
from console.cases.steps import Action, Outcome, State
from console.parts import Console
from console.store.tables import CaseRow
from console.types import Role
from tests.console_kit import (
    GRID_A,
    START,
    Clock,
    act,
    event_of,
    make_account,
    officer,
    settings_with,
    state_of,
    take_case,
)

DESK = officer()


@pytest.fixture
def console(each_console: Console) -> Console:
    return each_console


def test_nobody_answering_sends_the_case_up_and_away_from_the_worker(console: Console):
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    take_case(console, worker)
    act(console, worker, Action.CLOSE, reason=Outcome.UNREACHABLE)
    with console.database.reading() as session:
        case = session.get_one(CaseRow, 1)
    assert (case.state, case.owner_code, case.assignee_id) == ("escalated", GRID_A[:14], None)


def test_a_worker_who_is_late_keeps_the_case_in_hand_while_others_are_asked_too(console: Console, clock: Clock):
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    console.intake.take([event_of("测A12345")], clock())
    for actor, action in ((DESK, Action.CONFIRM), (DESK, Action.ASSIGN), (worker, Action.ACCEPT)):
        act(console, actor, action)
    clock.forward(1801)  # nobody was spoken to in half an hour
    assert console.desk.act_on_overdue(clock()) == [1]
    task = console.cases.tasks(worker)[0]
    assert (task.state, task.is_mine, task.plate_text) == (State.ESCALATED, True, "测A12345")
    act(console, worker, Action.CLOSE, reason=Outcome.TRUE)
    assert state_of(console) is State.CLOSED


def test_a_named_worker_who_never_accepts_loses_the_case_and_never_sees_the_plate(console: Console, clock: Clock):
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    colleague = make_account(console, "colleague", Role.WORKER, GRID_A)
    console.intake.take([event_of("测A12345")], clock())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN, assignee_id=worker.account_id)
    assert console.cases.tasks(colleague) == []
    clock.forward(181)
    console.desk.act_on_overdue(clock())
    for person in (worker, colleague):
        assert ["12345" in task.model_dump_json() for task in console.cases.tasks(person)] == [False]


def test_a_case_that_waits_too_long_still_says_that_nobody_has_looked(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    clock.forward(61)
    console.desk.act_on_overdue(clock())
    assert console.cases.newest(DESK, Group.OPEN, 1)[0].state_name == "待核实（超时）"


def test_the_clock_escalates_what_nobody_looked_at_and_names_itself(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    clock.forward(59)
    assert console.desk.act_on_overdue(clock()) == []
    clock.forward(2)
    assert console.desk.act_on_overdue(clock()) == [1]
    assert state_of(console) is State.ESCALATED
    assert console.cases.detail(DESK, 1).steps[-1].actor == "系统"
    clock.forward(60)
    assert console.desk.act_on_overdue(clock()) == []


def test_an_assigned_case_that_nobody_accepts_goes_up_to_the_county(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN)
    for _ in range(4):
        clock.forward(181)
        console.desk.act_on_overdue(clock())
    with console.database.reading() as session:
        assert session.get_one(CaseRow, 1).owner_code == GRID_A[:6]


def test_an_unseen_case_expires_after_a_day_and_can_be_reopened(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    clock.forward(25 * 3600)
    console.desk.act_on_overdue(clock())
    assert state_of(console) is State.EXPIRED
    act(console, DESK, Action.REOPEN)
    act(console, DESK, Action.CONFIRM)
    assert state_of(console) is State.CONFIRMED


def test_a_clock_wrong_by_an_hour_is_shown_and_moves_no_time_limit(console: Console, clock: Clock):
    console.intake.take([event_of(at=START + timedelta(hours=1))], clock())
    detail = console.cases.detail(DESK, 1)
    assert detail.clock_skew_s == 3600
    assert detail.view.due_at == START + timedelta(seconds=settings_with().confirm_timeout_s)
