"""A crossing of a guarded door is a case of its micro-grid's workers: told at once, closed, then forgotten."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.crossing import CrossingEvent
from console.cases.crossings import CrossingIntake
from console.cases.desk import StepRequest
from console.cases.filtering import CaseFilter, Group
from console.cases.steps import CROSSING, Action, Outcome, State
from console.parts import Console
from console.reports.month import month_of, month_report
from console.reports.shift import Shifts
from console.reports.trends import trends
from console.situation.statistics import local_day
from console.store.people_tables import AccountRow
from console.store.tables import EventRow, MessageRow
from console.types import Actor, NotFoundError, Role, StepRefusedError
from tests.console_app import app_of
from tests.console_kit import GRID_A, GRID_B, START, Clock, act, client_of, event_of, make_account, officer
from tests.picture_kit import write_pictures

DOOR = "3号楼2单元301"
LINK = "https://meet.example/room"


@pytest.fixture
def worker(console: Console) -> Actor:
    return make_account(console, "worker", Role.WORKER, GRID_A)


def crossing(number: int = 0, at: datetime = START, **changes: object) -> CrossingEvent:
    fields = {
        "event_id": f"{number:032x}", "camera_id": "G01", "checkpoint": "一号卡口", "door": DOOR, "crossed_at": at,
        "arrived_at": at, "consent_by": "住户本人", "consent_until": START + timedelta(days=7), "meeting_url": LINK,
    }  # fmt: skip
    return CrossingEvent.model_validate(fields | changes)


def told(console: Console, *events: CrossingEvent) -> list[int]:
    doors = CrossingIntake(console.database, console.audit, console.settings, console.intake.grid_of)
    return doors.take(events, console.now())


def bodies(console: Console) -> list[str]:
    with console.database.reading() as session:
        return list(session.scalars(select(EventRow.body)))


def test_a_crossing_is_a_task_of_the_micro_grids_workers_at_once(console: Console, worker: Actor):
    elsewhere = Actor(99, "别处", Role.WORKER, GRID_B)
    assert told(console, crossing()) == [1]
    assert console.cases.tasks(elsewhere) == []
    [task] = console.cases.tasks(worker)
    assert (task.state, task.why, task.level) == (State.ASSIGNED, "有人出入", CROSSING)
    assert (task.door, task.meeting_url) == ("", ""), "which household it is learns only who takes it"
    act(console, worker, Action.ACCEPT)
    [task] = console.cases.tasks(worker)
    assert (task.door, task.meeting_url) == (DOOR, LINK)
    act(console, worker, Action.CLOSE, reason=Outcome.ALLOWED, channel="视频")
    view = console.cases.detail(officer(), 1).view
    assert (view.state, view.result) == (State.CLOSED, "已核实：允许出入")


def test_a_case_is_closed_with_words_of_its_own_kind(console: Console, clock: Clock):
    told(console, crossing())
    console.intake.take([event_of()], clock())
    act(console, officer(), Action.CONFIRM, case_id=2)
    for case_id, reason in ((1, Outcome.TRUE), (1, Outcome.LIST_ERROR), (2, Outcome.ALLOWED), (2, Outcome.BREACH)):
        with pytest.raises(StepRefusedError):
            act(console, officer(), Action.CLOSE, case_id=case_id, reason=reason, note="x")
    act(console, officer(), Action.CLOSE, reason=Outcome.FALSE_ALARM)
    act(console, officer(), Action.REOPEN)
    with pytest.raises(StepRefusedError):
        act(console, officer(), Action.REJECT, reason="misread")
    act(console, officer(), Action.REJECT, reason="false_alarm")
    assert console.cases.detail(officer(), 1).view.result == "误报：无人出入"


def test_one_door_has_one_case_while_it_is_open_and_the_same_event_counts_once(console: Console, clock: Clock):
    assert told(console, crossing(1), crossing(1), crossing(2, door="另一扇门")) == [1, 2]
    clock.forward(120)
    assert told(console, crossing(1), crossing(3, at=clock())) == [1]
    view = console.cases.detail(officer(), 1).view
    assert (view.passages, view.passed_at, view.last_seen_at) == (2, clock(), clock())
    act(console, officer(), Action.CLOSE, reason=Outcome.FALSE_ALARM)
    assert told(console, crossing(4, at=clock())) == [3]


@pytest.mark.parametrize("until", [START - timedelta(days=1), START])
def test_a_consent_that_has_ended_makes_no_case(console: Console, until: datetime):
    assert told(console, crossing(consent_until=until)) == []
    assert bodies(console) == []


def test_what_a_cut_line_kept_until_the_consent_was_over_makes_no_case(console: Console, clock: Clock):
    clock.forward(8 * 86400)
    assert told(console, crossing()) == []


def test_nobody_took_it_so_the_next_level_is_asked_and_it_does_not_expire(
    console: Console, worker: Actor, clock: Clock
):
    told(console, crossing())
    clock.forward(console.settings.accept_timeout_s + 1)
    assert console.desk.act_on_overdue(clock()) == [1]
    view = console.cases.detail(officer(), 1).view
    assert (view.state_name, view.owner_name == view.grid_name) == ("已升级（超时）", False)
    clock.forward(2 * 86400)
    console.desk.act_on_overdue(clock())
    assert console.cases.detail(officer(), 1).view.state is State.ESCALATED
    act(console, worker, Action.ACCEPT)


def test_workers_are_told_in_their_messenger_without_the_door(console: Console, worker: Actor):
    with console.database.writing() as session:
        account = session.get_one(AccountRow, worker.account_id)
        account.message_kind, account.message_user = "wecom", "wang"
    told(console, crossing())
    with console.database.reading() as session:
        assert len(session.scalars(select(MessageRow)).all()) == 1
    words = console.dispatch.words(1, CROSSING)
    assert "隔离门有人出入" in words
    assert DOOR not in words


def test_it_is_found_filtered_and_counted_beside_vehicles_and_not_as_one(console: Console, clock: Clock):
    told(console, crossing())
    console.intake.take([event_of()], clock())
    desk = officer()

    def ids(**wanted: str) -> list[int]:
        return [view.case_id for view in console.cases.found(desk, CaseFilter(Group.OPEN, **wanted), 9)]  # type: ignore[arg-type]  # texts are what these filters take

    assert (ids(), ids(level=CROSSING), ids(level="hit"), ids(text="2单元")) == ([2, 1], [1], [2], [1])
    counts = console.statistics.counts(local_day(clock()), clock() + timedelta(hours=1))
    assert (counts.cases, counts.hits, counts.events, counts.crossings, counts.open) == (1, 1, 1, 1, 2)
    assert trends(console.database, clock() - timedelta(hours=1), clock() + timedelta(hours=1)).whole.possibles == 0
    shift = Shifts(console.database, console.audit, console.cases).now(desk, clock())
    assert (shift.opened, len(shift.open)) == ({"hit": 1, CROSSING: 1}, 2)
    act(console, desk, Action.CLOSE, reason=Outcome.BREACH)
    report = month_report(console.database, *month_of(f"{clock():%Y-%m}", clock()))
    assert not any("外出" in words or "出入" in words for words in report.outcomes)


def test_pages_show_the_door_to_the_desk_and_not_to_a_wall(console: Console, worker: Actor, tmp_path: Path):
    picture = write_pictures(tmp_path, "x12345")["vehicle_picture"]
    told(console, crossing(picture=picture))
    make_account(console, "officer", Role.OFFICER)
    make_account(console, "wall", Role.WALL)
    app = app_of(console)
    desk, wall, phone = (client_of(app, console, name) for name in ("officer", "wall", "worker"))
    page = desk.get("/screen/cases/1").text
    for words in (DOOR, LINK, "住户本人", "违规外出，已劝返", "有人出入"):
        assert words in page, words
    assert "到过" not in page
    assert DOOR in desk.get("/shift").text
    assert DOOR in desk.post("/screen/search", json={"text": DOOR, "reason": "核对"}).text
    assert "有人出入" in wall.get("/screen/cases").text
    assert DOOR not in wall.get("/screen/cases").text
    assert DOOR not in phone.get("/m/tasks").text
    path = f"/cases/1/events/{crossing().event_id}/vehicle"
    act(console, worker, Action.ACCEPT)
    assert [each.get(path).status_code for each in (desk, phone, wall)] == [200, 200, 404]
    assert desk.get(f"/events/{crossing().event_id}").headers["location"] == "/screen?case=1"
    desk.get("/cases.xlsx?group=open").raise_for_status()


def test_door_picture_and_event_are_gone_after_their_time(console: Console, clock: Clock, tmp_path: Path):
    picture = write_pictures(tmp_path, "x12345")["vehicle_picture"]
    told(console, crossing(picture=picture))
    act(console, officer(), Action.CLOSE, reason=Outcome.VISITOR, note=f"{DOOR} 送药")
    clock.forward(31 * 86400)
    assert console.retention.step(clock()) == 1
    assert not (tmp_path / "evidence" / picture).exists()
    assert bodies(console) == [""]
    detail = console.cases.detail(officer(), 1)
    assert (detail.view.door, detail.view.meeting_url, detail.crossings) == ("", "", ())
    assert DOOR not in repr(detail)
    with pytest.raises(NotFoundError):
        console.cases.event_of(officer(), 1, crossing().event_id)


def test_a_worker_takes_no_step_before_taking_the_task(console: Console, worker: Actor):
    told(console, crossing())
    with pytest.raises(StepRefusedError, match="接单"):
        console.desk.act(StepRequest(1, Action.CLOSE, None, Outcome.ALLOWED), worker, console.now())
