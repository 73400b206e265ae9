"""A line that accepts and never answers, in a real browser: nobody's hands stay tied, and nothing happens twice."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from console.cases.steps import State
from tests.console_browser import LAPTOP, PHONE, wait_for_value
from tests.console_kit import officer
from tests.console_world import World, row_of
from tests.silent_line import Line, open_line

PATIENCE = """
const wait = AbortSignal.timeout.bind(AbortSignal);
window.waits = [];
AbortSignal.timeout = (ms) => {{ window.waits.push(ms); return wait(ms / {shorter}); }};
"""
"""The pages wait as long as they say, by a faster clock."""
LOOK_AGAIN = "dispatchEvent(new Event('online'))"


@pytest.fixture(scope="module")
def line(world: World) -> Iterator[Line]:
    with open_line(world.address) as line:
        yield line


def steps_of(world: World, case_id: int) -> list[str]:
    return [step.action for step in world.console.cases.detail(officer(), case_id).steps]


def expect_done_once(world: World, page: Page, line: Line, case_id: int, done: str) -> None:
    """The line speaks again: what was kept is sent."""
    line.carries_there = line.carries_back = True
    page.evaluate(LOOK_AGAIN)
    expect(page.locator(f".task[data-case='{case_id}'] .sent:not([hidden])")).to_have_count(0)
    assert steps_of(world, case_id).count(done) == 1


def test_a_step_on_a_silent_line_is_given_up_kept_and_done_once(world: World, line: Line):
    case_id = world.handed_out("测S00001")
    context, page = world.open("worker", PHONE)
    page.add_init_script(PATIENCE.format(shorter=10))
    page.goto(f"{line.address}/m")
    card = page.locator(f".task[data-case='{case_id}']")
    line.carries_back = False  # the console hears and does it; its answer is lost
    card.locator(".accept").click()
    expect(card.locator(".sent")).to_have_text(
        re.compile(r"^接单已存在手机里（\d+:\d\d:\d\d 办的），连上系统后自动上传。$")
    )
    expect(page.locator("#toast")).to_have_text("没有信号，已存在手机里，有信号后自动上传。")
    assert page.evaluate("Math.max(...window.waits)") == 15000
    assert world.state_of(case_id) is State.ACCEPTED
    expect_done_once(world, page, line, case_id, "接单")
    card.locator("label:has-text('属实')").click()
    line.carries_there = False  # the console hears nothing
    page.evaluate("document.getElementById('toast').textContent = ''")
    card.locator(".submit").click()
    expect(card.locator(".sent")).to_have_text(
        re.compile(r"^结果已存在手机里（\d+:\d\d:\d\d 办的），连上系统后自动上传。$")
    )
    expect(page.locator("#toast")).to_have_text("没有信号，已存在手机里，有信号后自动上传。")
    assert world.state_of(case_id) is State.ACCEPTED
    expect_done_once(world, page, line, case_id, "结案")
    assert world.state_of(case_id) is State.CLOSED
    context.close()


@pytest.mark.long
def test_an_officers_key_on_a_silent_line_is_given_up_and_pressed_again_is_one_step(world: World, line: Line):
    world.send("测S00002")
    context, page = world.open("officer", LAPTOP)
    page.add_init_script(PATIENCE.format(shorter=3))  # reading the case has to end within it, on a full machine too
    page.goto(f"{line.address}/screen")
    page.click(row_of("测S00002"))
    case_id = int(page.locator(".case").get_attribute("data-case") or 0)
    line.carries_back = False
    page.keyboard.press("c")
    expect(page.locator("#toast")).to_have_text("系统 15 秒没有应答，不知道操作有没有送达。请再按一次，不会重复。")
    line.carries_back = True
    page.keyboard.press("c")
    expect(page.locator(".case [data-act=assign]")).to_be_visible()
    assert steps_of(world, case_id).count("人工确认") == 1
    context.close()


@pytest.mark.long
def test_the_kept_page_opens_on_a_silent_line(world: World, line: Line):
    case_id = world.handed_out("测S00003")
    context, page = world.open("worker", PHONE)
    page.goto(f"{line.address}/m")
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    wait_for_value(page, "caches.match('/m').then(Boolean)")
    expect(page.locator(f".task[data-case='{case_id}']")).to_be_visible()
    line.carries_back = False
    page.reload()
    expect(page.locator(f".task[data-case='{case_id}']")).to_be_visible()
    line.carries_back = True
    context.close()
