"""What arrives on the phone's page takes nothing away from under a thumb."""

from playwright.sync_api import Page, Route, expect

from console.cases.steps import Action, State
from tests.console_browser import PHONE
from tests.console_kit import GRID_B, officer
from tests.console_world import World

TAP_AS_IT_MOVES = """
(caseId) => {
  const box = document.getElementById("tasks"), card = box.querySelector(`[data-case="${caseId}"]`);
  const tap = () => card.querySelector(".accept").dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
  new MutationObserver((_, watch) => { watch.disconnect(); tap(); }).observe(box, { childList: true });
}
"""


def place_of(page: Page, case_id: int) -> float:
    box = page.locator(f".task[data-case='{case_id}'] .accept").bounding_box()
    assert box is not None
    return box["y"]


def ask_anew(page: Page) -> None:
    page.evaluate("dispatchEvent(new Event('online'))")


def test_a_card_that_is_looked_at_stays_where_it_is_when_one_above_it_goes_or_the_line_does(world: World):
    first, second, third = (world.handed_out(f"测S0000{number}") for number in (1, 2, 3))
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    page.locator(f".task[data-case='{third}'] .accept").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 200)")
    before = place_of(page, third)
    world.act(officer(), first, Action.ASSIGN, reason=GRID_B)
    ask_anew(page)
    expect(page.locator(f".task[data-case='{first}']")).to_have_count(0)
    assert abs(place_of(page, third) - before) < 2
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("#line")).to_be_visible()
    assert abs(place_of(page, third) - before) < 2
    for case_id in (second, third):
        world.act(officer(), case_id, Action.ASSIGN, reason=GRID_B)
    context.close()


def test_a_tap_that_falls_just_as_its_card_moved_takes_no_other_task(world: World):
    first, second = (world.handed_out(f"测S0001{number}") for number in (1, 2))
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    expect(page.locator(".task .accept")).to_have_count(2)
    page.evaluate(TAP_AS_IT_MOVES, second)
    world.act(officer(), first, Action.ASSIGN, reason=GRID_B)
    ask_anew(page)
    expect(page.locator("#toast")).to_have_text("任务刚刚移动了位置，请看清后再点一次。")
    assert world.state_of(second) is State.ASSIGNED
    page.wait_for_timeout(800)
    page.click(f".task[data-case='{second}'] .accept")
    expect(page.locator(f".task[data-case='{second}'] .options")).to_be_visible()
    context.close()


def test_a_picture_that_comes_late_moves_nothing_below_it(world: World):
    task = world.handed_out("测S00021")
    context, page = world.open("worker", PHONE)
    held: list[Route] = []
    page.route("**/vehicle", lambda route: held.append(route))
    page.goto(f"{world.address}/m")
    page.click(f".task[data-case='{task}'] .accept")
    picture = page.locator(f".task[data-case='{task}'] .photo")
    expect(page.locator(f".task[data-case='{task}'] .options")).to_be_visible()
    picture.evaluate("figure => figure.scrollIntoView()")
    before = picture.bounding_box()
    assert before is not None
    expect(picture.locator("img")).to_have_js_property("naturalWidth", 0)
    for route in held:
        route.continue_()
    expect(picture.locator("img")).not_to_have_js_property("naturalWidth", 0)
    after = picture.bounding_box()
    assert after is not None
    assert after["height"] == before["height"]
    world.act(officer(), task, Action.ASSIGN, reason=GRID_B)
    context.close()
