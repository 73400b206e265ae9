"""The booth page in a real browser, served as `kakou run` serves it: what stands there, in colour, words and sound."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from alerts.booth_link import OpenBooths
from alerts.handled import HandledEvent
from alerts.notices.table import NOTICES
from kakou.box.booth import open_devices
from tests.booth_kit import CAMERA, CHECKPOINT, OTHER_CAMERA, BoothWorld, open_booth
from tests.booth_tablet import TABLET, new_tablet, paired
from tests.console_browser import wait_for_value


@pytest.fixture(scope="module")
def booth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoothWorld]:
    with open_booth(tmp_path_factory.mktemp("booth")) as booth:
        yield booth


@pytest.fixture(scope="module")
def page(browser: Browser, booth: BoothWorld) -> Iterator[Page]:
    """The tablet that most tests look at; each leaves nothing that waits."""
    context, page = paired(browser, booth)
    yield page
    context.close()


def colour_of(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.getElementById('now')).backgroundColor"))


def test_each_vehicle_is_told_at_once_by_colour_word_sign_and_sound_of_its_own(page: Page, booth: BoothWorld):
    words = {"clear": "✓无风险", "unchecked": "?未核对", "possible": "≈疑似", "hit": "!命中"}
    booth.report()
    page.evaluate("window.sounds.splice(0)")
    told = {}
    for number, (kind, word) in enumerate(words.items()):
        text = f"测A0000{number}"
        if kind in ("hit", "possible"):
            booth.flag(text, kind)
        else:
            booth.say(text, kind)
        expect(page.locator("#now")).to_have_class(f"now {kind}")
        expect(page.locator(".outcome")).to_have_text(word)
        expect(page.locator("#text kk-plate")).to_have_attribute("data-text", text)  # whole: this is its checkpoint
        for picture in ("#vehicle", "#plate"):
            wait_for_value(page, f"document.querySelector('{picture}').naturalWidth > 0")
        told[kind] = (colour_of(page), tuple(page.evaluate("window.sounds.splice(0)")))
        if kind == "possible":
            page.click("[data-result=misread]")
            expect(page.locator("#toast")).to_have_text("已记录：排除（误读）")
    assert len({colour for colour, _ in told.values()}) == 4
    assert len({sound for _, sound in told.values()}) == 4
    expect(page.locator("#stays")).to_contain_text("到过 示例高风险区（高风险）")
    expect(page.locator("#todo")).to_contain_text("靠边停车")
    page.click("[data-result=isolated]")


def test_a_permit_is_said_beside_clear_and_hit_and_turns_no_hit_into_clear(page: Page, booth: BoothWorld):
    booth.report()
    booth.say("测P00001", permit="通行证已过期（370211000001）")
    expect(page.locator("#now")).to_have_class("now clear")
    expect(page.locator("#stays .permit")).to_have_text("通行证已过期（370211000001）")
    booth.flag("测P00002", permit="持有效通行证（370211000002，蔬菜）")
    expect(page.locator("#now")).to_have_class("now hit")
    expect(page.locator("#stays .permit")).to_have_text("持有效通行证（370211000002，蔬菜）")
    page.click("[data-result=misread]")
    booth.say("测P00003")
    expect(page.locator("#stays .permit")).to_have_count(0)


def test_what_waits_for_a_hand_stays_and_one_tap_is_on_disk_with_who_it_was(page: Page, booth: BoothWorld):
    page.click("#who")
    page.fill("#name", "王某")
    page.click("#ask-who .primary")
    expect(page.locator("#who")).to_have_text("值岗人：王某")
    booth.report()
    event, second = booth.flag("测B00001"), booth.flag("测B00002")
    booth.say("测B00003")
    expect(page.locator("#latest li").first).to_contain_text("✓ 无风险")
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00001")
    expect(page.locator("#more")).to_have_text("还有 1 辆等待处置")
    expect(page.locator("#left")).to_contain_text("后转值班台")
    page.click("[data-result=passed]")
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00002")
    page.click("[data-result=turned_back]")
    expect(page.locator("#now")).to_have_class("now clear")
    kept = [(one.flagged_id, one.result, one.by) for one in booth.kept() if isinstance(one, HandledEvent)]
    assert kept[-2:] == [(event.event_id, "passed", "一号平板 王某"), (second.event_id, "turned_back", "一号平板 王某")]


def test_the_second_half_of_a_double_tap_does_not_let_the_next_vehicle_through(page: Page, booth: BoothWorld):
    booth.report()
    event, second, again = [booth.flag(text) for text in ("测B00011", "测B00012", "测B00011")]
    expect(page.locator("#latest li", has_text="待处置")).to_have_count(3)
    expect(page.locator("#more")).to_have_text("还有 1 辆等待处置")  # the first one turned and came again
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00011")
    for size in ((740, 360), (360, 740), (640, 360), TABLET):  # the hands need no scrolling
        page.set_viewport_size({"width": size[0], "height": size[1]})
        expect(page.locator("[data-result=misread]")).to_be_in_viewport(ratio=1)
    button = page.locator("[data-result=passed]")
    button.click()
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00012")
    button.dispatch_event("click")
    expect(button).to_be_disabled()
    button.click()
    expect(page.locator("#acts")).to_be_hidden()
    kept = [one for one in booth.kept() if isinstance(one, HandledEvent)][-3:]
    assert [one.flagged_id for one in kept] == [event.event_id, again.event_id, second.event_id]
    assert kept[2].handled_at - kept[0].handled_at > timedelta(seconds=0.7)


def test_on_a_phone_a_hit_brings_its_picture_and_the_buttons_into_view_wherever_the_page_was(
    page: Page, booth: BoothWorld
):
    page.set_viewport_size({"width": 360, "height": 740})
    booth.report()
    booth.say("测B00031")
    expect(page.locator("#now")).to_have_class("now clear")
    page.evaluate("scrollTo(0, 9999)")
    booth.flag("测B00032", permit="通行证已过期（370211000001）")
    expect(page.locator("#now")).to_have_class("now hit")
    for seen in (".outcome", "#text kk-plate", "#todo", "#plate", "[data-result=passed]", "[data-result=misread]"):
        expect(page.locator(seen)).to_be_in_viewport(ratio=1)
    acts, plate = (page.locator(name).bounding_box() for name in ("#acts", "#plate"))
    assert acts
    assert plate
    assert plate["y"] + plate["height"] <= acts["y"], "the buttons lie over the picture"
    page.click("[data-result=passed]")
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})


def test_on_a_tablet_at_twice_the_size_the_plate_is_whole_above_the_buttons_with_something_amiss_too(
    page: Page, booth: BoothWorld
):
    page.set_viewport_size({"width": 1024 // 2, "height": 700 // 2})
    booth.report()
    booth.watch()
    expect(page.locator("#notices")).to_be_hidden()
    booth.watch(("camera_dirty", CAMERA, CHECKPOINT))
    expect(page.locator("#notices summary")).to_have_text(re.compile("画面失焦或镜头脏污：可能漏认车辆"))
    booth.flag("测B00041")
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00041")
    acts, plate = (page.locator(name).bounding_box() for name in ("#acts", "#text kk-plate"))
    assert acts
    assert plate
    assert plate["y"] + plate["height"] <= acts["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == 512
    booth.watch()
    expect(page.locator("#notices")).to_be_hidden()
    page.click("[data-result=passed]")
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})


def test_of_two_hands_on_one_vehicle_the_first_is_written_and_the_second_is_told(page: Page, booth: BoothWorld):
    event = booth.flag("测B00021")
    expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测B00021")
    number = page.evaluate("performance.getEntriesByType('mark').at(-1).name.split(' ')[1]")
    tap = """(path) => Promise.all(["passed", "turned_back", "passed"].map((result) => fetch(path, {
      method: "POST", body: JSON.stringify({ result, who: "" }),
    }).then(async (answer) => [answer.status, (await answer.json()).message ?? ""])))"""
    answers = page.evaluate(tap, f"/sights/{number}/handled")
    kept = [one.result for one in booth.kept() if isinstance(one, HandledEvent) and one.flagged_id == event.event_id]
    assert len(kept) == 1
    words = {"passed": "已查验放行", "turned_back": "劝返"}[kept[0]]
    assert {told for status, told in answers if status == 400} == {f"这辆车已经处置：{words}。这一次没有记下。"}


def test_a_green_screen_is_not_taken_for_the_next_vehicles(page: Page, booth: BoothWorld):
    booth.report()
    started = datetime.now(UTC)
    booth.say("测C00001", started_at=started)
    expect(page.locator("#now")).to_have_class("now clear")
    booth.say("测C00001", started_at=started, has_left=True)
    expect(page.locator("#now")).to_have_class("now idle")
    expect(page.locator("#todo")).to_contain_text("上一辆：✓ 无风险")
    booth.report(fps=0.0)
    expect(page.locator("#banner")).to_have_text(f"{CAMERA}：摄像机无画面")
    expect(page.locator(".outcome")).to_have_text("?未核对")
    booth.report()


def test_what_is_amiss_here_stands_calmly_above_with_what_to_do_and_goes_by_itself(page: Page, booth: BoothWorld):
    booth.report()
    line = page.locator("#notices")
    expect(line).to_be_hidden()
    told = (
        ("camera_dirty", CAMERA, CHECKPOINT),
        ("stream_away", "", "二号卡口"),  # of the box as a whole, which names another checkpoint of its own
        ("camera_lost", OTHER_CAMERA, "二号卡口"),
        ("version_skew", "", CHECKPOINT),  # nothing for whoever stands here
    )
    booth.watch(*told)
    expect(line.locator("summary")).to_contain_text("! 到中心的线路中断：照常工作")  # the gravest first
    expect(line.locator("summary")).to_contain_text("（共 2 项）")
    line.locator("summary").click()
    expect(line.locator("li")).to_have_text(
        f"{CAMERA} 画面失焦或镜头脏污：可能漏认车辆：擦拭镜头；没有显示结果的车请人工查验。"
    )
    expect(page.locator(".outcome")).not_to_have_text("?未核对")
    booth.watch()
    expect(line).to_be_hidden()


def test_an_open_list_of_all_that_can_be_amiss_leaves_the_vehicle_in_view(page: Page, booth: BoothWorld):
    booth.report()
    booth.watch(*((kind.name, "", CHECKPOINT) for kind in NOTICES))
    line = page.locator("#notices")
    line.locator("summary").click()
    expect(line.locator("li").last).to_be_attached()
    booth.say("测C00002")
    expect(page.locator("#now")).to_have_class("now clear")
    word = page.locator("#word").bounding_box()
    assert word is not None
    assert word["y"] + word["height"] <= TABLET[1]
    line.locator("summary").click()
    booth.watch()
    expect(line).to_be_hidden()


def test_a_link_pairs_one_device_and_one_that_is_taken_off_sees_nothing_any_more(browser: Browser, booth: BoothWorld):
    link = booth.link("二号平板")
    context, other = new_tablet(browser), new_tablet(browser)
    page, second = context.new_page(), other.new_page()
    for one in (page, second):
        one.goto(link)
    page.click("button")
    expect(page.locator("h1")).to_contain_text(CHECKPOINT)
    second.click("button")
    expect(second.locator("p", has_text="已用过")).to_be_visible()
    assert second.goto(booth.address).status == 401  # type: ignore[union-attr]  # a page answers
    devices = open_devices(booth.folder)
    devices.revoke(next(device.device_id for device in devices.all() if device.name == "二号平板"))
    devices.close()
    expect(page.locator("p", has_text="没有配对，或已停用")).to_be_visible()
    for each in (context, other):
        each.close()


def test_what_waited_when_the_booth_ended_waits_on_and_clear_vehicles_are_nowhere(browser: Browser, tmp_path: Path):
    with open_booth(tmp_path) as booth:
        booth.flag("测F00001")
        booth.say("测F00002")
    with open_booth(tmp_path) as booth:
        context, page = paired(browser, booth, camera_id=CAMERA)
        expect(page.locator("#text kk-plate")).to_have_attribute("data-text", "测F00001")
        expect(page.locator("#latest li")).to_have_count(1)
        only_its_lane_and_while_it_is_open(booth, context, page)
    holding = [path.name for path in tmp_path.rglob("*") if path.is_file() and "测F00002".encode() in path.read_bytes()]
    assert holding == []


@pytest.mark.long
def test_a_tablet_whose_clock_was_put_back_says_all_the_same_that_its_box_is_silent(browser: Browser, tmp_path: Path):
    with open_booth(tmp_path) as booth:
        context = new_tablet(browser)
        page = context.new_page()
        page.clock.install()
        page.goto(booth.link())
        page.click("button")
        booth.report()
        booth.say("测G00001")
        expect(page.locator("#now")).to_have_class("now clear")
        page.clock.set_system_time(datetime.now(UTC) - timedelta(days=1))
    expect(page.locator("#banner")).to_contain_text("与卡口盒子的连接中断")
    expect(page.locator("#now")).to_have_class("now idle")
    expect(page.locator(".outcome")).to_have_text("?未核对")
    context.close()


def only_its_lane_and_while_it_is_open(booth: BoothWorld, context: BrowserContext, page: Page) -> None:
    looks = OpenBooths(booth.folder)
    assert [looks.holds(CHECKPOINT, camera) for camera in (CAMERA, "另一道")] == [True, False]
    assert not looks.holds("二号卡口", CAMERA)
    for text, place in (
        ("测E00001", {"camera_id": "另一道"}),
        ("测E00002", {"checkpoint": "二号卡口"}),
        ("测E00003", {}),
    ):
        booth.say(text, **place)
    expect(page.locator("#latest li")).to_have_count(2)
    expect(page.locator("#latest li").first.locator("kk-plate")).to_have_attribute("data-text", "测E00003")
    context.close()
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while looks.holds(CHECKPOINT, CAMERA):
        assert datetime.now(UTC) < deadline
        time.sleep(0.05)
