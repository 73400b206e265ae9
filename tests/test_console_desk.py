"""Events become cases, people and the clock act on them; on a real SQLite and a real PostgreSQL."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from console.cases.filtering import Group
from console.cases.steps import Action, Outcome, State
from console.parts import Console
from console.store.people_tables import AuditRow
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import Actor, CaseChangedError, NotFoundError, Role, StepRefusedError
from tests.console_kit import (
    GRID_A,
    GRID_B,
    START,
    Clock,
    PaperList,
    act,
    event_of,
    make_account,
    officer,
    state_of,
)

DESK = officer()


@pytest.fixture
def console(each_console: Console) -> Console:
    return each_console


def rows_of(console: Console, table: type) -> int:
    with console.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_same_event_twice_is_one_case(console: Console, clock: Clock):
    event = event_of()
    assert console.intake.take([event, event], clock()).opened == (1,)
    again = console.intake.take([event], clock())
    assert (again.opened, again.attached, again.repeated) == ((), (), 1)
    assert (rows_of(console, CaseRow), rows_of(console, EventRow)) == (1, 1)


def test_a_second_passage_within_half_an_hour_joins_the_open_case(console: Console, clock: Clock):
    console.intake.take([event_of(level="possible")], clock())
    clock.forward(29 * 60)
    assert console.intake.take([event_of(at=clock(), checkpoint="二号卡口")], clock()).attached == (1,)
    view = console.cases.newest(DESK, Group.OPEN, 10)[0]
    assert (view.passages, view.level, view.checkpoint) == (2, "hit", "二号卡口")


def test_a_passage_after_half_an_hour_or_of_another_class_is_a_case_of_its_own(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    assert console.intake.take([event_of(at=clock() + timedelta(seconds=1), plate_class="01")], clock()).opened == (2,)
    clock.forward(31 * 60)
    assert console.intake.take([event_of(at=clock())], clock()).opened == (3,)


def test_a_passage_after_the_case_is_finished_is_a_new_case(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.REJECT, reason="misread")
    assert console.intake.take([event_of(at=clock() + timedelta(minutes=1))], clock()).opened == (2,)


def test_of_two_officers_one_wins_and_the_other_is_told_who_was_faster(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, officer(account_id=1), Action.CONFIRM, version=1)
    with pytest.raises(CaseChangedError, match="值班员1 先您一步执行了“人工确认”"):
        act(console, officer(account_id=2), Action.REJECT, version=1, reason="misread")
    assert state_of(console) is State.CONFIRMED


def test_a_step_sent_twice_happens_once(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.CONFIRM, idempotency_key="key-00001")
    act(console, DESK, Action.CONFIRM, idempotency_key="key-00001")
    assert rows_of(console, StepRow) == 2
    with pytest.raises(StepRefusedError):
        act(console, officer(account_id=5), Action.CONFIRM, idempotency_key="key-00001")


def test_a_worker_sees_only_what_was_handed_out_in_his_grid(console: Console, clock: Clock):
    worker, neighbour = Actor(7, "甲", Role.WORKER, GRID_A), Actor(8, "乙", Role.WORKER, GRID_B)
    console.intake.take([event_of()], clock())
    assert console.cases.tasks(worker) == []
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN)
    assert [task.case_id for task in console.cases.tasks(worker)] == [1]
    assert console.cases.tasks(neighbour) == []
    with pytest.raises(NotFoundError):
        act(console, neighbour, Action.ACCEPT)


def test_the_plate_is_masked_until_the_worker_took_the_case(console: Console, clock: Clock):
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    colleague = Actor(99, "同事", Role.WORKER, GRID_A)
    console.intake.take([event_of("测A12345")], clock())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN)
    before = console.cases.tasks(worker)[0]
    assert "12345" not in before.model_dump_json()
    act(console, worker, Action.ACCEPT)
    assert console.cases.tasks(worker)[0].plate_text == "测A12345"
    assert console.cases.tasks(colleague) == []


def test_a_case_handed_to_another_grid_belongs_there(console: Console, clock: Clock):
    there = make_account(console, "there", Role.WORKER, GRID_B)
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN, reason=GRID_B, assignee_id=there.account_id)
    assert [task.case_id for task in console.cases.tasks(there)] == [1]
    assert console.cases.tasks(Actor(7, "甲", Role.WORKER, GRID_A)) == []
    for elsewhere in ("999902", GRID_A + "01", "999901x", "9999010", "true"):
        with pytest.raises(StepRefusedError, match="本区县"):
            act(console, DESK, Action.ASSIGN, reason=elsewhere)


def test_a_wrong_entry_comes_off_the_list_and_is_answered_for(console: Console, clock: Clock, paper: PaperList):
    console.intake.take([event_of("测A12345")], clock())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.CLOSE, reason=Outcome.LIST_ERROR, note="本人未离开")
    assert console.corrections.step(clock()) == 1
    assert paper.removed == ["测A12345"]
    assert console.corrections.step(clock()) == 0
    console.corrections.confirm(1, "来源单位录入有误", Actor(3, "名单管理员", Role.STEWARD, ""), clock())
    assert console.corrections.recent()[0].answer == "来源单位录入有误"


@pytest.mark.parametrize("reason", [None, "whatever", "confirmed"])
def test_closing_and_rejecting_need_a_reason_from_the_list(console: Console, clock: Clock, reason: str | None):
    console.intake.take([event_of()], clock())
    with pytest.raises(StepRefusedError, match="请选择"):
        act(console, DESK, Action.REJECT, reason=reason)


def test_an_officer_of_one_street_sees_nothing_of_the_other(console: Console, clock: Clock):
    console.intake.take([event_of(), event_of("测B22222", checkpoint="二号卡口")], clock())
    street = officer(scope=GRID_A[:9])
    assert [view.case_id for view in console.cases.newest(street, Group.OPEN, 10)] == [1]
    with pytest.raises(NotFoundError):
        console.cases.detail(street, 2)


def test_an_event_as_odd_as_its_form_allows_is_a_case_and_holds_nothing_up(console: Console, clock: Clock):
    odd = event_of("\0🚗" * 8, checkpoint="卡\0口" * 66, plate_class="\0" * 8, camera_id="x" * 200, why="因\0" * 500)
    assert console.intake.take([odd, event_of()], clock()).opened == (1, 2)
    assert console.intake.take([odd], clock()).repeated == 1
    assert "\0" not in console.cases.detail(DESK, 1).view.plate_text
    act(
        console, DESK, Action.REJECT, reason="list_error", note="本人未离开"
    )  # the correction keeps plate and class too


def test_an_unknown_checkpoint_goes_to_the_county(console: Console, clock: Clock):
    console.intake.take([event_of(checkpoint="新卡口")], clock())
    assert console.cases.newest(DESK, Group.OPEN, 1)[0].grid_code == "999901"


def test_what_identifies_a_vehicle_is_erased_after_its_time(console: Console, clock: Clock, tmp_path):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "a.jpg").write_bytes(b"x")
    console.intake.take([event_of("测A12345", plate_picture="a.jpg")], clock())
    act(console, DESK, Action.REJECT, reason="misread", note="测A12345 是误读")
    clock.forward(29 * 86400)
    assert console.retention.step(clock()) == 0
    clock.forward(2 * 86400)
    assert console.retention.step(clock()) == 1
    console.database.close()
    assert not (tmp_path / "evidence" / "a.jpg").exists()
    with console.database.reading() as session:
        case = session.get_one(CaseRow, 1)
        bodies = [*session.scalars(select(EventRow.body)), *session.scalars(select(StepRow.note))]
    assert (case.plate_text, case.rejection) == ("", "misread")
    assert not any("12345" in body for body in bodies)
    assert console.cases.detail(DESK, 1).view.plate_text == ""


def test_the_counts_add_up(console: Console, clock: Clock):
    console.intake.take([event_of(f"测A1234{n}", level="hit" if n else "possible") for n in range(4)], clock())
    clock.forward(10)
    act(console, DESK, Action.CONFIRM, 1)
    act(console, DESK, Action.REJECT, 2, reason="misread")
    act(console, DESK, Action.REJECT, 3, reason="duplicate")
    counts = console.statistics.counts(START, START + timedelta(hours=1))
    assert (counts.cases, counts.events, counts.hits, counts.possibles) == (4, 4, 3, 1)
    assert (counts.waiting, counts.open, counts.confirmed, counts.misread) == (1, 2, 1, 1)
    assert counts.false_share == pytest.approx(1 / 3)
    assert counts.median_verify_s == 10


def test_the_counts_are_those_of_the_audit_log(console: Console, clock: Clock):
    console.intake.take([event_of(f"测A1234{n}") for n in range(5)], clock())
    console.intake.take([event_of("测A12340", at=clock() + timedelta(seconds=9))], clock())
    for case_id in (1, 2, 3):
        act(console, DESK, Action.CONFIRM, case_id)
    for case_id in (3, 4):
        act(console, DESK, Action.REJECT, case_id, reason="misread")
    counts = console.statistics.counts(START, START + timedelta(hours=1))
    with console.database.reading() as session:
        logged = Counter(session.scalars(select(AuditRow.action)))
    assert counts.events == logged["case.open"] + logged["case.attach"] == 6
    assert (counts.cases, counts.confirmed, counts.misread) == (5, logged["case.confirm"], logged["case.reject"])
