"""A wall that shows without a click, lanes that can be read, and a shift that is worked with the keyboard alone."""

import re
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from alerts.box_status import LanePassage
from console.cases.steps import Action, State
from console.types import Role
from tests.console_browser import LAPTOP, WALL
from tests.console_kit import GRID_A, cookie_for, make_account, officer
from tests.console_world import World, case_of, row_of


def test_a_wall_shows_the_newest_unseen_hit_large_and_can_do_nothing(world: World):
    account = make_account(world.console, "wall", Role.WALL, GRID_A[:6])
    context, page = world.open("wall", WALL)
    page.goto(f"{world.address}/screen")
    expect(page.locator("h1")).to_have_text("wall")
    world.send("测W00001", level="hit")
    world.send("测W00002", level="possible")
    spotlight = page.locator("#spotlight")
    expect(page.locator(row_of("测W00002"))).to_be_visible()
    expect(spotlight.locator("kk-plate")).to_have_attribute("data-text", "测W00001")  # a hit goes before a possible
    expect(spotlight).to_contain_text("! 命中")
    spotlight.click()
    expect(page.locator(".case")).to_have_count(0)
    assert_writes_are_refused(page, case_of(page, "测W00001"))
    world.act(officer(), case_of(page, "测W00001"), Action.REJECT, reason="misread")
    expect(page.locator(row_of("测W00001"))).to_have_count(0)
    expect(spotlight.locator("kk-plate")).to_have_attribute("data-text", "测W00002")
    text = page.content()
    assert not [words for words in ("值班员101", "误读", "本人") if words in page.inner_text("body")], text
    admin = officer()
    for digest in world.console.accounts.set_active(account.account_id or 0, False, admin, datetime.now(UTC)):
        world.console.hub.end_session(digest)
    page.wait_for_url(re.compile("/login"))
    context.close()


STATUS_OF = """async ([path, body]) => {
  const token = document.querySelector("meta[name=csrf]").content;
  const headers = {"content-type": "application/json", "x-csrf-token": token};
  return (await fetch(path, body ? {method: "POST", body, headers} : {})).status;
}"""


def assert_writes_are_refused(page: Page, case_id: int) -> None:
    asked = [[f"/screen/cases/{case_id}/step", '{"action": "confirm"}'], [f"/screen/cases/{case_id}"], ["/statistics"]]
    assert [page.evaluate(STATUS_OF, one) for one in asked] == [403, 403, 403]


def test_a_wall_outlives_the_shift(world: World):
    make_account(world.console, "wall2", Role.WALL)
    [token] = cookie_for(world.console, "wall2").values()
    sessions, now = world.console.sessions, datetime.now(UTC)
    later = now + sessions.lasts(Role.WALL)
    assert sessions.find(token, now + 2 * sessions.lasts(Role.OFFICER)) is not None
    assert sessions.find(token, later.replace(year=later.year + 1)) is None
    sessions.forget_expired(now + 2 * sessions.lasts(Role.OFFICER))
    assert sessions.find(token, now) is not None


def passes(
    world: World, page: Page, checkpoint: str, text: str, outcome: str = "clear", permit: str | None = None
) -> None:
    """Announce a passage until the screen listens."""
    passage = LanePassage.model_validate(
        {"camera_id": f"{checkpoint}-入", "checkpoint": checkpoint, "text": text, "plate_class": "02",
         "outcome": outcome, "passed_at": datetime.now(UTC), "permit": permit}
    )  # fmt: skip
    cell = page.locator(f"#lanes .lane[data-checkpoint='{checkpoint}']")
    for _ in range(50):
        world.console.board.announce(passage)
        page.wait_for_timeout(100)
        if cell.count() and passage.text in str(cell.first.inner_html()):
            return


def test_the_lane_strip_has_a_cell_a_checkpoint_and_follows_the_filter(world: World):
    context, page = world.open("officer", WALL)
    page.goto(f"{world.address}/screen")
    for checkpoint in ("一号卡口", "二号卡口"):
        passes(world, page, checkpoint, "测Q00001", permit="valid")
    expect(page.locator("#lanes .lane.clear .permit").first).to_have_text("持有效通行证")
    passes(world, page, "一号卡口", "测Q22222", "flagged", "off_route")
    cells = page.locator("#lanes .lane")
    expect(cells).to_have_count(2)
    expect(cells.first).to_have_attribute("data-checkpoint", "一号卡口")  # the flagged one stands first
    expect(cells.first).to_contain_text("! 预警")
    expect(cells.first.locator(".permit.wrong")).to_have_text("通行证路线不符")
    expect(cells.first).to_contain_text("+")
    page.select_option("#place", "二号卡口")
    expect(page.locator("#lanes .lane[data-checkpoint='一号卡口']")).to_have_count(0)
    expect(page.locator("#lanes .lane").first).to_be_visible()
    context.close()


def test_a_shift_is_worked_with_the_keyboard_alone(world: World):
    context, page = world.open("second", LAPTOP)
    page.goto(f"{world.address}/screen")
    for text in ("测K00003", "测K00002", "测K00001"):
        world.send(text)
        page.wait_for_selector(row_of(text))
    numbers = [case_of(page, text) for text in ("测K00001", "测K00002", "测K00003")]
    press = page.keyboard.press
    press("ArrowDown")
    press("Enter")
    expect(page.locator(".case")).to_have_attribute("data-case", str(numbers[0]))
    press("c")
    expect(page.locator(".case [data-act=assign]")).to_be_visible()
    press("a")
    expect(page.locator("[data-for=assign] select[name=unit]")).to_be_focused()
    press("Enter")
    expect(page.locator(".case .state")).to_contain_text("已派单")
    press("Escape")
    press("ArrowDown")
    press("Enter")
    expect(page.locator(".case")).to_have_attribute("data-case", str(numbers[1]))
    press("r")
    press("1")
    expect(page.locator(".case .state")).to_contain_text("误读")
    press("Escape")
    press("ArrowDown")
    press(" ")
    expect(page.locator("#bulk-count")).to_have_text("已选 1 个事件单")
    page.locator("#rows").evaluate("rows => rows.focus()")
    for _ in range(4):
        if page.evaluate("document.activeElement.id") == "bulk-close":
            break
        press("Shift+Tab")
    expect(page.locator("#bulk-close")).to_be_focused()
    press("Enter")
    expect(page.locator("#toast")).to_contain_text("已标为重复 1 个")
    assert [world.state_of(number) for number in numbers] == [State.ASSIGNED, State.REJECTED, State.REJECTED]
    context.close()
