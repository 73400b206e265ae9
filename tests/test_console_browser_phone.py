"""The grid worker's phone in bad weather, in a real browser."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import APIResponse, BrowserContext, Locator, Page, Route, expect

from console.cases.steps import Action, State
from tests.console_browser import PHONE, log_in, lose_line_with_shell_kept
from tests.console_kit import officer
from tests.console_world import World

COUNT_REMOVED = """
window.removed = 0;
new MutationObserver((changes) => { for (const { removedNodes } of changes) window.removed += removedNodes.length; })
  .observe(document.getElementById("tasks"), { childList: true });
"""

COUNT_MASKED = """
(caseId) => {
  window.masked = 0;
  const masked = `.task[data-case="${caseId}"] kk-plate[data-text*="•"]`;
  new MutationObserver(() => { window.masked += document.querySelectorAll(masked).length; })
    .observe(document.getElementById("tasks"), { childList: true });
}
"""


def opened(world: World) -> tuple[BrowserContext, Page]:
    context, page = world.open("worker", PHONE)
    page.goto(f"{world.address}/m")
    return context, page


def taken(page: Page, case_id: int) -> Locator:
    """Take the task; return its card with the form for the result."""
    card = page.locator(f".task[data-case='{case_id}']")
    card.locator(".accept").click()
    expect(card.locator(".options")).to_be_visible()
    return card


def last_note(world: World, case_id: int) -> str:
    return world.console.cases.detail(officer(), case_id).steps[-1].note


def test_a_session_that_ends_in_the_middle_of_an_answer_loses_nothing(world: World):
    case_id = world.handed_out("测P00001")
    context, page = opened(world)
    card = taken(page, case_id)
    card.locator("label:has-text('属实')").click()
    card.locator(".extra summary").click()
    card.locator("textarea").fill("已上门，车主昨晚回来")
    session = world.console.sessions.find(world.tokens.pop("worker"), datetime.now(UTC))
    assert session is not None
    world.console.sessions.log_out(session, datetime.now(UTC))
    card.locator(".submit").click()
    expect(page.locator("#line")).to_contain_text("登录已过期，未上传的内容已保留")
    expect(card.locator(".sent")).to_be_visible()
    assert world.state_of(case_id) is State.ACCEPTED
    log_in(page, world.address, "worker", "/m")
    expect(page.locator("#toast")).to_contain_text("结果已送达")
    expect(page.locator(f".task[data-case='{case_id}']")).to_have_count(0)
    assert (world.state_of(case_id), last_note(world, case_id)) == (State.CLOSED, "已上门，车主昨晚回来")
    context.close()


def test_a_half_written_answer_outlives_a_change_of_its_case(world: World):
    case_id = world.handed_out("测P00002")
    context, page = opened(world)
    card = taken(page, case_id)
    card.locator("label:has-text('疑似套牌')").click()
    card.locator(".extra summary").click()
    card.locator("textarea").fill("号牌螺丝是新的")
    card.locator(".contacted").click()
    expect(card.locator(".state")).to_have_text("核实中")
    expect(card.locator(".contacted")).to_be_hidden()
    card.locator("textarea").focus()
    page.evaluate(COUNT_REMOVED)
    other = world.handed_out("测P00012")
    page.evaluate("dispatchEvent(new Event('online'))")  # looks again now, and not in ten seconds
    expect(page.locator(f".task[data-case='{other}']")).to_be_visible()
    assert page.evaluate("window.removed") == 0, "a tap that was half done is lost, and so are characters half composed"
    world.act(officer(), case_id, Action.ESCALATE)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(card.locator(".state")).to_have_text("已升级")
    expect(card.locator("textarea")).to_have_value("号牌螺丝是新的")
    expect(card.locator("textarea")).to_be_focused()
    card.locator(".submit").click()
    expect(card).to_have_count(0)
    assert (world.state_of(case_id), last_note(world, case_id)) == (State.CLOSED, "号牌螺丝是新的")
    context.close()


@pytest.mark.long
def test_a_list_that_was_asked_for_before_an_answer_and_comes_after_it_is_not_shown(world: World):
    case_id = world.handed_out("测P00013")
    context, page = opened(world)
    card = page.locator(f".task[data-case='{case_id}']")
    expect(card.locator(".accept")).to_be_visible()
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/m/tasks", lambda route: held.append((route, route.fetch())), times=1)
    page.evaluate("dispatchEvent(new Event('online'))")
    while not held:
        page.wait_for_timeout(20)
    card.locator(".accept").click()
    expect(card.locator("kk-plate")).to_have_attribute("data-text", "测P00013")
    page.evaluate(COUNT_MASKED, case_id)
    with page.expect_response("**/m/tasks") as late, page.expect_request("**/m/tasks"):
        held[0][0].fulfill(response=held[0][1])
    assert [task["is_mine"] for task in late.value.json()["tasks"] if task["case_id"] == case_id] == [False]
    expect(card.locator(".options")).to_be_visible()
    assert page.evaluate("window.masked") == 0
    context.close()


def test_a_renamed_program_is_no_photo_and_the_words_go_all_the_same(world: World, tmp_path: Path):
    case_id = world.handed_out("测P00003")
    program = tmp_path / "photo.jpg"
    program.write_bytes(b"MZ" + bytes(5_000_000))
    context, page = opened(world)
    card = answered(taken(page, case_id), program)
    expect(page.locator("#toast")).to_contain_text("结果已送达")
    expect(card).to_have_count(0)
    detail = world.console.cases.detail(officer(), case_id)
    assert (detail.view.state, detail.photos) == (State.CLOSED, ())
    context.close()


def test_a_large_photo_arrives_small(world: World, tmp_path: Path):
    case_id = world.handed_out("测P00004")
    photo = tmp_path / "photo.jpg"
    noise = np.random.default_rng(1).integers(0, 255, (3000, 4000, 3), np.uint8)
    cv2.imwrite(str(photo), noise, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert photo.stat().st_size > 8 * 2**20
    context, page = opened(world)
    card = answered(taken(page, case_id), photo)
    expect(card).to_have_count(0)
    photos = world.console.cases.detail(officer(), case_id).photos
    kept = world.console.pictures.photo(officer(), case_id, photos[0]).read_bytes()
    picture = cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape) == 1600
    context.close()


def answered(card: Locator, photo: Path) -> Locator:
    card.locator("label:has-text('过境未停留')").click()
    card.locator(".extra summary").click()
    card.locator("input[type=file]").set_input_files(photo)
    card.locator(".submit").click()
    return card


def test_a_double_tap_is_one_step(world: World):
    case_id = world.handed_out("测P00005")
    context, page = opened(world)
    card = page.locator(f".task[data-case='{case_id}']")
    card.locator(".accept").dblclick()
    expect(card.locator(".options")).to_be_visible()
    card.locator("label:has-text('属实')").click()
    card.locator(".submit").dblclick()
    expect(card).to_have_count(0)
    steps = [step.action for step in world.console.cases.detail(officer(), case_id).steps]
    assert steps == ["预警到达", "人工确认", "派单", "接单", "结案"]
    expect(page.locator("#waiting")).to_be_hidden()
    context.close()


@pytest.mark.long
def test_a_phone_whose_clock_is_a_day_fast_and_then_put_right_tells_ages_and_order(world: World):
    case_id = world.handed_out("测P00006")
    context, page = world.open("worker", PHONE)
    page.clock.install(time=datetime.now(UTC) + timedelta(days=1))
    page.goto(f"{world.address}/m")
    card = page.locator(f".task[data-case='{case_id}']")
    expect(card.locator(".due")).to_contain_text("请在 9 分")
    expect(card.locator(".age")).to_contain_text("秒前")
    taken(page, case_id)
    lose_line_with_shell_kept(page)
    card.locator(".contacted").click()
    page.clock.set_system_time(datetime.now(UTC))
    card.locator("label:has-text('属实')").click()
    card.locator(".submit").click()
    expect(card.locator(".sent")).to_contain_text("连上系统后自动上传")
    page.reload()
    expect(card.locator(".sent")).to_contain_text("连上系统后自动上传")
    context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(card).to_have_count(0)
    assert [step.action for step in world.console.cases.detail(officer(), case_id).steps][-2:] == ["开始核实", "结案"]
    context.close()


def test_logging_out_leaves_nothing_on_the_phone(world: World):
    case_id = world.handed_out("测P00007")
    context, page = opened(world)
    taken(page, case_id)
    assert "kakou-phone" in page.evaluate("indexedDB.databases().then((all) => all.map((one) => one.name))")
    page.click(".more summary")
    page.click("#logout button")
    page.wait_for_url("**/login")
    world.tokens.pop("worker")
    assert page.evaluate("indexedDB.databases()") == []
    assert page.evaluate("Object.keys(localStorage)") == []
    context.close()


def test_the_words_for_the_group_name_nobody(world: World):
    case_id = world.handed_out("测P00008")
    context, page = opened(world)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = taken(page, case_id)
    assert card.locator(".call").get_attribute("href") == "tel:0532-0000000"
    page.click(".more summary")
    page.click("#reassure")
    words = page.evaluate("navigator.clipboard.readText()")
    assert "网格员正在按规定联系" in words
    assert not [text for text in ("测P00008", "worker", "示例高风险区", "一号卡口") if text in words]
    context.close()
