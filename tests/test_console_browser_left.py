"""A case that left a screen leaves it for good, and a warning that came late says so."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from console.cases.steps import Action, State
from console.types import Role
from tests.console_browser import LAPTOP, PHONE
from tests.console_kit import GRID_A, GRID_B, make_account, officer
from tests.console_world import World, case_of, open_world, row_of
from tests.test_console_browser_list import lose_the_line


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    """A console without cases, for each test."""
    with open_world(redis_server, browser) as world:
        yield world


def street_screen(world: World, text: str) -> tuple[Page, int]:
    """Return the screen of a street's officer with a confirmed case open on it."""
    make_account(world.console, "street", Role.OFFICER, GRID_A[:9])
    _, page = world.open("street", LAPTOP)
    page.goto(f"{world.address}/screen")
    for sent in (text, f"{text[:-1]}9"):
        world.send(sent)
        page.wait_for_selector(row_of(sent))
    page.click(row_of(text))
    page.wait_for_selector(".case")
    page.keyboard.press("c")
    expect(page.locator(".case .title .state")).to_have_text("已确认")
    return page, case_of(page, text)


def expect_left(page: Page, text: str) -> None:
    expect(page.locator("#toast")).to_have_text("已移交，不再属于您的辖区")
    expect(page.locator(row_of(text))).to_have_count(0)
    expect(page.locator(".case")).to_have_count(0)
    expect(page.locator("#rows .row")).to_have_count(1)


@pytest.mark.long
def test_a_case_that_a_colleague_hands_to_another_area_leaves_the_screen(world: World):
    page, case_id = street_screen(world, "测M00001")
    world.act(officer(), case_id, Action.ASSIGN, reason=GRID_B)
    world.console.hub.touch([case_id], may_have_left=True)
    expect_left(page, "测M00001")
    page.context.close()


@pytest.mark.long
def test_a_case_that_left_in_a_gap_does_not_stay_open(world: World):
    page, case_id = street_screen(world, "测M00001")
    lose_the_line(world, page)
    world.act(officer(), case_id, Action.ASSIGN, reason=GRID_B)
    page.context.set_offline(False)
    expect_left(page, "测M00001")
    page.context.close()


def test_handing_a_case_to_another_area_is_no_failure(world: World):
    page, case_id = street_screen(world, "测M00001")
    page.keyboard.press("a")
    page.select_option(".choices[data-for=assign] [name=unit]", GRID_B)
    page.click(".choices[data-for=assign] button.primary")
    expect_left(page, "测M00001")
    assert world.state_of(case_id) is State.ASSIGNED
    page.context.close()


def six_hours_late() -> dict[str, object]:
    passed_at = datetime.now(UTC) - timedelta(hours=6)
    return dict.fromkeys(("captured_at", "started_at", "arrived_at", "decided_at"), passed_at)


def test_a_warning_that_came_late_says_so_in_its_row_and_is_as_old_as_its_vehicle(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测T00001", **six_hours_late())
    world.send("测T00002")
    late, punctual = page.locator(row_of("测T00001")), page.locator(row_of("测T00002"))
    expect(late.locator(".late .chip")).to_have_text("迟到 6 小时，车辆早已离开")
    expect(late.locator(".age")).to_have_text("6 小时前")
    expect(punctual.locator(".late .chip")).to_be_hidden()
    expect(punctual.locator(".age")).to_contain_text("秒前")
    # Both in one look: a row that is drawn anew meanwhile is another element.
    right = "row => ['.late .chip', '.body'].map((part) => row.querySelector(part).getBoundingClientRect().right)"
    chip, body = page.evaluate(f"({right})(document.querySelector({json.dumps(row_of('测T00001'))}))")
    assert 0 < chip <= body, "it is read to its end"
    context.close()


@pytest.mark.long
def test_a_late_warning_says_so_on_the_phone_too(world: World):
    late = world.handed_out("测T00003", **six_hours_late())
    punctual = world.handed_out("测T00004")
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    card = page.locator(f".task[data-case='{late}']")
    expect(card.locator(".chip.warn")).to_have_text("迟到 6 小时，车辆早已离开")
    expect(card.locator(".age")).to_have_text("6 小时前")
    expect(page.locator(f".task[data-case='{punctual}'] .chip")).to_have_count(0)
    context.close()
