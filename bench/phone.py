"""How soon has a grid worker's phone its first task on a bad line? `python -m bench.phone`

A real `kakou console` process behind a real nginx with the snippet of docs/console.md, and a browser whose line is
slowed by its own network emulation. "New": nothing is kept, as after the link in the first message. "Kept": the shell
is there, as every other time. "Without proxy": the console's own HTTP/1.1, six files at a time, for comparison.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from bench.console import PASSWORD, event
from bench.documented_nginx import behind_nginx, documented_snippet
from bench.page_rig import PAINTED, Rig, local, open_browser, open_page, open_rig
from bench.report import Report, bench_options, percentile
from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.types import SYSTEM, Actor, Role

PHONE = (360, 740)
TASKS = 3


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kbit", type=int, default=400, help="down; a quarter of it up")
    parser.add_argument("--latency-ms", type=int, default=400)
    options = parser.parse_args()
    report = Report(f"phone: first task at {options.kbit} kbit/s and {options.latency_ms} ms, {options.runs} runs")
    proxied = 'behind_tls_proxy = true\ntrusted_proxies = ["127.0.0.1"]\n'
    with open_rig(0, proxied) as rig, tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        _hand_out(rig)
        with behind_nginx(Path(folder), rig.address, documented_snippet()) as address:
            new_ms, kept_ms = _measured(options, browser, rig, address)
        bare_ms, _ = _measured(options, browser, rig, local(rig.address))
    report.add_row("first task", phone="without proxy", p50_ms=percentile(bare_ms, 0.5), max_ms=max(bare_ms))
    for name, took in (("new", new_ms), ("kept", kept_ms)):
        report.add_row("first task", phone=name, p50_ms=percentile(took, 0.5), max_ms=max(took))
        report.add_bar(f"first task, {name}, p50 (ms)", percentile(took, 0.5), 2000, "at most")
    report.finish(options)


def _measured(options: argparse.Namespace, browser: Browser, rig: Rig, address: str) -> tuple[list[float], list[float]]:
    """Return how long each run took with nothing kept, and with the shell kept (ms)."""
    new_ms, kept_ms = [], []
    for _ in range(options.runs):
        context, page = open_page(browser, rig, rig.cookie("worker"), PHONE)
        _slow_down(context, page, options.kbit, options.latency_ms)
        new_ms.append(_first_task_ms(page, address))
        page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        kept_ms.append(_first_task_ms(page, address))
        context.close()
    return new_ms, kept_ms


def _hand_out(rig: Rig) -> None:
    """Give a worker something to do."""
    console, now = rig.console, datetime.now(UTC)
    token = console.accounts.create("worker", "网格员", Role.WORKER, "000000001", SYSTEM, now)
    console.accounts.redeem(token, "", PASSWORD, "", now)
    officer = Actor(1, "值班员", Role.OFFICER, "")
    for number in range(TASKS):
        case_id = console.intake.take([event(f"测A0000{number}")], now).opened[0]
        console.desk.act(StepRequest(case_id, Action.CONFIRM), officer, now)
        console.desk.act(StepRequest(case_id, Action.ASSIGN, reason="000000001"), officer, now)


def _slow_down(context: BrowserContext, page: Page, kbit: int, latency_ms: int) -> None:
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    line = {"downloadThroughput": kbit * 125, "uploadThroughput": kbit * 125 / 4, "latency": latency_ms}
    wire.send("Network.emulateNetworkConditions", {"offline": False, **line})


def _first_task_ms(page: Page, address: str) -> float:
    """Return the time from the tap on the link to a task on the screen."""
    page.goto(address + "/m", wait_until="commit")
    page.wait_for_selector(".task")
    return float(page.evaluate(f"{PAINTED}.then((at) => at - performance.timeOrigin)"))


if __name__ == "__main__":
    main()
