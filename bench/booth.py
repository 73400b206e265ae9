"""How soon does the tablet at a booth say what a vehicle is, once the box has decided? `python -m bench.booth`

The booth page as `kakou run` serves it (TLS, paired devices), told over its socket by this process as by a camera's,
with pictures of a usual size; one tablet is a real browser, others only listen. Painted: the word, the colour and the
plate are on the browser's screen.
"""

import argparse
import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
from playwright.sync_api import Browser, Page

from alerts.booth_link import BoothMouth, BoothPassage, BoothWord
from bench.page_rig import PAINTED, open_browser
from bench.report import Report, bench_options, percentile
from console.booth.app import COOKIE
from kakou.box.booth import open_devices, serve_booth
from kakou.settings import Settings

CHECKPOINT, CAMERA = "一号卡口", "一号卡口-入"
TABLET = (1024, 700)
PAINT_BAR_MS = 300.0
NOTED = f"""() => {{
  window.painted = {{}};
  new MutationObserver(async () => {{
    const text = document.querySelector("#text kk-plate")?.dataset.text;
    const at = await {PAINTED};
    if (text) window.painted[text] ??= at;
  }}).observe(document.getElementById("text"), {{ childList: true }});
}}"""


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--vehicles", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=2.0)
    parser.add_argument("--tablets", type=int, default=4, help="that listen beside the browser's")
    options = parser.parse_args()
    report = Report(
        f"booth: {options.vehicles} vehicles, {options.per_second:g} a second, {options.tablets} more tablets"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(_served(folder))
        for number in range(options.tablets):
            stack.enter_context(_listening(folder, address, f"平板{number}"))
        page = _paired(stack.enter_context(open_browser()), folder, address)
        took_ms = _measured(options, page, stack.enter_context(closing(BoothMouth(folder))))
    report.add_row(
        "decision to paint", sent=options.vehicles, painted=len(took_ms), p50_ms=percentile(took_ms, 0.5),
        p95_ms=percentile(took_ms, 0.95), max_ms=max(took_ms),
    )  # fmt: skip
    report.add_bar("decision to paint, p95 (ms)", percentile(took_ms, 0.95), PAINT_BAR_MS, "at most")
    report.add_bar("painted, of all", len(took_ms) / options.vehicles, 1.0, "at least")
    report.finish(options)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    booth = {"port": _free_port(), "host": "127.0.0.1"}
    source = {"camera_id": CAMERA, "checkpoint": CHECKPOINT, "uri": "0"}
    settings = Settings.model_validate({"state_dir": folder, "source": [source], "booth": booth})
    stop = threading.Event()
    serving = threading.Thread(target=serve_booth, args=(settings, stop))
    serving.start()
    try:
        yield f"https://localhost:{booth['port']}"
    finally:
        stop.set()
        serving.join(timeout=10)


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def _token(folder: Path, name: str) -> str:
    """Pair a device; the server is up once its folder of devices is."""
    with closing(open_devices(folder)) as devices:
        return devices.pair(devices.invite(name, CHECKPOINT, "", timedelta(minutes=10)))


@contextlib.contextmanager
def _listening(folder: Path, address: str, name: str) -> Iterator[None]:
    """A tablet that reads its stream and paints nothing."""
    transport = httpx.HTTPTransport(verify=False, retries=50)  # the certificate was made for the run
    stop = threading.Event()
    with (
        httpx.Client(transport=transport, cookies={COOKIE: _token(folder, name)}, timeout=60) as http,
        http.stream("GET", f"{address}/stream") as answer,
    ):
        answer.raise_for_status()
        reading = threading.Thread(target=_read, args=(answer, stop))
        reading.start()
        yield
        stop.set()
        reading.join()


def _read(answer: httpx.Response, stop: threading.Event) -> None:
    """The page's state comes every two seconds: so long it takes to end."""
    for _ in answer.iter_bytes():
        if stop.is_set():
            return


def _paired(browser: Browser, folder: Path, address: str) -> Page:
    width, height = TABLET
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN", ignore_https_errors=True)
    context.add_cookies([{"name": COOKIE, "value": _token(folder, "browser"), "url": address, "secure": True}])
    page = context.new_page()
    page.goto(address)
    page.locator("#line", has_text="指挥中心").wait_for()
    page.evaluate(NOTED)
    return page


def _measured(options: argparse.Namespace, page: Page, mouth: BoothMouth) -> list[float]:
    """Return the time from each decision to its paint (ms); one that was never painted is left out."""
    plate, vehicle = _picture(120, 360), _picture(540, 860)
    decided: dict[str, datetime] = {}
    for number in range(options.vehicles):
        text = f"测A{number:05}"
        decided[text] = datetime.now(UTC)
        mouth.say(BoothWord(_passage(text, decided[text]), None, plate, vehicle))
        page.wait_for_timeout(1000 / options.per_second)
    page.wait_for_timeout(1000)
    painted: dict[str, float] = page.evaluate("window.painted")
    return [painted[text] - at.timestamp() * 1000 for text, at in decided.items() if text in painted]


def _passage(text: str, now: datetime) -> BoothPassage:
    return BoothPassage(
        camera_id=CAMERA, checkpoint=CHECKPOINT, started_at=now, text=text, plate_class="02", outcome="clear",
        event=None, decided_at=now, has_left=False,
    )  # fmt: skip


def _picture(height: int, width: int) -> bytes:
    """Return a JPEG about as heavy as a camera's of that size."""
    noise = np.random.default_rng(7).integers(60, 190, (height // 8, width // 8, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", cv2.resize(noise, (width, height)), [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


if __name__ == "__main__":
    main()
