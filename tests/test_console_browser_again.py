"""A listed vehicle that comes again, and a limit that runs out: they alarm like the first time, in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from console.cases.steps import Action
from console.types import Role
from tests.console_browser import LAPTOP, PHONE, wait_for_value
from tests.console_kit import GRID_A, GRID_B, event_of, make_account, officer
from tests.console_world import World, case_of, open_world, row_of
from tests.test_console_browser_desk import COUNT_TONES


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    """A console where passages join for half an hour, as in the field."""
    with open_world(redis_server, browser, attach_minutes=30) as world:
        yield world


def listening(world: World, username: str) -> Page:
    _, page = world.open(username, LAPTOP)
    page.add_init_script(COUNT_TONES)
    page.goto(f"{world.address}/screen")
    page.click("#mute")
    expect(
        page.locator("#rows .row, #nothing:not([hidden])").first
    ).to_be_visible()  # what the first list brings is no news
    return page


def tones_reach(page: Page, count: int) -> None:
    wait_for_value(page, f"window.tones >= {count}")
    assert page.evaluate("window.tones") == count


def test_a_second_passage_sounds_in_both_areas_and_goes_to_the_top(world: World):
    for name, scope in (("street_a", GRID_A[:9]), ("street_b", GRID_B[:9])):
        make_account(world.console, name, Role.OFFICER, scope)
    first, second = listening(world, "street_a"), listening(world, "street_b")
    began = datetime.now(UTC) - timedelta(minutes=12)
    world.send("测A00001", started_at=began, captured_at=began, arrived_at=began, decided_at=began)
    expect(first.locator(row_of("测A00001"))).to_be_visible()
    world.send("测A00002", level="possible")
    expect(first.locator("#rows .row").first.locator("kk-plate")).to_have_attribute("data-text", "测A00002")
    tones_reach(first, 3)
    assert second.evaluate("window.tones") == 0
    world.send("测A00001", checkpoint="二号卡口")
    for page, tones in ((first, 5), (second, 2)):
        expect(page.locator("#rows .row").first.locator("kk-plate")).to_have_attribute("data-text", "测A00001")
        expect(page.locator("#rows .row").first.locator(".again")).to_contain_text("第 2 次，自一号卡口 12 分")
        tones_reach(page, tones)
    world.act(officer(), case_of(first, "测A00001"), Action.CONFIRM)
    expect(second.locator(row_of("测A00001")).locator(".state")).to_have_text("已确认")
    assert second.evaluate("window.tones") == 2  # a colleague's step is no news
    second.locator(row_of("测A00001")).click()
    expect(second.locator(".case .again")).to_contain_text("第 2 次，自一号卡口 12 分")
    first.context.close()
    second.context.close()


def test_a_rejected_plate_that_comes_back_says_what_was_said_of_it(world: World):
    at = datetime.now(UTC) - timedelta(minutes=3)
    case_id = world.console.intake.take([event_of("测A00003", at)], at).opened[0]
    world.act(officer(), case_id, Action.REJECT, reason="misread")
    page = listening(world, "officer")
    world.send("测A00003")
    expect(page.locator(row_of("测A00003")).locator(".again")).to_contain_text("自一号卡口 3 分")
    expect(page.locator(row_of("测A00003")).locator(".again")).to_contain_text("当时：误读")
    tones_reach(page, 2)
    page.context.close()


@pytest.mark.long
def test_a_row_past_its_limit_sounds_again_is_counted_and_is_louder_than_before(redis_server: str, browser: Browser):
    with open_world(redis_server, browser, confirm_timeout_s=2) as world:
        expect_louder(world)


def expect_louder(world: World) -> None:
    page = listening(world, "officer")
    world.send("测A00004")
    row = page.locator(row_of("测A00004"))
    expect(row).to_be_visible()
    tones_reach(page, 2)
    calm = row.evaluate("row => getComputedStyle(row).backgroundColor")
    expect(row.locator(".state")).to_have_text("待核实（超时）")
    tones_reach(page, 4)
    expect(page.locator("#over.some dd")).to_have_text("1")
    page.click("#filters [data-group=out]")
    expect(page.locator("#nothing")).to_have_text("暂无派出的事件单。")
    page.click("#filters [data-group=over]")
    expect(row).to_be_visible()
    assert row.evaluate("row => getComputedStyle(row).backgroundColor") != calm
    world.act(officer(), case_of(page, "测A00004"), Action.CONFIRM)
    expect(row).to_have_count(0)
    expect(page.locator("#over.some")).to_have_count(0)
    page.context.close()


def test_the_link_of_a_message_opens_the_case_on_the_screen(world: World):
    event = world.send("测A00005")
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator(row_of("测A00005"))).to_be_visible()
    page.goto(f"{world.address}/events/{event.event_id}")
    expect(page.locator(".case kk-plate").first).to_have_attribute("data-text", "测A00005")
    assert "case=" not in page.url
    context.close()


@pytest.mark.long
def test_the_link_of_a_message_shows_the_task_on_the_phone(world: World):
    case_id = world.handed_out("测A00006")
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m?case={case_id}")
    expect(page.locator(f".task.linked[data-case='{case_id}']")).to_be_in_viewport()
    page.goto(f"{world.address}/m?case=999")
    expect(page.locator("#toast")).to_contain_text("不在您的任务里")
    context.close()
