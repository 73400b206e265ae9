"""The command screen under an officer's hands, in a real browser."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from alerts.box_status import LanePassage
from alerts.flagged import masked_plate
from alerts.pictures import PictureShelf
from console.cases.desk import StepRequest
from console.cases.steps import Action, State
from tests.console_browser import LAPTOP, WALL
from tests.console_kit import officer
from tests.console_world import World, case_of, row_of
from tests.picture_kit import jpeg

COUNT_TONES = """
window.tones = 0;
window.OscillatorNode = class extends OscillatorNode { constructor(...given) { super(...given); window.tones += 1; } };
"""


def test_a_case_is_worked_with_the_keyboard_alone(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    for text in ("测K00001", "测K00002", "测K00003"):
        world.send(text)
        page.wait_for_selector(row_of(text))
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator("#rows .row.selected kk-plate")).to_have_attribute("data-text", "测K00002")
    page.keyboard.press("c")  # eyes come before hands: it opens, and confirms nothing
    page.wait_for_selector(".case")
    case_id = case_of(page, "测K00002")
    assert world.state_of(case_id) is State.NEW
    page.keyboard.press("c")
    expect(page.locator(".case .title .state")).to_have_text("已确认")
    page.keyboard.press("e")
    expect(page.locator(".case .title .state")).to_have_text("已升级")
    page.keyboard.press("a")
    page.wait_for_selector(".choices[data-for=assign]:not([hidden])")
    page.keyboard.press("Escape")
    expect(page.locator(".choices[data-for=assign]")).to_be_hidden()
    page.keyboard.press("a")
    page.wait_for_selector(".choices[data-for=assign]:not([hidden])")
    page.locator(".choices[data-for=assign] button.primary").press("Enter")
    expect(page.locator(".case .title .state")).to_have_text("已派单")
    page.keyboard.press("Escape")
    expect(page.locator(".case")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".case")
    page.keyboard.press("r")
    page.keyboard.press("2")
    expect(page.locator(".case .title .state")).to_contain_text("不是车辆")
    assert world.state_of(case_of(page, "测K00001")) is State.REJECTED
    context.close()


@pytest.mark.long
def test_an_answer_that_was_overtaken_does_not_cover_a_newer_one(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测O00001")
    page.click(row_of("测O00001"))
    page.wait_for_selector(".case")
    case_id = case_of(page, "测O00001")
    late: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if late:
            return route.continue_()
        return late.append((route, route.fetch()))

    page.route(f"**/screen/cases/{case_id}", hold_the_first)
    # A colleague's two steps: the screen asks for the case twice, and the first answer comes last.
    with page.expect_request(f"**/screen/cases/{case_id}"):
        world.act(officer(), case_id, Action.CONFIRM)
    for _ in range(500):  # until the server has answered
        if late:
            break
        page.wait_for_timeout(10)
    with page.expect_response(f"**/screen/cases/{case_id}"):
        world.act(officer(), case_id, Action.ESCALATE)
    expect(page.locator(".case .title .state")).to_have_text("已升级")
    with page.expect_response(f"**/screen/cases/{case_id}"):
        route, answer = late[0]
        route.fulfill(response=answer)
    world.send("测O00002")  # what comes after the late answer
    page.wait_for_selector(row_of("测O00002"))
    assert page.locator(".case .title .state").inner_text() == "已升级"
    context.close()


def test_filters_stand_in_the_address_and_come_back_with_it(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测F00001", level="hit")
    world.send("测F00002", level="possible")
    world.send("测F00003", level="hit", checkpoint="二号卡口")
    page.wait_for_selector(row_of("测F00003"))
    page.click("#filters [data-level=hit]")
    page.select_option("#place", "一号卡口")
    expect(page.locator(row_of("测F00001"))).to_be_visible()
    for hidden in ("测F00002", "测F00003"):
        expect(page.locator(row_of(hidden))).to_have_count(0)
    address = page.url
    assert "level=hit" in address
    assert "checkpoint=" in address
    page.reload()
    expect(page.locator(row_of("测F00001"))).to_be_visible()
    expect(page.locator("#filters [data-level=hit]")).to_have_attribute("aria-pressed", "true")
    world.send("测F00004", level="possible")  # comes in, but is not what was asked for
    world.send("测F00005", level="hit")
    expect(page.locator(row_of("测F00005"))).to_be_visible()
    expect(page.locator(row_of("测F00004"))).to_have_count(0)
    page.click("#filters [data-level=hit]")
    expect(page.locator(row_of("测F00004"))).to_be_visible()
    assert "level" not in page.url
    context.close()


def tones_after(page: Page, world: World, text: str, **changes: object) -> int:
    """Return how many tones a new case made."""
    before = page.evaluate("window.tones")
    world.send(text, **changes)
    page.wait_for_selector(row_of(text))
    return int(page.evaluate("window.tones")) - int(before)


def test_a_new_case_sounds_once_until_somebody_mutes_it(world: World):
    context, page = world.open("officer", LAPTOP)
    page.add_init_script(COUNT_TONES)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#mute")).to_have_text("点击开启声音")  # browsers let nothing sound before a hand moved
    page.click("#mute")
    expect(page.locator("#mute")).to_have_text("声音开")
    assert tones_after(page, world, "测S00001", level="possible") == 1
    assert tones_after(page, world, "测S00002", level="hit") == 2
    world.act(officer(), case_of(page, "测S00002"), Action.CONFIRM)  # a change of a known case is no news
    expect(page.locator(row_of("测S00002")).locator(".state")).to_have_text("已确认")
    assert page.evaluate("window.tones") == 3
    page.click("#mute")
    expect(page.locator("#mute")).to_have_text("声音关")
    assert tones_after(page, world, "测S00003") == 0
    page.reload()
    expect(page.locator("#mute")).to_have_text("声音关")
    context.close()


def test_duplicates_are_closed_in_one_go_and_the_one_that_cannot_be_is_named(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    texts = ("测U00001", "测U00002", "测U00003")
    for text in texts:
        world.send(text)
        page.wait_for_selector(row_of(text))
        page.locator(row_of(text)).locator(".pick input").check()
    expect(page.locator("#bulk-count")).to_have_text("已选 3 个事件单")
    numbers = [case_of(page, text) for text in texts]
    misread = StepRequest(numbers[2], Action.REJECT, reason="misread")
    world.console.desk.act(misread, officer(), datetime.now(UTC))  # a colleague; this screen is not told
    page.click("#bulk-close")
    expect(page.locator("#toast")).to_contain_text("已标为重复 2 个。1 个没有标记：事件单已排除")
    for text in texts:
        expect(page.locator(row_of(text))).to_have_count(0)
    expect(page.locator("#bulk")).to_be_hidden()
    results = [world.console.cases.detail(officer(), number).view.result for number in numbers]
    assert results == ["重复", "重复", "误读"]
    context.close()


def test_a_clear_vehicle_is_on_the_lane_strip_for_seconds_and_kept_nowhere(world: World):
    plate = "测L97531"
    context, page = world.open("officer", WALL)
    page.clock.install()
    page.goto(f"{world.address}/screen")
    passage = LanePassage(
        camera_id="一号卡口-入", checkpoint="一号卡口", text=plate, plate_class="02", outcome="clear",
        passed_at=datetime.now(UTC),
    )  # fmt: skip
    lane = page.locator(f"#lanes .lane:has(kk-plate[data-text='{masked_plate(plate)}'])")
    while not lane.count():  # published and stored nowhere: whoever is not listening yet misses it
        world.console.board.announce(passage)
        page.wait_for_timeout(100)
    expect(lane.first).to_contain_text("✓ 无风险")
    page.clock.fast_forward(10_000)
    expect(lane).to_have_count(0)
    assert traces_of(plate, world) == []
    context.close()


def traces_of(plate: str, world: World) -> list[str]:
    """Return the files of the console and the keys of Redis that hold the text in any encoding."""
    forms = [plate.encode(code) for code in ("utf-8", "gb18030", "utf-16-le")] + [json.dumps(plate)[1:-1].encode()]
    files = [path for path in Path(world.folder).rglob("*") if path.is_file()]
    found = [str(path) for path in files if any(form in path.read_bytes() for form in forms)]
    dumped = {key: world.client.dump(key) or b"" for key in world.client.scan_iter()}
    return found + [str(key) for key, content in dumped.items() if any(form in content + key for form in forms)]


def test_the_trace_finder_finds_a_flagged_plate(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测L86420")
    page.wait_for_selector(row_of("测L86420"))
    assert any("console.sqlite" in found for found in traces_of("测L86420", world))
    context.close()


@pytest.mark.long
def test_a_tile_tells_all_it_knows_at_a_touch(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    page.locator("#tiles .tile", has_text="一号卡口").click()
    expect(page.locator("#toast")).to_contain_text("从未上报")
    context.close()


@pytest.mark.long
def test_a_picture_that_comes_after_its_event_shows_by_itself(world: World, tmp_path: Path):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    names = {kind: f"2026-11-24/late-{kind}.jpg" for kind in ("plate", "vehicle")}
    world.send("测B00001", plate_picture=names["plate"], vehicle_picture=names["vehicle"])
    row = page.locator(row_of("测B00001"))
    expect(row.locator(".nopic")).to_be_visible()
    row.click()
    expect(page.locator(".evidence .vehicle .nopic")).to_have_text("车辆图片尚未送达")
    for name in names.values():
        PictureShelf(world.client).put(name, jpeg(tmp_path))
    for image in (row.locator("img.near"), page.locator(".evidence .vehicle img"), page.locator(".evidence .crop img")):
        expect(image).to_be_visible()
        assert image.evaluate("image => image.naturalWidth") > 0
    for word in (row.locator(".nopic"), *page.locator(".evidence .nopic").all()):
        expect(word).to_be_hidden()
    context.close()
