"""Is the command screen quick with thousands of open cases? `python -m bench.screen`

A real `kakou console` process, a real browser: the time of the server and of painting. Other screens listen from this
process, which also sends the events: their work is in the figures.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import BrowserContext, Page

from alerts.envelope import to_cloudevent
from alerts.stream import STREAM_KEY
from bench.console import Screens, event, read_screen
from bench.page_rig import PAINTED, Rig, local, open_browser, open_page, open_rig
from bench.report import Report, bench_options, percentile
from console.web.access import COOKIE

KIB = 1000
SIFTED = f"""async (group) => {{
  const began = performance.timeOrigin + performance.now();
  const old = document.querySelector("#rows .row");
  document.querySelector(`.filters [data-group=${{group}}]`).click();
  const rows = document.getElementById("rows");
  const isNew = () => rows.childElementCount && document.querySelector("#rows .row") !== old;
  if (!isNew()) await new Promise((done) => new MutationObserver((_, watch) => {{
    if (isNew()) watch.disconnect(), done();
  }}).observe(rows, {{ childList: true }}));
  return (await {PAINTED}) - began;
}}"""
OPENED = f"""async (number) => {{
  const began = performance.timeOrigin + performance.now();
  const row = document.querySelectorAll("#rows .row")[number], body = document.getElementById("detail-body");
  const isThere = () => body.querySelector(`.case[data-case="${{row.dataset.case}}"]`);
  row.click();
  if (!isThere()) await new Promise((done) => new MutationObserver((_, watch) => {{
    if (isThere()) watch.disconnect(), done();
  }}).observe(body, {{ childList: true, subtree: true }}));
  return (await {PAINTED}) - began;
}}"""
NOTED = f"""() => {{
  window.painted = {{}};
  new MutationObserver(async (changes) => {{
    const texts = changes.flatMap(({{ addedNodes }}) => [...addedNodes]).filter((node) => node.querySelector)
      .map((row) => row.querySelector("kk-plate")?.dataset.text).filter(Boolean);
    const at = await {PAINTED};
    for (const text of texts) window.painted[text] ??= at;
  }}).observe(document.getElementById("rows"), {{ childList: true }});
}}"""


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--screens", type=int, default=200, help="that listen beside the browser's")
    parser.add_argument("--cases", type=int, default=5000, help="open cases before the run")
    parser.add_argument("--events", type=int, default=100, help="one at a time, twice a second")
    options = parser.parse_args()
    report = Report(f"screen: {options.cases} open cases, {options.screens} other screens, {options.events} events")
    with open_rig(options.cases) as rig, open_browser() as browser:
        cookie = rig.cookie()
        with _listening(rig, cookie, options.screens):
            context, page = open_page(browser, rig, cookie, (1280, 800))
            _weigh(report, context, page, rig)
            _look(report, page, rig, cookie)
            _send(report, page, rig, options)
    report.finish(options)


def _weigh(report: Report, context: BrowserContext, page: Page, rig: Rig) -> None:
    """Load the screen with nothing kept, and add up what came over the line; pictures apart."""
    wire = context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    wire.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["type"]}))
    wire.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}))
    wire.send("Network.enable")
    began = time.time()
    page.goto(local(rig.address) + "/screen", wait_until="commit")
    page.wait_for_selector("#rows .row")
    first_ms = float(page.evaluate(PAINTED)) - began * 1000
    page.wait_for_timeout(1000)
    weight = sum(size for request, size in sizes.items() if kinds.get(request) != "Image") / KIB
    report.add_row("first load", requests=len(sizes), kB=weight, first_row_ms=first_ms)
    report.add_bar("screen without pictures (kB, compressed)", weight, 150, "at most")


def _look(report: Report, page: Page, rig: Rig, cookie: str) -> None:
    with httpx.Client(base_url=rig.address, cookies={COOKIE: cookie}) as http:
        list_ms = [_answered_ms(http, "/screen/cases?group=open") for _ in range(10)]
        case_ms = [_answered_ms(http, f"/screen/cases/{number}") for number in range(1, 11)]
    groups = ("new", "open") * 5
    sifted = [float(page.evaluate(SIFTED, group)) for group in groups]
    opened = [float(page.evaluate(OPENED, number)) for number in range(10)]
    report.add_row("a list", server_p95_ms=percentile(list_ms, 0.95), painted_p50_ms=percentile(sifted, 0.5),
                   painted_p95_ms=percentile(sifted, 0.95))  # fmt: skip
    report.add_row("a case", server_p95_ms=percentile(case_ms, 0.95), painted_p50_ms=percentile(opened, 0.5),
                   painted_p95_ms=percentile(opened, 0.95))  # fmt: skip
    report.add_bar("list painted p95 (ms)", percentile(sifted, 0.95), 300, "at most")
    report.add_bar("case painted p95 (ms)", percentile(opened, 0.95), 500, "at most")


def _answered_ms(http: httpx.Client, path: str) -> float:
    began = time.monotonic()
    http.get(path).raise_for_status()
    return (time.monotonic() - began) * 1000


def _send(report: Report, page: Page, rig: Rig, options: argparse.Namespace) -> None:
    page.evaluate(NOTED)
    sent: dict[str, float] = {}
    for number in range(options.events):
        made = event(f"新{number:06}")
        sent[made.text] = time.time() * 1000
        rig.client.xadd(STREAM_KEY, {"event_id": made.event_id, "event": to_cloudevent(made)})
        page.wait_for_timeout(500)
    page.wait_for_timeout(2000)
    painted: dict[str, float] = page.evaluate("window.painted")
    delays = [at - sent[text] for text, at in painted.items() if text in sent] or [float("inf")]
    report.add_row("event to paint", sent=len(sent), painted=len(delays), p50_ms=percentile(delays, 0.5),
                   p95_ms=percentile(delays, 0.95), max_ms=max(delays))  # fmt: skip
    report.add_bar("events never painted", len(sent) - len(sent.keys() & painted.keys()), 0, "at most")
    report.add_bar("event to paint p95 (ms)", percentile(delays, 0.95), 500, "at most")


@contextmanager
def _listening(rig: Rig, cookie: str, count: int) -> Iterator[None]:
    """Hold so many other screens open, in a thread of their own."""
    screens, stop = Screens(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_read_until(stop, rig, cookie, screens, count)))
    thread.start()
    while screens.opened < count:
        time.sleep(0.1)
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _read_until(stop: threading.Event, rig: Rig, cookie: str, screens: Screens, count: int) -> None:
    readers = [asyncio.create_task(read_screen(rig.address, cookie, screens, {})) for _ in range(count)]
    while not stop.is_set():
        await asyncio.sleep(0.2)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


if __name__ == "__main__":
    main()
