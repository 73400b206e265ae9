"""The phone at the edges: log-ins that end, pages without a line, second windows; in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from console.cases.steps import Action, State
from console.store.people_tables import AccountRow
from console.types import Role
from tests.console_browser import PHONE, lose_line_with_shell_kept, use_cookie, wait_for_value
from tests.console_kit import GRID_A, GRID_B, make_account, officer, session_token
from tests.console_world import World, open_world
from tests.picture_kit import jpeg

HOLD_ON = """
new Promise((done) => {
  indexedDB.open("kakou-phone").onsuccess = (event) => { window.held = event.target.result; done(); };
})
"""


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    """A console without cases, for each test."""
    with open_world(redis_server, browser) as world:
        yield world


def call_alike(world: World, username: str, other: str) -> None:
    with world.console.database.writing() as session:
        rows = {row.username: row for row in session.scalars(select(AccountRow))}
        rows[username].display_name = rows[other].display_name


def answered(page: Page, case_id: int, photo: Path) -> None:
    card = page.locator(f".task[data-case='{case_id}']")
    card.locator("label:has-text('过境未停留')").click()
    card.locator(".extra summary").click()
    card.locator("input[type=file]").set_input_files(photo)
    card.locator(".submit").click()
    expect(card.locator(".sent")).to_be_visible()


def taken(world: World, text: str, photo: Path) -> tuple[Page, int]:
    """Return the phone of a worker who took a case; writes the photo."""
    photo.write_bytes(jpeg(photo.parent))
    case_id = world.handed_out(text)
    _, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    page.locator(f".task[data-case='{case_id}'] .accept").click()
    expect(page.locator(f".task[data-case='{case_id}'] .options")).to_be_visible()
    return page, case_id


def expect_sent_with_photo(world: World, page: Page, case_id: int) -> None:
    page.evaluate("dispatchEvent(new Event('online'))")  # looks again now, and not in ten seconds
    expect(page.locator(f".task[data-case='{case_id}']")).to_have_count(0)
    detail = world.console.cases.detail(officer(), case_id)
    assert (detail.view.state, len(detail.photos)) == (State.CLOSED, 1)


@pytest.mark.parametrize("status", [pytest.param(401, marks=pytest.mark.long), 403])
def test_a_photo_outlives_a_log_in_that_ended(world: World, tmp_path: Path, status: int):
    page, case_id = taken(world, "测P00001", tmp_path / "photo.jpg")
    page.route("**/photo", lambda route: route.fulfill(status=status, json={"message": "页面已过期"}))
    answered(page, case_id, tmp_path / "photo.jpg")
    assert world.state_of(case_id) is State.ACCEPTED
    page.unroute("**/photo")
    expect_sent_with_photo(world, page, case_id)
    page.context.close()


@pytest.mark.long
def test_a_page_opened_without_a_line_sends_nothing_before_it_knows_who_sends(world: World, tmp_path: Path):
    page, case_id = taken(world, "测P00002", tmp_path / "photo.jpg")
    wait_for_value(page, "navigator.serviceWorker.controller !== null")
    page.reload()  # the shell is kept
    expect(page.locator(f".task[data-case='{case_id}'] .options")).to_be_visible()
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#line")).to_contain_text("没有信号")
    page.route("**/m/tasks", lambda route: route.abort())
    page.context.set_offline(False)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    answered(page, case_id, tmp_path / "photo.jpg")
    assert posted == []
    page.unroute("**/m/tasks")
    expect_sent_with_photo(world, page, case_id)
    page.context.close()


@pytest.mark.long
def test_logging_out_works_with_a_second_window_open_and_closes_that_too(world: World):
    case_id = world.handed_out("测P00003")
    context, page = world.open("worker", PHONE)
    other = context.new_page()
    for window in (page, other):
        window.goto(f"{world.address}/m")
        expect(window.locator(f".task[data-case='{case_id}']")).to_be_visible()
    page.bring_to_front()
    page.click(".more summary")
    page.click("#logout button")
    page.wait_for_url("**/login")
    other.wait_for_url("**/login?next=/m")
    assert page.evaluate("indexedDB.databases()") == []
    context.close()


@pytest.mark.long
def test_logging_out_waits_no_longer_than_two_seconds_for_a_window_that_holds_on(world: World):
    case_id = world.handed_out("测P00004")
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    expect(page.locator(f".task[data-case='{case_id}']")).to_be_visible()
    other = context.new_page()  # a page of an older version
    other.goto(f"{world.address}/login")
    other.evaluate(HOLD_ON)
    page.bring_to_front()
    page.click(".more summary")
    page.click("#logout button")
    page.wait_for_url("**/login", timeout=10_000)
    context.close()


def test_two_workers_of_one_name_on_one_phone_do_not_send_each_others_steps(world: World, tmp_path: Path):
    page, case_id = taken(world, "测P00005", tmp_path / "photo.jpg")
    make_account(world.console, "namesake", Role.WORKER, GRID_A)
    call_alike(world, "namesake", "worker")
    lose_line_with_shell_kept(page)
    answered(page, case_id, tmp_path / "photo.jpg")
    use_cookie(page.context, world.address, session_token(world.console, "namesake"))
    page.context.set_offline(False)
    page.goto(f"{world.address}/m")
    expect(page.locator("#waiting")).to_contain_text("另一位网格员没有办完的 1 条")
    assert world.state_of(case_id) is State.ACCEPTED
    use_cookie(page.context, world.address, world.tokens["worker"])
    page.reload()
    expect(page.locator("#toast")).to_contain_text("结果已送达")
    expect_sent_with_photo(world, page, case_id)
    expect(page.locator("#waiting")).to_be_hidden()
    page.context.close()


def test_a_result_that_comes_after_the_case_was_closed_or_given_to_others_is_kept_as_a_remark(
    world: World,
):
    case_ids = [world.handed_out(text) for text in ("测P00006", "测P00007")]
    _, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    for case_id in reversed(case_ids):  # the lower card first: a tap on one that has just moved does not count
        page.locator(f".task[data-case='{case_id}'] .accept").click()
        expect(page.locator(f".task[data-case='{case_id}'] .options")).to_be_visible()
    page.context.set_offline(True)
    for case_id in case_ids:
        page.locator(f".task[data-case='{case_id}'] label:has-text('属实')").click()
        page.locator(f".task[data-case='{case_id}'] .submit").click()
    world.act(officer(), case_ids[0], Action.CLOSE, reason="transit")
    world.act(officer(), case_ids[1], Action.ASSIGN, reason=GRID_B)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    told = page.locator("#waiting .note")
    expect(told.nth(0)).to_contain_text("值班员101 已执行“结案”，事件单现在是“已办结”，不再是您的任务")
    expect(told.nth(1)).to_contain_text("值班员101 已执行“派单”，事件单现在是“已派单”，不再是您的任务")
    expect(told.nth(1)).to_contain_text("您选的结果：属实")
    expect(told.nth(1)).to_contain_text(re.compile("^测P00007（一号卡口，.*）：.*已作为“事后补记”记入事件单"))
    notes = [world.console.cases.detail(officer(), case_id).steps[-1].action for case_id in case_ids]
    assert notes == ["事后补记"] * 2
    page.context.close()


def test_on_a_narrow_phone_with_large_letters_nothing_of_a_task_stands_beside_the_screen(world: World):
    case_id = world.handed_out("测P00008")
    _, page = world.open("worker", (320 * 2 // 3, 640 * 2 // 3))  # 150 %
    page.goto(f"{world.address}/m")
    page.locator(f".task[data-case='{case_id}'] .accept").click()
    expect(page.locator(f".task[data-case='{case_id}'] .options")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 213
    plate = page.locator(f".task[data-case='{case_id}'] kk-plate").bounding_box()
    assert plate
    assert plate["x"] + plate["width"] <= 213
    assert plate["height"] < 50, "a plate is one line"
    page.context.close()
