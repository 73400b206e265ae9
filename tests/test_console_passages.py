"""A listed vehicle that comes again: the case, its limits, and who sees it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from console.cases.filtering import CaseFilter, Group
from console.cases.steps import Action, State
from console.cases.views import CaseView
from console.parts import Console
from console.types import Actor, Role
from tests.console_kit import GRID_A, GRID_B, Clock, act, event_of, officer, open_console, settings_with

STREET_A, STREET_B = officer(GRID_A[:9], 11), officer(GRID_B[:9], 12)


@pytest.fixture
def console(tmp_path: Path, redis_server: str, clock: Clock) -> Iterator[Console]:
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), clock)
    yield console
    console.database.close()


def passes(
    console: Console, clock: Clock, text: str = "测A12345", checkpoint: str = "一号卡口", late_s: float = 0
) -> None:
    console.intake.take([event_of(text, clock.moment - timedelta(seconds=late_s), checkpoint)], clock.moment)


def seen_by(console: Console, actor: Actor, group: Group = Group.OPEN) -> list[CaseView]:
    return console.cases.found(actor, CaseFilter(group), 100)


def test_a_second_passage_is_seen_in_both_areas_and_says_where_the_first_was(console: Console, clock: Clock):
    passes(console, clock)
    assert seen_by(console, STREET_B) == []
    clock.forward(720)
    passes(console, clock, checkpoint="二号卡口")
    for street in (STREET_A, STREET_B):
        (view,) = seen_by(console, street)
        assert (view.passages, view.checkpoint, view.previous_checkpoint) == (2, "二号卡口", "一号卡口")
        assert view.passed_at - (view.previous_at or view.passed_at) == timedelta(minutes=12)
    act(console, STREET_B, Action.CONFIRM)
    assert seen_by(console, STREET_A)[0].state is State.CONFIRMED
    assert console.statistics.open_by_grid("") == {GRID_A: 1, GRID_B: 1}
    assert console.statistics.open_by_grid(GRID_B[:9]) == {GRID_B: 1}


def test_an_area_that_the_vehicle_never_passed_does_not_see_it(console: Console, clock: Clock):
    passes(console, clock)
    passes(console, clock, checkpoint="二号卡口")
    assert seen_by(console, officer(GRID_A[:6] + "003")) == []
    worker = Actor(7, "网格员", Role.WORKER, GRID_B)
    act(console, officer(), Action.CONFIRM)
    act(console, officer(), Action.ASSIGN)
    assert console.cases.tasks(worker) == []  # who goes out is a matter of the place it belongs to


def test_the_latest_passage_stands_on_top(console: Console, clock: Clock):
    for text in ("测A12345", "测B12345", "测C12345"):
        passes(console, clock, text)
        clock.forward(10)
    passes(console, clock)
    assert [view.plate_text for view in seen_by(console, officer())] == ["测A12345", "测C12345", "测B12345"]


def test_time_limits_start_anew_with_every_passage(console: Console, clock: Clock):
    passes(console, clock)
    clock.forward(61)
    console.desk.act_on_overdue(clock.moment)
    (view,) = seen_by(console, officer(), Group.OVER)
    assert view.overdue_since is not None
    passes(console, clock, checkpoint="二号卡口")
    (view,) = seen_by(console, officer(), Group.NEW)
    assert (view.overdue_since, view.due_at) == (None, clock.moment + timedelta(seconds=60))
    assert seen_by(console, officer(), Group.OVER) == []


def test_a_vehicle_that_keeps_coming_does_not_expire(tmp_path: Path, redis_server: str, clock: Clock):
    settings = settings_with(attach_minutes=60 * 24, close_timeout_s=3600)
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), clock, settings=settings)
    passes(console, clock)
    for _ in range(3):
        clock.forward(1800)
        passes(console, clock)
        clock.forward(61)
        console.desk.act_on_overdue(clock.moment)
    assert seen_by(console, officer())[0].passages == 4
    console.database.close()


def test_a_plate_that_was_rejected_as_misread_says_so_when_it_comes_back(console: Console, clock: Clock):
    passes(console, clock)
    act(console, officer(), Action.REJECT, reason="misread")
    clock.forward(720)
    passes(console, clock, checkpoint="二号卡口")
    (view,) = seen_by(console, officer())
    assert (view.case_id, view.passages, view.previous_checkpoint, view.previous_result) == (2, 1, "一号卡口", "误读")


def test_a_passage_whose_line_was_cut_does_not_cover_the_later_one(console: Console, clock: Clock):
    passes(console, clock)
    clock.forward(600)
    passes(console, clock, checkpoint="二号卡口", late_s=900)
    (view,) = seen_by(console, STREET_B)
    assert (view.passages, view.checkpoint, view.previous_checkpoint) == (2, "一号卡口", "二号卡口")


def test_a_case_that_was_handed_on_is_seen_where_it_belongs_now(console: Console, clock: Clock):
    passes(console, clock)
    passes(console, clock, checkpoint="二号卡口")
    act(console, officer(), Action.CONFIRM)
    act(console, officer(), Action.ASSIGN, reason=GRID_B)
    assert seen_by(console, STREET_A) == []
    assert [view.grid_code for view in seen_by(console, STREET_B)] == [GRID_B]


def test_overdue_stays_until_somebody_acts_and_grows_louder(console: Console, clock: Clock):
    passes(console, clock)
    clock.forward(61)
    console.desk.act_on_overdue(clock.moment)
    (first,) = seen_by(console, officer(), Group.OVER)
    assert first.state_name == "待核实（超时）"
    assert first.case_id in {view.case_id for view in seen_by(console, officer(), Group.NEW)}
    assert seen_by(console, officer(), Group.OUT) == []
    clock.forward(1801)
    console.desk.act_on_overdue(clock.moment)
    (again,) = seen_by(console, officer(), Group.OVER)
    assert again.overdue_since == first.overdue_since
    assert again.escalations == 2
    assert console.statistics.overdue("") == 1
    act(console, officer(), Action.ESCALATE)
    assert console.statistics.overdue("") == 1  # asking the next one is not acting
    act(console, officer(), Action.CONFIRM)
    assert console.statistics.overdue("") == 0


def test_two_passages_that_come_in_together_are_one_case(console: Console, clock: Clock):
    events = [event_of(at=clock.moment, checkpoint=name) for name in ("一号卡口", "二号卡口")]
    console.intake.take(events, clock.moment)
    assert [view.passages for view in seen_by(console, STREET_B)] == [2]
