"""What a grid worker did without a line comes later: the record holds when he did it, and when it came."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from console.cases.phone_time import PhoneTime
from console.cases.steps import Action
from console.parts import Console
from console.reports.trends import trends
from console.situation.statistics import local_day
from console.types import Role
from tests.console_app import app_of
from tests.console_browser import LAPTOP, PHONE, lose_line_with_shell_kept
from tests.console_kit import GRID_A, START, Clock, client_of, event_of, make_account, officer, take_case
from tests.console_world import World, open_world

DESK = officer()
HOUR = timedelta(hours=1)
NOTE = "13:00 上门，没有到过"


@pytest.fixture
def phone(console: Console) -> TestClient:
    """The phone of a worker who has taken a case."""
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    take_case(console, worker)
    return client_of(app_of(console), console, "worker")


def sent(phone: TestClient, done_at: datetime, sent_at: datetime, **changes: object) -> None:
    body = {"action": "close", "reason": "transit", "note": NOTE} | changes
    times = {"done_at": done_at.isoformat(), "sent_at": sent_at.isoformat()}
    assert phone.post("/m/tasks/1/step", json=body | times).status_code == 200


def test_a_step_that_waited_on_a_phone_is_told_with_when_it_was_done_and_when_it_came(
    console: Console, phone: TestClient, clock: Clock
):
    clock.forward(3 * 3600)
    sent(phone, START + HOUR, clock())
    detail = console.cases.detail(DESK, 1)
    assert [(step.done_at, step.at, step.phone_at) for step in detail.steps][-1] == (START + HOUR, clock(), None)
    assert [step.done_at for step in detail.steps[:-1]] == [None] * 4
    assert (detail.view.done_at, detail.view.finished_at) == (START + HOUR, clock())
    day = local_day(START)
    assert trends(console.database, day, day + timedelta(days=1)).whole.close_s == [3600.0]
    make_account(console, "officer", Role.OFFICER)
    desk = client_of(app_of(console), console, "officer")
    assert "11-24 13:00:00 办理，晚 2 小时送达" in desk.get("/screen/cases/1").text
    with zipfile.ZipFile(io.BytesIO(desk.get("/cases.xlsx?group=done").content)) as book:
        assert "办理时间" in book.read("xl/sharedStrings.xml").decode()


@pytest.mark.parametrize(
    ("wrong", "put_right"), [(timedelta(days=1), False), (timedelta(days=-20_000), False), (timedelta(days=1), True)]
)
def test_a_phone_whose_clock_is_wrong_is_told_and_done_is_neither_before_the_case_nor_in_the_future(
    console: Console, phone: TestClient, clock: Clock, wrong: timedelta, put_right: bool
):
    clock.forward(3 * 3600)
    sent(phone, START + HOUR + wrong, clock() + (timedelta(0) if put_right else wrong))
    step = console.cases.detail(DESK, 1).steps[-1]
    assert (step.done_at, step.at) == (None if put_right else START + HOUR, clock())
    assert step.phone_at is not None
    make_account(console, "officer", Role.OFFICER)
    page = client_of(app_of(console), console, "officer").get("/screen/cases/1").text
    assert "手机时钟不准（报 " in page


def test_of_any_two_times_a_moment_of_the_case_is_made():
    ends = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), START, START + HOUR)
    for done_at in ends:
        for sent_at in ends:
            found = PhoneTime(done_at, sent_at)
            assert START <= found.by_our_clock(START, START + HOUR) <= START + HOUR
            assert 1970 <= found.said_at.year <= 2200


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    with open_world(redis_server, browser) as world:
        yield world


def test_the_phone_says_when_a_waiting_step_was_done_and_the_desk_reads_both_times(world: World):
    now = datetime.now(UTC)
    case_id = world.console.intake.take([event_of("测P00031", now - 3 * HOUR)], now - 3 * HOUR).opened[0]
    for action in (Action.CONFIRM, Action.ASSIGN):
        world.act(officer(), case_id, action)
    context, page = world.open("worker", PHONE)
    page.clock.install(time=now - 2 * HOUR)
    page.goto(f"{world.address}/m")
    card = page.locator(f".task[data-case='{case_id}']")
    card.locator(".accept").click()
    card.locator("label:has-text('过境未停留')").click()
    lose_line_with_shell_kept(page)
    card.locator(".submit").click()
    expect(card.locator(".sent")).to_contain_text("办的），连上系统后自动上传")
    page.clock.set_system_time(now)
    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(card).to_have_count(0)
    desk_context, desk = world.open("officer", LAPTOP)
    desk.goto(f"{world.address}/screen?case={case_id}")
    expect(desk.locator(".timeline li").last).to_contain_text(re.compile("办理，晚 .*送达"))
    desk_context.close()
    context.close()
