"""`make pictures`: what README and documents show of booth page, replay report and demo, from the product itself.

python -m tests.product_pictures FOLDER
"""

import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import httpx
import numpy as np
import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from alerts.booth_link import BoothPassage, BoothWord
from fixtures.truth import FIXTURE_VIDEOS
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.types import BgrImage
from tests.booth_kit import CAMERA, CHECKPOINT, BoothWorld, open_booth
from tests.commands import REPOSITORY, run_kakou, start_kakou
from tests.console_browser import LAPTOP, open_browser, open_context, wait_for_value
from tests.console_kit import event_of
from tests.console_screens import make_small

TABLET = (1024, 700)
FILM_SIZE, FILM_COLOURS = (960, 600), 112
FILM_S, FILM_STEP_S = 20.0, 0.8


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state, open_browser() as browser:
        picture_booth(browser, Path(state, "booth"), folder / "booth.png")
        film_demo(browser, Path(state, "demo"), folder / "demo.gif")
        picture_report(browser, Path(state, "demo"), folder / "replay.png")


def picture_booth(browser: Browser, state: Path, picture: Path) -> None:
    """A listed vehicle of a fixture clip stands at the booth; two clear ones passed before it."""
    vehicles = list(seen_vehicles("day_gantry", at_s=(3.0, 6.4, 8.9)))
    with open_booth(state) as booth:
        context = open_context(browser, TABLET, "light", ignore_https_errors=True)
        page = context.new_page()
        page.goto(booth.link())
        page.click("button")
        page.wait_for_url(f"{booth.address}/")
        booth.report()
        for number, (text, plate, vehicle) in enumerate(vehicles):
            _pass(booth, text, plate, vehicle, is_flagged=number == len(vehicles) - 1)
        expect(page.locator("#now")).to_have_class("now hit")
        wait_for_value(page, "document.querySelector('#vehicle').naturalWidth > 0")
        page.screenshot(path=picture)
        context.close()
    make_small(picture)


def seen_vehicles(clip: str, at_s: tuple[float, ...]) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield plate text and pictures of plate and vehicle (JPEG) at moments of a fixture clip."""
    reader = PlateReader.from_models(shipped_models())
    with av.open(str(FIXTURE_VIDEOS / f"{clip}.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        fps = float(container.streams.video[0].average_rate or 15)
    for second in at_s:
        image = np.asarray(frames[round(second * fps)], np.uint8)
        read = max(reader.read(image), key=lambda one: one.box.width * one.confidence)
        box = read.box
        side = 4 * box.width
        yield (
            read.text,
            jpeg(image, box.x1 - 10, box.y1 - 6, box.x2 + 10, box.y2 + 6),
            jpeg(
                image, box.center[0] - side / 1.6, box.y1 - 0.8 * side, box.center[0] + side / 1.6, box.y2 + 0.2 * side
            ),
        )


def jpeg(image: BgrImage, x1: float, y1: float, x2: float, y2: float) -> bytes:
    height, width = image.shape[:2]
    part = image[max(0, int(y1)) : min(height, int(y2)), max(0, int(x1)) : min(width, int(x2)), ::-1]
    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(part)).save(held, "JPEG", quality=90)
    return held.getvalue()


def _pass(booth: BoothWorld, text: str, plate: bytes, vehicle: bytes, *, is_flagged: bool) -> None:
    now = datetime.now(UTC)
    event = event_of(text, now, CHECKPOINT, "hit", camera_id=CAMERA) if is_flagged else None
    passage = BoothPassage(
        camera_id=CAMERA,
        checkpoint=CHECKPOINT,
        started_at=now,
        text=text,
        plate_class="02",
        outcome="flagged" if is_flagged else "clear",
        event=event,
        decided_at=now,
        has_left=False,
    )
    booth.mouth.say(BoothWord(passage, None, plate, vehicle))
    time.sleep(0.3)


def film_demo(browser: Browser, state: Path, film: Path) -> None:
    """The command screen while the demo's clips play as cameras: vehicles pass, hits rise, one is confirmed."""
    with start_kakou("demo", "--serve", "--folder", state, folder=state.parent, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        link = next(line for line in map(bytes.decode, process.stdout) if "/setup/" in line).split()[-1]
        address, cookie = _set_up(link)
        context = open_context(browser, LAPTOP, "light")
        name, _, value = cookie.partition("=")
        context.add_cookies(
            [{"name": name, "value": value, "url": address.replace("http://", "https://"), "secure": True}]
        )
        page = context.new_page()
        page.goto(f"{address}/screen")
        page.wait_for_selector(".row")
        page.wait_for_selector("text=路正常", timeout=60_000)
        _save_film(list(_shots(page)), film)
        context.close()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _set_up(link: str) -> tuple[str, str]:
    """Set the demo's first account up; return the console's address and the cookie of a log-in."""
    address, _, token = link.partition("/setup/")
    with httpx.Client(base_url=address, headers={"accept": "text/html"}) as http:
        found = re.search(r'id="totp-secret">([A-Z2-7]+)<', http.get(f"/setup/{token}").text)
        assert found is not None
        code, password = pyotp.TOTP(found[1]), "correct horse battery"
        form = {"username": "chief", "password": password, "again": password, "code": code.now()}
        http.post(f"/setup/{token}", data=form)
        form["code"] = code.at(time.time() + 30)
        return address, http.post("/login", data=form).headers["set-cookie"].split(";")[0]


def _shots(page: Page) -> Iterator[Image.Image]:
    steps = {8: "ArrowDown", 9: "Enter", 15: "c"}
    for number in range(int(FILM_S / FILM_STEP_S)):
        if number in steps:
            page.keyboard.press(steps[number])
        page.wait_for_timeout(1000 * FILM_STEP_S - 150)
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            yield shot.convert("RGB").resize(FILM_SIZE, Image.Resampling.LANCZOS)


def _save_film(shots: list[Image.Image], film: Path) -> None:
    shown = Image.new("RGB", (FILM_SIZE[0], 2 * FILM_SIZE[1]))
    for number, shot in enumerate((shots[0], shots[-1])):
        shown.paste(shot, (0, number * FILM_SIZE[1]))
    palette = shown.quantize(FILM_COLOURS)
    frames = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    frames[0].save(
        film, save_all=True, append_images=frames[1:], duration=round(1000 * FILM_STEP_S), loop=0, optimize=True
    )


def picture_report(browser: Browser, state: Path, picture: Path) -> None:
    """The report of a replay of two fixture clips against the demo's list."""
    report = state / "report.html"
    clips = [FIXTURE_VIDEOS / f"{name}.mp4" for name in ("day_gantry", "two_lanes")]
    done = run_kakou("replay", *clips, "--config", state / "kakou.toml", "--report", report, timeout_s=300)
    assert done.exit_code == 0, done.stderr
    context = open_context(browser, LAPTOP, "light")
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_timeout(500)
    page.screenshot(path=picture)
    context.close()
    make_small(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "pictures")
