"""The console in a real browser: from the event to the closed case."""

import re
from datetime import UTC, datetime
from pathlib import Path

import redis
from playwright.sync_api import Browser, expect

from console.cases.steps import State
from tests.console_browser import LAPTOP, PHONE, log_in, lose_line_with_shell_kept, open_context
from tests.console_kit import PASSWORD, code_for, open_console, served
from tests.console_world import World, case_of
from tests.picture_kit import write_pictures


def test_from_log_in_to_closed_over_a_line_that_breaks(world: World):
    desk = open_context(world.browser, LAPTOP)
    screen = desk.new_page()
    log_in(screen, world.address, "officer", "/screen")
    world.send("测A3B825", **write_pictures(world.folder, "测A3B825"))
    screen.click(".row:has(kk-plate[data-text='测A3B825'])")
    screen.wait_for_selector(".case")
    case_id = case_of(screen, "测A3B825")
    screen.keyboard.press("c")
    screen.wait_for_selector("[data-act=assign]")
    screen.keyboard.press("a")
    screen.click(".choices[data-for=assign] button.primary")
    screen.wait_for_selector(".case .state:has-text('已派单')")

    context, phone = world.open("worker", PHONE)
    phone.goto(f"{world.address}/m")
    card = phone.locator(f".task[data-case='{case_id}']")
    expect(card.locator("kk-plate")).to_have_attribute("data-text", re.compile("测A•+5"))
    card.locator(".accept").click()
    card = phone.locator(f".task[data-case='{case_id}']")
    expect(card.locator("kk-plate")).to_have_attribute("data-text", "测A3B825")
    lose_line_with_shell_kept(phone)
    card.locator("label:has-text('属实')").click()
    card.locator(".submit").click()
    expect(phone.locator(f".task[data-case='{case_id}'] .sent")).to_contain_text("连上系统后自动上传")
    phone.reload()  # the page itself comes back from the shell that was kept
    expect(phone.locator(f".task[data-case='{case_id}'] .sent")).to_contain_text("连上系统后自动上传")
    assert world.state_of(case_id) is State.ACCEPTED
    context.set_offline(False)
    expect(phone.locator(f".task[data-case='{case_id}']")).to_have_count(0, timeout=15000)
    assert world.state_of(case_id) is State.CLOSED
    expect(screen.locator(".case .state")).to_contain_text("已办结")
    context.close()
    desk.close()


def test_of_two_officers_on_one_case_one_wins_and_the_other_is_told(world: World):
    pages = [world.open(name, LAPTOP) for name in ("officer", "second")]
    for _, page in pages:
        page.goto(f"{world.address}/screen")
    world.send("测C70007")
    for _, page in pages:
        page.click(".row:has(kk-plate[data-text='测C70007'])")
        page.wait_for_selector(".case")
    (_, first), (_, second) = pages
    second.keyboard.press("r")
    second.wait_for_selector(".choices[data-for=reject]:not([hidden])")
    first.keyboard.press("c")
    first.wait_for_selector(".case .state:has-text('已确认')")
    second.keyboard.press("1")
    expect(second.locator("#toast")).to_contain_text("officer 先您一步执行了“人工确认”")
    expect(second.locator(".case .state")).to_contain_text("已确认")
    assert world.state_of(case_of(first, "测C70007")) is State.CONFIRMED
    for context, _ in pages:
        context.close()


def test_a_lost_stream_dims_the_screen_under_a_banner_and_catches_up(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测D11111")
    page.wait_for_selector("kk-plate[data-text='测D11111']")
    context.set_offline(True)
    world.console.hub.close()  # every stream ends, as when the server restarts
    page.evaluate("fetch('/healthz').catch(() => 0)")
    world.send("测D22222")
    expect(page.locator("#banner")).to_contain_text("连接中断")
    expect(page.locator("kk-plate[data-text='测D11111']").first).to_be_visible()
    context.set_offline(False)
    page.wait_for_selector("kk-plate[data-text='测D22222']", timeout=15000)
    expect(page.locator("#banner")).to_be_hidden()
    context.close()


def test_the_first_administrator_is_made_in_the_browser(browser: Browser, redis_client: redis.Redis, tmp_path: Path):
    console = open_console(tmp_path, redis_client, lambda: datetime.now(UTC))
    with served(console) as address:
        context = open_context(browser, PHONE)
        page = context.new_page()
        page.goto(f"{address}/setup/{console.accounts.first_link(datetime.now(UTC))}")
        page.fill("#username", "chief")
        page.fill("#password", PASSWORD)
        page.fill("#again", PASSWORD)
        page.fill("#code", code_for(page.inner_text("#totp-secret"), datetime.now(UTC)))
        page.click("button.primary")
        expect(page.locator("h1")).to_have_text("好了")
        context.close()
