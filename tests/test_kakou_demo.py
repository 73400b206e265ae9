"""The demo, as a new user runs it: everything real, everything adds up, nothing stays behind."""

import itertools
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pyotp
import pytest

from fixtures.truth import PassageTruth, load_truth
from tests.clip_kit import first_seconds, passages_within
from tests.commands import PROGRAM, REPOSITORY, Finished, call_kakou, run_kakou, start_kakou

CLIPS = sorted((REPOSITORY / "fixtures" / "videos").glob("*.mp4"))
SECONDS = {"parked_car": 4.4, "rain_caption": 5.2}
"""Of a clip for each of the demo's two processes: until its first listed vehicle has been read."""
ON_CLIPS_OF = (
    "import sys; from pathlib import Path; from kakou.commands import demo; demo.CLIPS = Path(sys.argv.pop(1)); "
    "from kakou.main import main; main()"
)
"""The demo on the clips of the folder that comes first."""


@dataclass(frozen=True)
class Demo:
    """A finished demo, its folder, its clips and who passes in them."""

    done: Finished
    folder: Path
    clips: list[Path]
    passages: list[PassageTruth]


@pytest.fixture(scope="module", params=["beginnings", pytest.param("whole", marks=pytest.mark.long)])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo of the first seconds of two clips, or of all as a new user sees it."""
    folder = tmp_path_factory.mktemp("demo")
    program, seconds = (("-c", ON_CLIPS_OF, str(folder)), SECONDS) if request.param == "beginnings" else (PROGRAM, {})
    clips = [clip for clip in CLIPS if clip.stem in seconds or not seconds]
    for clip in clips if seconds else ():
        first_seconds(clip, seconds[clip.stem], folder)
        shutil.copy(clip.with_suffix(".json"), folder)
    done = run_kakou("demo", "--folder", folder / "state", timeout_s=180, program=program)
    passages = [passage for clip in clips for passage in passages_within(clip, seconds.get(clip.stem, float("inf")))]
    return Demo(done, folder / "state", clips, passages)


def test_every_clip_is_screened_and_the_sums_add_up(demo: Demo):
    done = demo.done
    assert done.exit_code == 0, done.stderr
    total, clear, flagged, unchecked = map(
        int,
        re.search(r"过车 (\d+) = 无风险 (\d+) \+ 预警 (\d+) \+ 未核对 (\d+)", done.stderr).groups(),  # type: ignore[union-attr]  # None fails the test
    )
    assert total == clear + flagged + unchecked == len(done.stdout.splitlines())
    assert unchecked == 0
    assert all(clip.stem in done.stderr for clip in demo.clips)


def test_every_expected_passage_is_printed_and_the_listed_ones_are_flagged(demo: Demo):
    lines = demo.done.stdout.splitlines()
    read = [p for p in demo.passages if any(p.text in line for line in lines)]
    assert len(read) >= 0.9 * len(demo.passages), {p.text for p in demo.passages} - {p.text for p in read}
    everybody = [passage for clip in demo.clips for passage in load_truth(clip.with_suffix(".json")).passages]
    hits = {p.text for p in everybody if any(p.text in line and "命中" in line for line in lines)}
    assert hits == {p.text for p in demo.passages if p.is_listed}
    assert len(hits) >= len(demo.clips)
    # The sample list holds decoys one look-alike away from clip plates: one may ask for a look, none may be a hit.
    assert sum("疑似" in line for line in lines) <= 1


def test_the_events_are_still_there_after_the_demo(demo: Demo):
    done = demo.done
    events = call_kakou("events", "--config", demo.folder / "kakou.toml")
    assert events.exit_code == 0
    assert len(events.stdout.splitlines()) == sum("P=" in line for line in done.stdout.splitlines())


@pytest.mark.long
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_no_process_behind(tmp_path: Path, end: signal.Signals):
    with start_kakou("demo", "--folder", tmp_path / "state", folder=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first passage: every process is up by now
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(end)
        _, alive = psutil.wait_procs(family, timeout=20)
        for one in alive:
            one.kill()
    assert alive == []
    assert len(family) >= 3, "Redis and two screening processes were not up"


@pytest.mark.long
def test_the_demo_opens_the_command_screen_with_its_events(tmp_path: Path):
    state = tmp_path / "state"
    with start_kakou("demo", "--serve", "--folder", state, folder=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = map(bytes.decode, process.stdout)
        passages = list(itertools.takewhile(lambda line: "控制台地址" not in line, lines))
        link = next(lines).split()[-1]
        origin, _, token = link.partition("/setup/")
        with httpx.Client(base_url=origin, headers={"accept": "text/html"}) as http:
            secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', http.get(f"/setup/{token}").text)[1]  # type: ignore[index]  # None fails the test
            password = "correct horse battery"
            code = pyotp.TOTP(secret)
            form = {"username": "chief", "password": password, "again": password, "code": code.now()}
            assert "账号已启用" in http.post(f"/setup/{token}", data=form).text
            form["code"] = code.at(time.time() + 30)
            cookie = http.post("/login", data=form).headers["set-cookie"].split(";")[0]
            # Vehicles, not lines: where the console starts slowly the clips are already played once more.
            flagged = len({line.split("  ")[2] for line in passages if "P=" in line})
            cases: list[dict[str, str]] = []
            deadline = time.monotonic() + 30
            while len(cases) < flagged and time.monotonic() < deadline:
                cases = http.get("/screen/cases", headers={"cookie": cookie}).json()
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert psutil.wait_procs(family, timeout=10)[1] == [], "something outlived the demo"
    assert flagged >= 6
    assert len(cases) == flagged
    assert {case["grid_code"][:6] for case in cases} == {"999901"}
