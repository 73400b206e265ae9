"""No case gets lost on its way to a person: long lists, gaps in the line, held keys."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from console.cases.steps import Action, State
from tests.console_browser import LAPTOP
from tests.console_kit import event_of, officer
from tests.console_world import World, case_of, open_world, row_of
from tests.test_console_browser_desk import COUNT_TONES

ELSEWHERE = "二号卡口"


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    """A console without cases, for each test."""
    with open_world(redis_server, browser) as world:
        yield world


def passed(world: World, count: int, letter: str, checkpoint: str = "一号卡口", **changes: object) -> list[int]:
    """Let vehicles pass that no screen is told about; returns the cases' numbers."""
    now = datetime.now(UTC)
    events = [event_of(f"测{letter}{n:05}", now, checkpoint, **changes) for n in range(count)]  # type: ignore[arg-type]  # the fields are the caller's
    return list(world.console.intake.take(events, now).opened)


def problems_of(page: Page) -> list[int]:
    """Return the list of refused answers, which grows as they come."""
    found: list[int] = []
    page.on("response", lambda answer: found.append(answer.status) if answer.status >= 400 else None)
    return found


def wait_until(page: Page, is_true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_true():
            return
        page.wait_for_timeout(10)
    raise AssertionError("waited in vain")


# --- long lists


@pytest.mark.long
def test_a_filter_finds_the_one_case_that_waits_behind_hundreds_of_others(world: World):
    passed(world, 1, "A", ELSEWHERE)
    passed(world, 230, "B")
    context, page = world.open("officer", LAPTOP)
    refused = problems_of(page)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#rows .row")).to_have_count(100)
    page.select_option("#place", ELSEWHERE)
    expect(page.locator(row_of("测A00000"))).to_be_visible()
    expect(page.locator("#rows .row")).to_have_count(1)
    expect(page.locator("#older")).to_be_hidden()
    assert refused == []
    context.close()


def test_a_filter_is_asked_of_the_console_and_leaves_no_page_empty(world: World):
    passed(world, 1, "A", ELSEWHERE)
    passed(world, 230, "B")
    passed(world, 1, "C", ELSEWHERE)
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen?checkpoint={ELSEWHERE}")
    expect(page.locator(row_of("测C00000"))).to_be_visible()
    expect(page.locator(row_of("测A00000"))).to_be_visible()
    expect(page.locator("#older")).to_be_hidden()
    context.close()


@pytest.mark.long
def test_an_old_case_that_changes_does_not_hide_those_between_it_and_the_last_page(world: World):
    old = passed(world, 1, "A")[0]
    passed(world, 150, "B")
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#rows .row")).to_have_count(100)
    world.act(officer(), old, Action.CONFIRM)
    expect(page.locator(row_of("测A00000"))).to_be_visible()
    page.click("#older")
    expect(page.locator("#rows .row")).to_have_count(151)
    context.close()


@pytest.mark.long
def test_older_ones_are_read_on_where_the_next_page_is_on_the_screen_already(world: World):
    passed(world, 60, "A")
    changed = passed(world, 100, "B")
    passed(world, 100, "C")
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#rows .row")).to_have_count(100)
    world.console.hub.touch(changed)
    expect(page.locator("#rows .row")).to_have_count(200)
    page.click("#older")
    expect(page.locator("#rows .row")).to_have_count(260)
    context.close()


@pytest.mark.long
def test_nothing_is_called_normal_while_a_filter_is_set(world: World):
    passed(world, 3, "A")
    context, page = world.open("officer", LAPTOP)
    refused = problems_of(page)
    page.goto(f"{world.address}/screen?level=possible")
    expect(page.locator("#nothing")).to_have_text("在当前筛选条件下，暂无未办结的事件单。")
    assert refused == []
    context.close()


@pytest.mark.long
def test_rows_that_had_no_room_are_to_be_had_again_and_then_stay(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#nothing")).to_contain_text("有车辆预警时会立刻出现在这里")
    world.console.hub.touch(passed(world, 330, "A"))
    expect(page.locator(row_of("测A00329"))).to_be_visible()
    expect(page.locator("#rows .row")).to_have_count(300)
    page.click("#older")
    expect(page.locator("#rows .row")).to_have_count(330)
    world.send("测N00001")
    expect(page.locator(row_of("测N00001"))).to_be_visible()
    expect(page.locator(row_of("测A00000"))).to_have_count(1)
    context.close()


# --- gaps


def lose_the_line(world: World, page: Page) -> None:
    page.context.set_offline(True)
    world.console.hub.close()
    expect(page.locator("#banner")).to_contain_text("连接中断")


def listening(world: World, path: str = "/screen") -> Page:
    """Return a screen with its sound on."""
    _, page = world.open("officer", LAPTOP)
    page.add_init_script(COUNT_TONES)
    with page.expect_response(re.compile("/screen/(cases|search)")):  # asked for once the stream is open
        page.goto(f"{world.address}{path}")
    page.click("#mute")
    expect(page.locator("#mute")).to_have_text("声音开")
    return page


def test_a_hit_in_a_gap_of_the_stream_sounds_and_is_marked_when_the_line_is_back(world: World):
    page = listening(world)
    world.send("测G00001")
    expect(page.locator(row_of("测G00001"))).to_be_visible()
    assert page.evaluate("window.tones") == 2
    lose_the_line(world, page)
    passed(world, 2, "H")
    page.context.set_offline(False)
    expect(page.locator(row_of("测H00001"))).to_be_visible()
    for text, marks in (("测H00000", "fresh"), ("测H00001", "fresh"), ("测G00001", "")):
        assert ("fresh" in (page.locator(row_of(text)).get_attribute("class") or "")) is bool(marks), text
    assert page.evaluate("window.tones") == 4  # once for all that came
    page.click("#filters [data-group=new]")
    page.click("#filters [data-group=open]")
    expect(page.locator("#rows .row")).to_have_count(3)
    assert page.evaluate("window.tones") == 4
    page.context.close()


@pytest.mark.long
def test_a_hit_in_a_gap_sounds_also_where_finished_cases_are_on_the_screen(world: World):
    passed(world, 3, "A")  # known, and no news when the page opens
    page = listening(world, "/screen?group=done")
    world.send("测G00001")
    wait_until(page, lambda: page.evaluate("window.tones") == 2)
    lose_the_line(world, page)
    passed(world, 1, "H")
    page.context.set_offline(False)
    wait_until(page, lambda: page.evaluate("window.tones") == 4)
    page.context.close()


@pytest.mark.long
def test_what_was_told_while_the_list_was_on_its_way_sounds_once(world: World):
    page = listening(world)
    expect(page.locator("#nothing")).to_be_visible()
    held: list[Route] = []
    page.route("**/screen/cases?group=open", lambda route: held.append(route))
    lose_the_line(world, page)
    page.context.set_offline(False)
    wait_until(page, lambda: bool(held))
    world.send("测G00001")
    expect(page.locator(row_of("测G00001"))).to_be_visible()
    assert page.evaluate("window.tones") == 2
    with page.expect_response("**/screen/cases?group=open"):
        held[-1].continue_()
    page.unroute("**/screen/cases?group=open")
    world.send("测G00002", level="possible")
    expect(page.locator(row_of("测G00002"))).to_be_visible()
    assert page.evaluate("window.tones") == 3
    page.context.close()


@pytest.mark.long
@pytest.mark.parametrize("path", ["/screen", "/screen?level=possible"])
def test_an_open_case_shows_what_happened_to_it_in_a_gap(world: World, path: str):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测G00001")
    page.click(row_of("测G00001"))
    page.wait_for_selector(".case")
    case_id = case_of(page, "测G00001")
    if path != "/screen":
        page.click("#filters [data-level=possible]")  # the open case is not in the list
        expect(page.locator(row_of("测G00001"))).to_have_count(0)
    lose_the_line(world, page)
    world.act(officer(), case_id, Action.CONFIRM)
    page.context.set_offline(False)
    expect(page.locator(".case .title .state")).to_have_text("已确认")
    context.close()


@pytest.mark.long
def test_a_case_that_is_being_opened_is_not_covered_by_news_of_the_one_before(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    for text in ("测O00001", "测O00002"):
        world.send(text)
        page.wait_for_selector(row_of(text))
    page.click(row_of("测O00001"))
    page.wait_for_selector(".case")
    first, second = case_of(page, "测O00001"), case_of(page, "测O00002")
    held: list[Route] = []
    page.route(f"**/screen/cases/{second}", lambda route: held.append(route))
    page.click(row_of("测O00002"))
    wait_until(page, lambda: bool(held))
    world.act(officer(), first, Action.CONFIRM)
    expect(page.locator(row_of("测O00001")).locator(".state")).to_have_text("已确认")
    held[0].continue_()
    expect(page.locator(f".case[data-case='{second}']")).to_be_visible()
    context.close()


# --- keys


@pytest.mark.long
def test_a_key_that_is_held_down_is_one_step(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测E00001")
    page.click(row_of("测E00001"))
    page.wait_for_selector(".case")
    case_id = case_of(page, "测E00001")
    page.keyboard.down("e")
    expect(page.locator(".case .title .state")).to_have_text("待核实（已升级）")
    for _ in range(5):  # a key that is down already repeats
        page.keyboard.down("e")
    page.keyboard.up("e")
    world.send("测E00002")  # what comes after the steps that there might be
    page.wait_for_selector(row_of("测E00002"))
    steps = [step.action for step in world.console.cases.detail(officer(), case_id).steps]
    assert steps == ["预警到达", "升级"]
    context.close()


@pytest.mark.long
def test_a_key_held_on_a_closed_row_opens_it_and_does_nothing_to_it(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测E00001")
    page.wait_for_selector(row_of("测E00001"))
    page.keyboard.press("ArrowDown")
    page.keyboard.down("c")
    page.wait_for_selector(".case")
    for _ in range(5):
        page.keyboard.down("c")
    page.keyboard.up("c")
    world.send("测E00002")  # what comes after the steps that there might be
    page.wait_for_selector(row_of("测E00002"))
    assert world.state_of(case_of(page, "测E00001")) is State.NEW
    context.close()
