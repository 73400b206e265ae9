"""A dispatch reaches the open phone page: it sounds, shakes, and brings what the desk wrote."""

from playwright.sync_api import expect

from console.cases.steps import Action
from tests.console_browser import PHONE, wait_for_value
from tests.console_kit import officer
from tests.console_world import World
from tests.test_console_browser_desk import COUNT_TONES

COUNT_SHAKES = "window.shakes = 0; navigator.vibrate = () => { window.shakes += 1; return true; };"


def test_a_new_task_wakes_the_phone_and_says_what_the_desk_wrote(world: World):
    context, page = world.open("worker", PHONE)
    page.add_init_script(COUNT_TONES + COUNT_SHAKES)
    page.goto(f"{world.address}/m")
    page.click("#mute")
    expect(page.locator("#mute")).to_have_text("声音开")
    case_id = world.handed_out("测V00001")
    world.act(officer(), case_id, Action.ASSIGN, note="家住东港，先打电话")
    page.evaluate("dispatchEvent(new Event('online'))")  # what the page does every ten seconds
    card = page.locator(f".task[data-case='{case_id}']")
    expect(card.locator(".words")).to_have_text("值班台的话家住东港，先打电话")
    wait_for_value(page, "window.tones === 2 && window.shakes === 1")
    page.evaluate("dispatchEvent(new Event('online'))")
    card.locator(".accept").click()
    expect(card.locator(".words")).to_contain_text("示例高风险区（高风险）")
    expect(card.locator("img.near")).to_be_visible()
    expect(card.locator(".call")).to_be_visible()
    assert page.evaluate("[window.tones, window.shakes]") == [2, 1]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
