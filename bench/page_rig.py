"""Pages in a real browser on a real console: what bench.screen, bench.phone and bench.booth share."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.console import PASSWORD, prepared, started
from console.parts import Console
from console.web.access import COOKIE
from kakou.wiring.embedded_redis import embedded_redis

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PAINTED = (
    "new Promise((done) => requestAnimationFrame(() => setTimeout(() => "
    "done(performance.timeOrigin + performance.now()))))"
)
"""Milliseconds since 1970 once what stands in the document is on the screen."""

PATIENCE_S = 12 * 3600.0
"""No case becomes overdue while it is looked at: 5,000 at the same moment are another question."""


@dataclass(frozen=True, slots=True)
class Rig:
    """A console process, and the same console's parts in this one."""

    console: Console
    client: "redis.Redis"
    address: str
    pid: int

    def cookie(self, username: str = "officer") -> str:
        return self.console.sessions.log_in(username, PASSWORD, "", "bench", datetime.now(UTC))


@contextlib.contextmanager
def open_rig(cases: int, more: str = "") -> Iterator[Rig]:
    """`more` are lines of the console's settings."""
    with tempfile.TemporaryDirectory() as folder, embedded_redis(Path(folder, "redis")) as url:
        client = redis.Redis.from_url(url)
        console = prepared(Path(folder), client, cases, PATIENCE_S)
        process, address = started(Path(folder), url, PATIENCE_S, more=more)
        try:
            yield Rig(console, client, address, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)
            console.database.close()
            client.close()


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """Raises SystemExit where there is no Chromium."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("no Chromium found: apt-get install chromium-headless-shell, or set CHROMIUM")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]  # the proxy's is made for the run
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def open_page(browser: Browser, rig: Rig, cookie: str, size: tuple[int, int]) -> tuple[BrowserContext, Page]:
    """Return a new browser that is logged in and has nothing kept."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="zh-CN", reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    url = local(rig.address).replace("http://", "https://")
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": url, "secure": True}])
    return context, context.new_page()


def local(address: str) -> str:
    """Return the address by the name under which a browser takes it for safe: its cookies are for https only."""
    return address.replace("127.0.0.1", "localhost")
