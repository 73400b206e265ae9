"""Every page, as everybody sees it: accessible, no wider than its window, and never run by what is written on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, expect

from alerts.notices.board import NoticeReport
from alerts.notices.keeper import ActiveNotice
from console.cases.steps import Action
from console.types import SYSTEM, Role
from console.web.app import create_app
from tests.console_browser import LAPTOP, PHONE, WALL, open_context
from tests.console_kit import GRID_A, client_of, event_of, officer, proposal_of
from tests.console_world import PEOPLE, World, row_of
from tests.hostile import HOSTILE
from tests.notice_kit import notice
from tests.test_console_web import operations

NOWHERE = "/nowhere"
PAGES = (
    (None, "/login"), (None, "/setup/{token}"), ("officer", "/screen"), ("officer", "/statistics"),
    ("officer", "/trends"), ("officer", "/shift"), ("officer", "/transparency"), ("officer", "/notices"),
    ("worker", "/m"), ("steward", "/list"), ("steward", "/list/{change_id}"), ("steward", "/areas"),
    ("steward", "/vehicle"), ("steward", "/corrections"), ("steward", "/proposals"), ("steward", "/tokens"),
    ("auditor", "/audit"), ("admin", "/accounts"), ("officer", "/account"), (None, "/objection"),
    ("steward", "/objection/poster"), ("officer", NOWHERE),
)  # fmt: skip
TURN_THEME = (
    "(({ dataset }) => { dataset.theme = dataset.theme === 'dark' ? 'light' : 'dark'; })(document.documentElement)"
)
SERIOUS = ("serious", "critical")
UNBROKEN = "一个没有空格的词" + "Unbroken" * 20
TURNING = "\u202e倒着\u2066"
STICKING_OUT = """(() => {
  const right = (element) => element.getBoundingClientRect().right;
  const all = [...document.querySelectorAll("kk-plate, .chip")].filter((each) => !each.closest(".scroll"));
  const out = all.filter((each) => right(each) > right(each.closest(".row") ?? document.body));
  return out.map((each) => each.textContent);
})()"""
A4_WITHIN_MARGINS = (688, 1017)
WINDOWS = (WALL, LAPTOP, (960, 540), (640, 400), PHONE)
"""Two of them are the first two at 200 % zoom."""
PUSHED_SIDEWAYS = """(() => {
  const all = [...document.querySelectorAll(".scroll")].filter((each) => !each.querySelector(".heat, .chart"));
  return all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.getAttribute("aria-label"));
})()"""
SIZES = {"/screen": WALL, "/m": PHONE, "/login": PHONE, "/corrections": PHONE, "/accounts": PHONE}


@contextmanager
def shown(world: World, username: str | None, path: str, size: tuple[int, int]) -> Iterator[Page]:
    if username:
        context, page = world.open(username, size)
    else:
        context = open_context(world.browser, size)
        page = context.new_page()
    page.goto(world.address + path)
    prepare(page, path)
    yield page
    context.close()


def prepare(page: Page, path: str) -> None:
    """Wait for what the page loads by itself, and open what can be opened."""
    if path == "/screen":
        page.click(row_of("测X00001"))
        page.wait_for_selector(".case")
        page.keyboard.press("r")
    if path == "/m":
        page.locator(".task", has_text="测X").first.wait_for()
        page.locator(".result:not([hidden]) .extra summary").first.click()


@pytest.fixture(scope="module")
def furnished(world: World) -> str:
    """Let every page have something to show; returns the link of an administrator who has not come yet."""
    now = datetime.now(UTC)
    report_trouble(world)
    for checkpoint in ("高速公路出口北侧收费广场二号检查站", "一号卡口"):
        doubtful = event_of("测X00001外籍车辆", now, checkpoint, "possible", char_probs=(0.5,) * 11)
        world.console.intake.take([doubtful], now)
    world.console.intake.take([event_of("测X00001", now, level="possible")], now)
    worker = next(account for account in world.console.accounts.all() if account.username == "worker")
    actor = officer()
    for text in ("测X00002", "测X00003"):
        case_id = world.handed_out(text)
    world.act(type(actor)(worker.account_id, "worker", Role.WORKER, GRID_A), case_id, Action.ACCEPT)
    world.console.list_changes.submit(f"{UNBROKEN}.csv", b"plate", type(actor)(1, "steward", Role.STEWARD, ""), now)
    world.console.lists.proposals.take([proposal_of(1), proposal_of(2, is_lift=True)], now)
    wrong = world.console.intake.take([event_of("测X00004", now)], now).opened[0]
    for action, reason in ((Action.CONFIRM, None), (Action.CLOSE, "list_error")):
        world.act(actor, wrong, action, reason=reason, note=f"本人未离开{UNBROKEN}{TURNING}" if reason else "")
    return world.console.accounts.create(f"next{now.timestamp():.0f}", "下一位", Role.ADMIN, "", SYSTEM, now)


def filled(path: str, link: str) -> str:
    """Return an address of a route; one with a new kind of place in it has to be told here."""
    return path.format(token=link, change_id=1, case_id=1, event_id="0" * 32, kind="plate", photo_id=1, correction_id=1)


def test_every_page_that_the_console_serves_is_among_those_that_are_looked_at(world: World, furnished: str):
    app = create_app(world.console)
    clients = {name: client_of(app, world.console, name, accept="text/html") for name in PEOPLE}
    stranger = client_of(app, world.console, accept="text/html")
    served = set()
    for method, path, told in operations(app):
        if method != "GET" or path == "/screen/stream" or "x-roles" not in told:
            continue
        may = [name for name, role in PEOPLE.items() if role.value in told["x-roles"]]
        answer = (clients[may[0]] if may else stranger).get(filled(path, furnished))
        if answer.status_code == 200 and "<html" in answer.text[:200]:
            served.add(path)
    assert served == {path for _, path in PAGES} - {NOWHERE}


@pytest.mark.long
@pytest.mark.parametrize("is_as_usual", [True, False])
def test_no_page_has_a_serious_accessibility_fault_or_is_too_wide(world: World, furnished: str, is_as_usual: bool):
    """As usual: the wall dark, the rest light."""
    found: dict[tuple[str, str], object] = {}
    for username, path in PAGES:
        with shown(world, username, filled(path, furnished), SIZES.get(path, LAPTOP)) as page:
            if not is_as_usual:
                page.evaluate(TURN_THEME)
            faults = Axe().run(page).response["violations"]
            found |= {(path, fault["id"]): nodes_of(fault) for fault in faults if fault["impact"] in SERIOUS}
            found |= {(path, words): out for words, out in too_wide(page)}
            page.reload()
            if page.locator(".menu [aria-current]").count():
                expect(page.locator(".menu [aria-current]").first).to_be_in_viewport(ratio=1)
    assert not found


def too_wide(page: Page) -> Iterator[tuple[str, object]]:
    """Yield what is wider than one of the windows."""
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        if out := page.evaluate(STICKING_OUT):
            yield f"sticking out at {width}", out
        if (whole := page.evaluate("document.documentElement.scrollWidth")) > width:
            yield f"wide at {width}", whole
        if width == PHONE[0] and (out := page.evaluate(PUSHED_SIDEWAYS)):
            yield "to be pushed sideways", out


def report_trouble(world: World) -> None:
    """A box tells of more than a line of a screen holds."""
    now = datetime.now(UTC)
    said = ("camera_lost", "camera_dirty", "pictures_late")
    amiss = [notice(name, f"东侧立柱上方的摄像机{UNBROKEN[:60]}", now) for name in said]
    active = tuple(ActiveNotice.model_validate(one.model_dump()) for one in amiss)
    report = NoticeReport(origin="box:kk07", place="东门卡口", version="0.1.0", reported_at=now, active=active)
    world.console.notices.board.report(report)


@pytest.mark.long
def test_a_code_for_the_telephone_is_whole_on_a_narrow_window_also_for_a_long_name(world: World):
    token = world.console.accounts.create("n" * 32, "下一位", Role.ADMIN, "", SYSTEM, datetime.now(UTC))
    with shown(world, None, f"/setup/{token}", PHONE) as page:
        picture = cv2.imdecode(np.frombuffer(page.locator(".qr").screenshot(), np.uint8), cv2.IMREAD_COLOR)
        secret = page.inner_text("#totp-secret")
    assert picture is not None
    assert f"secret={secret}" in cv2.QRCodeDetector().detectAndDecode(picture)[0]
    dark = np.argwhere(picture.max(axis=2) < 60)
    room = np.concatenate([dark.min(axis=0), picture.shape[:2] - dark.max(axis=0)])
    assert room.max() - room.min() <= 2, "as much white on each side"


@pytest.mark.usefixtures("furnished")
def test_what_people_wrote_turns_no_text_around_it(world: World):
    page = client_of(create_app(world.console), world.console, "steward").get("/corrections").text
    assert f"本人未离开{UNBROKEN}倒着" in page
    assert not set(TURNING) & set(page) - set("倒着")


@pytest.mark.usefixtures("furnished")
def test_what_is_printed_is_black_on_white_and_no_wider_than_the_paper_also_from_a_dark_screen(world: World):
    context, page = world.open("officer", A4_WITHIN_MARGINS)
    page.add_init_script("localStorage.setItem('kakou-theme', 'dark')")
    page.emulate_media(media="print")
    page.goto(f"{world.address}/shift")
    colours = page.evaluate(
        "['color', 'backgroundColor'].map((name) => getComputedStyle(document.querySelector('.card'))[name])"
    )
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.locator("td kk-plate").count()
    assert (
        page.evaluate(
            "Math.max(...[...document.querySelectorAll('td')].map((cell) => cell.getBoundingClientRect().right))"
        )
        <= A4_WITHIN_MARGINS[0]
    )
    context.close()


@pytest.mark.long
def test_plates_and_sums_of_tables_stand_in_one_line(world: World):
    now = datetime.now(UTC)
    event = event_of("测AD12345", now, "高速公路出口北侧收费广场二号检查站", plate_class="52")
    reason = event.reasons[0].model_copy(update={"area_name": "青岛市黄岛区长江路街道、苏州市虎丘区枫桥街道" * 2})
    world.console.intake.take([event.model_copy(update={"reasons": (reason,)})], now)
    with shown(world, "officer", "/shift", LAPTOP) as page:
        plates = page.evaluate(
            """[...document.querySelectorAll("td kk-plate")].filter((plate) => plate.dataset.text.length <= 8)
                .map((plate) => plate.getBoundingClientRect().height / parseFloat(getComputedStyle(plate).fontSize))"""
        )
    assert plates
    assert max(plates) < 2.2, "a second line would make it 2.8 times the letters' size"
    with shown(world, "officer", "/trends", PHONE) as page:
        lines = page.evaluate(
            """[...document.querySelectorAll(".sums td.num")].map((cell) => {
                cell.textContent = "596,898";
                const text = document.createRange();
                text.selectNodeContents(cell);
                return text.getClientRects().length;
            })"""
        )
    assert set(lines) == {1}


def nodes_of(fault: dict[str, Any]) -> list[str]:
    return [node["html"][:120] for node in fault["nodes"][:2]]


def hostile_case(world: World, number: int, texts: list[str]) -> int:
    """Open a case that is hostile wherever a text can stand; return its number."""
    why, source, camera_id, checkpoint, note, text = texts
    now = datetime.now(UTC)
    plate = f"{number:03}{text}"[:16]
    event = event_of(plate, now, checkpoint, why=why, camera_id=camera_id, plate_class=text[:8])
    reason = event.reasons[0].model_copy(update={"source": source, "area_name": why})
    case_id = world.console.intake.take([event.model_copy(update={"reasons": (reason,)})], now).opened[0]
    world.act(officer(), case_id, Action.CONFIRM, note=note)
    return case_id


def test_hostile_texts_run_nothing_in_the_browser(world: World):
    context, page = world.open("officer", LAPTOP)
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    cases = [hostile_case(world, start, HOSTILE[start : start + 6]) for start in range(0, len(HOSTILE), 6)]
    page.goto(f"{world.address}/screen")
    for case_id in (cases[-1], cases[-30], cases[-60]):
        page.click(f"#rows [data-case='{case_id}']")
        page.wait_for_selector(f".case[data-case='{case_id}']")
    assert ran == []
    assert page.locator("[onerror], [onload], iframe, #rows script, .case script").count() == 0
    context.close()
