"""The console in a real browser."""

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from alerts.events import to_cloudevent
from alerts.stream import STREAM_KEY
from console.case_desk import StepRequest
from console.cases import Action, State
from console.parts import Console
from console.types import Role
from tests.console_browser import LAPTOP, PHONE, WALL, log_in, open_browser, open_context, use_cookie
from tests.console_kit import (
    GRID_A,
    PASSWORD,
    code_for,
    event_of,
    make_account,
    officer,
    open_console,
    served,
    settings_with,
    write_pictures,
)

expect.set_options(timeout=20000)
MARK_ARRIVALS = """
window.arrivals = {};
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  for (const plate of document.querySelectorAll("#rows kk-plate")) window.arrivals[plate.dataset.text] ??= Date.now();
}).observe(document, { childList: true, subtree: true }));
"""


@dataclass
class World:
    console: Console
    address: str
    client: redis.Redis
    browser: Browser
    folder: Path

    def send(self, text: str, **changes) -> None:
        event = event_of(text, datetime.now(UTC), **changes)
        self.client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})

    def open(self, username: str, size: tuple[int, int]) -> tuple[BrowserContext, Page]:
        context = open_context(self.browser, size)
        use_cookie(
            context, self.address, self.console.sessions.log_in(username, PASSWORD, "", "test", datetime.now(UTC))
        )
        return context, context.new_page()

    def state_of(self, case_id: int) -> State:
        return self.console.cases.detail(officer(), case_id).view.state


@pytest.fixture(scope="module")
def world(redis_server: str) -> Iterator[World]:
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        settings = settings_with(confirm_timeout_s=600, accept_timeout_s=600, attach_minutes=0)
        console = open_console(Path(folder), client, lambda: datetime.now(UTC), settings=settings)
        make_account(console, "officer", Role.OFFICER)
        make_account(console, "second", Role.OFFICER)
        make_account(console, "worker", Role.WORKER, GRID_A)
        make_account(console, "steward", Role.STEWARD)
        with served(console) as address:
            yield World(console, address, client, browser, Path(folder))
    client.close()


def case_of(page: Page, text: str) -> int:
    row = page.locator(f"#rows .row:has(kk-plate[data-text='{text}'])")
    return int(row.get_attribute("data-case") or 0)


def test_an_event_is_on_the_open_screen_within_a_second(world: World):
    context, page = world.open("officer", WALL)
    page.add_init_script(MARK_ARRIVALS)
    page.goto(f"{world.address}/screen")
    page.wait_for_function("document.getElementById('clock').textContent !== ''")
    world.send("测Z00000")
    page.wait_for_selector("kk-plate[data-text='测Z00000']")
    sent = {}
    for number in range(50):
        sent[f"测Z1{number:04}"] = time.time() * 1000
        world.send(f"测Z1{number:04}")
        page.wait_for_timeout(40)
    page.wait_for_selector("kk-plate[data-text='测Z10049']")
    arrivals = page.evaluate("window.arrivals")
    context.close()
    delays = sorted(arrivals[text] - at for text, at in sent.items())
    assert len(delays) == 50
    assert delays[47] <= 1000, f"p95 {delays[47]:.0f} ms"


def test_from_log_in_to_closed_over_a_line_that_breaks(world: World):
    desk = open_context(world.browser, LAPTOP)
    screen = desk.new_page()
    log_in(screen, world.address, "officer", "/screen")
    world.send("测A3B825", **write_pictures(world.folder, "测A3B825"))
    screen.click(".row:has(kk-plate[data-text='测A3B825'])")
    screen.wait_for_selector(".case")
    case_id = case_of(screen, "测A3B825")
    screen.keyboard.press("c")
    screen.wait_for_selector("[data-act=assign]")
    screen.keyboard.press("a")
    screen.click(".choices[data-for=assign] button.primary")
    screen.wait_for_selector(".case .state:has-text('已派单')")

    context, phone = world.open("worker", PHONE)
    phone.goto(f"{world.address}/m")
    card = phone.locator(f".task[data-case='{case_id}']")
    expect(card.locator("kk-plate")).to_have_attribute("data-text", re.compile("测A•+5"))
    card.locator(".accept").click()
    card = phone.locator(f".task[data-case='{case_id}']")
    expect(card.locator("kk-plate")).to_have_attribute("data-text", "测A3B825")
    context.set_offline(True)
    card.locator("label:has-text('属实')").click()
    card.locator(".submit").click()
    expect(phone.locator(f".task[data-case='{case_id}'] .sent")).to_contain_text("有信号后自动上传")
    phone.reload()  # the page itself comes back from the shell that was kept
    expect(phone.locator(f".task[data-case='{case_id}'] .sent")).to_contain_text("有信号后自动上传")
    assert world.state_of(case_id) is State.ACCEPTED
    context.set_offline(False)
    expect(phone.locator(f".task[data-case='{case_id}']")).to_have_count(0, timeout=15000)
    assert world.state_of(case_id) is State.CLOSED
    expect(screen.locator(".case .state")).to_contain_text("已办结")
    context.close()
    desk.close()


def test_of_two_officers_on_one_case_one_wins_and_the_other_is_told(world: World):
    pages = [world.open(name, LAPTOP) for name in ("officer", "second")]
    for _, page in pages:
        page.goto(f"{world.address}/screen")
    world.send("测C70007")
    for _, page in pages:
        page.click(".row:has(kk-plate[data-text='测C70007'])")
        page.wait_for_selector(".case")
    (_, first), (_, second) = pages
    second.keyboard.press("r")
    second.wait_for_selector(".choices[data-for=reject]:not([hidden])")
    first.keyboard.press("c")
    first.wait_for_selector(".case .state:has-text('已确认')")
    second.keyboard.press("1")
    expect(second.locator("#toast")).to_contain_text("officer 先您一步执行了“肉眼确认”")
    expect(second.locator(".case .state")).to_contain_text("已确认")
    assert world.state_of(case_of(first, "测C70007")) is State.CONFIRMED
    for context, _ in pages:
        context.close()


def test_a_lost_stream_dims_the_screen_under_a_banner_and_catches_up(world: World):
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测D11111")
    page.wait_for_selector("kk-plate[data-text='测D11111']")
    context.set_offline(True)
    world.console.hub.close()  # every stream ends, as when the server restarts
    page.evaluate("fetch('/healthz').catch(() => 0)")
    world.send("测D22222")
    expect(page.locator("#banner")).to_contain_text("连接中断")
    expect(page.locator("kk-plate[data-text='测D11111']").first).to_be_visible()
    context.set_offline(False)
    page.wait_for_selector("kk-plate[data-text='测D22222']", timeout=15000)
    expect(page.locator("#banner")).to_be_hidden()
    context.close()


def test_the_first_administrator_is_made_in_the_browser(world: World):
    context = open_context(world.browser, PHONE)
    page = context.new_page()
    page.goto(f"{world.address}/setup/{world.console.accounts.first_link(datetime.now(UTC))}")
    page.fill("#username", "chief")
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.fill("#code", code_for(page.inner_text("#totp-secret"), datetime.now(UTC)))
    page.click("button.primary")
    expect(page.locator("h1")).to_have_text("好了")
    context.close()


def test_no_page_has_a_serious_accessibility_fault(world: World):
    world.send("测E4Q370", level="possible")
    found = {}
    for username, size, path in (
        (None, PHONE, "/login"),
        ("officer", WALL, "/screen"),
        ("officer", LAPTOP, "/statistics"),
        ("worker", PHONE, "/m"),
        ("steward", LAPTOP, "/list"),
        ("steward", LAPTOP, "/tokens"),
        ("steward", PHONE, "/corrections"),
    ):
        context, page = (
            world.open(username, size) if username else ((c := open_context(world.browser, size)), c.new_page())
        )
        page.goto(world.address + path)
        if path == "/screen":
            page.wait_for_selector(".row")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Enter")
            page.wait_for_selector(".case")
        results = Axe().run(page).response["violations"]
        found[path] = [
            (fault["id"], [node["html"][:120] for node in fault["nodes"][:2]])
            for fault in results
            if fault["impact"] in ("serious", "critical")
        ]
        context.close()
    assert not {path: faults for path, faults in found.items() if faults}


def test_hostile_texts_run_nothing_in_the_browser(world: World):
    context, page = world.open("officer", LAPTOP)
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(f"{world.address}/screen")
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    world.send("<svg/onload=1>", why=hostile, checkpoint=hostile, camera_id=hostile)
    page.wait_for_selector("kk-plate[data-text='<svg/onload=1>']")
    page.click(".row:has(kk-plate[data-text='<svg/onload=1>'])")
    page.wait_for_selector(".case")
    world.console.desk.act(
        StepRequest(case_of(page, "<svg/onload=1>"), Action.CONFIRM, note=hostile), officer(), datetime.now(UTC)
    )
    world.console.hub.touch([case_of(page, "<svg/onload=1>")])
    expect(page.locator(".timeline")).to_contain_text(hostile)
    expect(page.locator(".case .because")).to_have_text(hostile)
    assert ran == []
    context.close()
