"""What arrives on the phone's page takes nothing away from under a thumb."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from console.cases.steps import Action, State
from tests.console_browser import PHONE
from tests.console_kit import GRID_A, GRID_B, officer
from tests.console_world import World

TAP_AS_IT_MOVES = """
(caseId) => {
  const box = document.getElementById("tasks"), card = box.querySelector(`[data-case="${caseId}"]`);
  const tap = () => card.querySelector(".accept").dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
  new MutationObserver((_, watch) => { watch.disconnect(); tap(); }).observe(box, { childList: true });
}
"""


def place_of(page: Page, case_id: int, part: str = "accept") -> float:
    box = page.locator(f".task[data-case='{case_id}'] .{part}").bounding_box()
    assert box is not None
    return box["y"]


def ask_anew(page: Page) -> None:
    page.evaluate("dispatchEvent(new Event('online'))")


def wait_for(page: Page, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def take_away(world: World, *case_ids: int) -> None:
    for case_id in case_ids:
        world.act(officer(), case_id, Action.ASSIGN, reason=GRID_B)


def test_a_card_that_is_looked_at_stays_where_it_is_when_one_above_it_goes_or_the_line_does(world: World):
    first, second, third = (world.handed_out(f"测S0000{number}") for number in (1, 2, 3))
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    page.locator(f".task[data-case='{third}'] .accept").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    before = place_of(page, third)
    take_away(world, first)
    ask_anew(page)
    expect(page.locator(f".task[data-case='{first}']")).to_have_count(0)
    assert abs(place_of(page, third) - before) < 2
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#line")).to_be_visible()
    assert abs(place_of(page, third) - before) < 2
    take_away(world, second, third)
    context.close()


@pytest.mark.long
def test_a_plate_picture_that_comes_late_or_is_missing_moves_neither_the_next_card_nor_the_form_below_it(world: World):
    first, second = (world.handed_out(f"测S0003{number}") for number in (1, 2))
    context, page = world.open("worker", PHONE)
    held: list[Route] = []
    page.route(re.compile(r"/plate(\?|$)"), lambda route: held.append(route))
    page.goto(f"{world.address}/m")
    page.click(f".task[data-case='{first}'] .accept")
    expect(page.locator(f".task[data-case='{first}'] .options")).to_be_visible()
    page.locator(f".task[data-case='{first}'] .how").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    picture = page.locator(f".task[data-case='{first}'] .near")

    def places() -> list[float]:
        return [place_of(page, first, "submit"), place_of(page, second)]

    before = places()
    held.pop().fulfill(status=404)
    expect(picture).to_be_hidden()
    assert places() == pytest.approx(before, abs=2)
    wait_for(page, lambda: bool(held))  # it is asked for again
    held.pop().continue_()
    expect(picture).to_be_visible()
    assert places() == pytest.approx(before, abs=2)
    take_away(world, first, second)
    context.close()


@pytest.mark.long
def test_a_card_that_comes_above_the_one_that_is_looked_at_moves_it_by_no_line(world: World):
    first, second, third = (world.handed_out(f"测S0004{number}") for number in (1, 2, 3))
    take_away(world, first)
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    page.locator(f".task[data-case='{third}'] .accept").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    before = place_of(page, third)
    world.act(officer(), first, Action.ASSIGN, reason=GRID_A)
    ask_anew(page)
    expect(page.locator(f".task[data-case='{first}']")).to_have_count(1)
    assert abs(place_of(page, third) - before) < 2
    take_away(world, first, second, third)
    context.close()


def test_a_tap_that_falls_just_as_its_card_moved_takes_no_other_task(world: World):
    first, second = (world.handed_out(f"测S0001{number}") for number in (1, 2))
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    expect(page.locator(".task .accept")).to_have_count(2)
    page.evaluate(TAP_AS_IT_MOVES, second)
    take_away(world, first)
    ask_anew(page)
    expect(page.locator("#toast")).to_have_text("任务刚刚移动了位置，请看清后再点一次。")
    assert world.state_of(second) is State.ASSIGNED
    page.wait_for_timeout(800)
    page.click(f".task[data-case='{second}'] .accept")
    expect(page.locator(f".task[data-case='{second}'] .options")).to_be_visible()
    take_away(world, second)
    context.close()


def test_a_picture_that_comes_late_moves_nothing_below_it(world: World):
    task = world.handed_out("测S00021")
    context, page = world.open("worker", PHONE)
    held: list[Route] = []
    for name in ("vehicle", "plate"):
        page.route(f"**/{name}", lambda route: held.append(route))
    page.goto(f"{world.address}/m")
    page.click(f".task[data-case='{task}'] .accept")
    card = page.locator(f".task[data-case='{task}']")
    picture, plate = card.locator(".photo"), card.locator(".near")
    expect(page.locator(f".task[data-case='{task}'] .options")).to_be_visible()
    picture.evaluate("figure => figure.scrollIntoView()")
    images = (picture.locator("img"), plate)
    before = (picture.bounding_box(), plate.bounding_box())
    assert None not in before
    for image in images:
        expect(image).to_have_js_property("naturalWidth", 0)
    for route in held:
        route.continue_()
    for image in images:
        expect(image).not_to_have_js_property("naturalWidth", 0)
    assert (picture.bounding_box(), plate.bounding_box()) == before
    take_away(world, task)
    context.close()
