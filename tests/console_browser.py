"""A real browser for the console's tests: the system's Chromium, driven by Playwright."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.web.access import COOKIE
from tests.console_kit import PASSWORD

INSTALL = "no Chromium found: apt-get install chromium-headless-shell (or set CHROMIUM to the browser you have)"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Best first: the same engine without the desktop around it takes a third of the time for a page in a new context."""
WALL = (1920, 1080)
LAPTOP = (1280, 800)
PHONE = (360, 740)


def find_chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def wait_for_value(page: Page, expression: str, timeout_s: float = 10.0) -> None:
    """Return as soon as the expression is true on the page.

    `Page.wait_for_function` asks by `eval()`, which the console's policy forbids from the second time on.
    """
    deadline = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not become true within {timeout_s} s"
        page.wait_for_timeout(20)


def lose_line_with_shell_kept(page: Page) -> None:
    """Take the line away once the phone's page can be opened without one: a moment after it was opened first."""
    wait_for_value(page, "navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a browser; without one the test is skipped, and fails where CI is set."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def open_context(
    browser: Browser, size: tuple[int, int], theme: str | None = None, *, ignore_https_errors: bool = False
) -> BrowserContext:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", has_touch=width < 600, is_mobile=width < 600,
        reduced_motion="reduce", ignore_https_errors=ignore_https_errors,
    )  # fmt: skip
    context.set_default_timeout(20000)
    if theme:
        context.add_init_script(f"localStorage.setItem('kakou-theme', '{theme}')")
    return context


def log_in(page: Page, address: str, username: str, path: str = "/") -> None:
    page.goto(f"{address}/login?next={path}")
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(f"{address}{path if path != '/' else '/**'}")


def use_cookie(context: BrowserContext, address: str, token: str) -> None:
    """Be logged in without the log-in page."""
    context.add_cookies(
        [{"name": COOKIE, "value": token, "url": address.replace("http://", "https://"), "secure": True}]
    )
