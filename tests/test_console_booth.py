"""Cases that a checkpoint's own people close: the desk counts them, and gets what they leave."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from alerts.envelope import to_cloudevent
from alerts.flagged import FlaggedEvent
from alerts.stream import STREAM_KEY
from console.cases.booth import BoothWords
from console.cases.filtering import CaseFilter, Group
from console.cases.steps import Action, State
from console.parts import Console
from console.situation.statistics import local_day
from console.types import ConsoleError, Role
from tests.booth_kit import handled_of, say_at_booth
from tests.console_kit import Clock, act, event_of, make_account, officer, open_console, state_of

HOLD = timedelta(minutes=5)


@pytest.fixture
def console(tmp_path: Path, redis_url: str, clock: Clock) -> Iterator[Console]:
    console = open_console(tmp_path, redis.Redis.from_url(redis_url), clock)
    yield console
    console.database.close()


def flagged(
    console: Console, clock: Clock, text: str = "测A12345", checkpoint: str = "一号卡口", late_s: float = 0
) -> FlaggedEvent:
    """A listed vehicle passes where somebody has the booth page open."""
    at = clock.moment - timedelta(seconds=late_s)
    event = event_of(text, at, checkpoint, booth_until=at + HOLD)
    console.intake.take([event], clock.moment)
    return event


def desk_sees(console: Console, group: Group = Group.OPEN) -> list[str]:
    return [view.plate_text for view in console.cases.found(officer(), CaseFilter(group), 100)]


def counted(console: Console, clock: Clock) -> tuple[int, int, int]:
    day = console.statistics.counts(local_day(clock.moment), clock.moment + timedelta(hours=1))
    return day.at_booth, day.booth_closed, day.waiting


def test_what_the_booth_closes_never_stands_in_the_desks_queue_and_is_counted(console: Console, clock: Clock):
    event = flagged(console, clock)
    assert (desk_sees(console), desk_sees(console, Group.NEW), desk_sees(console, Group.BOOTH)) == (
        [],
        [],
        [event.text],
    )
    assert counted(console, clock) == (1, 0, 0)
    clock.forward(20)
    assert say_at_booth(console, event, "turned_back") == []  # no screen is told
    assert (desk_sees(console), counted(console, clock)) == ([], (0, 1, 0))
    view = console.cases.detail(officer(), 1)
    assert (view.view.state, view.view.result) == (State.CLOSED, "卡口劝返")
    assert view.steps[-1].actor == "一号平板 王某"
    clock.forward(3600)
    console.desk.act_on_overdue(clock.moment)
    assert desk_sees(console) == []


def test_what_the_booth_leaves_for_too_long_becomes_the_desks_on_top_and_new(console: Console, clock: Clock):
    flagged(console, clock)
    console.intake.take(
        [event_of("测B00001", clock.moment + timedelta(seconds=1))], clock.moment + timedelta(seconds=1)
    )
    clock.forward(HOLD.total_seconds() - 1)
    assert console.desk.act_on_overdue(clock.moment) == [2]  # held; the other one is past its minute
    clock.forward(2)
    assert console.desk.act_on_overdue(clock.moment) == [1]
    assert desk_sees(console) == ["测A12345", "测B00001"]
    assert state_of(console, 1) is State.NEW


def test_a_late_word_closes_what_nobody_at_the_desk_has_confirmed(console: Console, clock: Clock):
    first, second = flagged(console, clock), flagged(console, clock, "测B00001")
    clock.forward(HOLD.total_seconds() + 1)
    console.desk.act_on_overdue(clock.moment)
    act(console, officer(), Action.CONFIRM, 2)
    assert say_at_booth(console, first, "misread") == [1]
    assert say_at_booth(console, second) == [2]
    assert (state_of(console, 1), state_of(console, 2)) == (State.REJECTED, State.CONFIRMED)
    assert "卡口补报" in [step.action for step in console.cases.detail(officer(), 2).steps]


def test_a_vehicle_that_drives_on_past_its_booth_is_the_desks_and_an_earlier_word_does_not_close_it(
    console: Console, clock: Clock
):
    event = flagged(console, clock)
    clock.forward(60)
    console.intake.take([event_of("测A12345", clock.moment, "二号卡口")], clock.moment)
    assert state_of(console) is State.NEW
    say_at_booth(console, event)
    assert state_of(console) is State.NEW


def test_after_a_cut_line_the_words_come_with_their_vehicles_and_the_desk_is_not_disturbed(
    console: Console, clock: Clock, redis_client: "redis.Redis"
):
    for number in range(3):
        event = event_of(f"测A0000{number}", clock.moment - timedelta(hours=2), booth_until=clock.moment - HOLD)
        for each in (event, handled_of(event, clock.moment)):
            redis_client.xadd(STREAM_KEY, {"event_id": each.event_id, "event": to_cloudevent(each)})
    told: list[set[int]] = []
    console.feed._touch = lambda ids: told.append(set(ids))
    while console.feed.step():
        pass
    assert [ids for ids in told if ids] == []
    assert [state_of(console, number) for number in (1, 2, 3)] == [State.CLOSED] * 3
    late = flagged(console, clock, "测C00001", late_s=7200)
    assert (late.booth_until, state_of(console, 4)) == (clock.moment - timedelta(hours=2) + HOLD, State.AT_BOOTH)
    clock.forward(16)
    assert console.desk.act_on_overdue(clock.moment) == [4]


def test_a_box_whose_clock_is_fast_keeps_nothing_from_the_desk_for_longer(console: Console, clock: Clock):
    flagged(console, clock, late_s=-86400)
    clock.forward(HOLD.total_seconds() + 1)
    assert console.desk.act_on_overdue(clock.moment) == [1]


def test_a_word_is_taken_once_and_can_be_taken_back_by_the_booth(console: Console, clock: Clock):
    event = flagged(console, clock)
    said = handled_of(event, clock.moment)
    words = BoothWords(console.database, console.audit, console.desk)
    words.take([said, said], clock.moment)
    clock.forward(5)
    say_at_booth(console, event, "misread")
    assert (state_of(console), console.cases.detail(officer(), 1).view.result) == (State.REJECTED, "误读")
    assert [step.action for step in console.cases.detail(officer(), 1).steps] == ["预警到达", "卡口处置", "卡口补报"]
    with console.database.reading() as session:
        assert console.audit.verify(session) == []


def test_a_desk_officer_can_take_a_case_over_from_the_booth(console: Console, clock: Clock):
    flagged(console, clock)
    act(console, officer(), Action.HAND_UP)
    act(console, officer(), Action.CONFIRM)
    assert state_of(console) is State.CONFIRMED


def test_the_booth_has_no_account_and_the_desk_cannot_say_its_words(console: Console, clock: Clock):
    with pytest.raises(ConsoleError, match="配对设备"):
        make_account(console, "booth", Role.BOOTH)
    flagged(console, clock)
    act(console, officer(), Action.HAND_UP)
    act(console, officer(), Action.CONFIRM)
    with pytest.raises(ConsoleError, match="核实结果"):
        act(console, officer(), Action.CLOSE, reason="passed")
