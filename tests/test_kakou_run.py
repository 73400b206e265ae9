"""`kakou run` as a box runs it: real processes, real Redis, decoded clips."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.make_risk_list import write_risk_list
from tests.box_kit import PATIENT_LIST_TOML, SMALL_RESERVES_TOML
from tests.clip_kit import first_seconds, passages_within
from tests.commands import REPOSITORY, Finished, call_kakou, run_kakou, start_kakou

CLIP = REPOSITORY / "fixtures" / "videos" / "day_gantry.mp4"
SECONDS = 4.1
"""Of the clip: one listed vehicle passes in them and one that is not."""
LISTED = {passage.text for passage in passages_within(CLIP, SECONDS) if passage.is_listed}
UNLISTED = {passage.text for passage in passages_within(CLIP, SECONDS) if not passage.is_listed}


def write_config(folder: Path, *uris: str | Path, head: str = "") -> Path:
    lines = [head, f'state_dir = "{folder / "state"}"']
    for number, uri in enumerate(uris, start=1):
        lines += ["[[source]]", f'camera_id = "camera-{number}"', 'checkpoint = "东门卡口"', f'uri = "{uri}"']
        lines += [f'start = "{datetime.now(UTC).isoformat()}"']
    lines += [SMALL_RESERVES_TOML, PATIENT_LIST_TOML]
    path = folder / "kakou.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def import_list(folder: Path, config: Path) -> None:
    travel_records, areas = write_risk_list(folder, datetime.now(UTC))
    assert call_kakou("risk", "area", "import", areas, "--config", config).exit_code == 0
    assert call_kakou("risk", "import", travel_records, "--config", config).exit_code == 0


def passages(done: Finished) -> list[dict[str, str | float | None]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def files_with(folder: Path, text: str) -> list[Path]:
    """Return the files below `folder` that hold a text in any likely encoding."""
    needles = [text.encode(encoding) for encoding in ("utf-8", "gb18030", "utf-16-le")]
    needles.append(json.dumps(text)[1:-1].encode())
    return [p for p in folder.rglob("*") if p.is_file() and any(needle in p.read_bytes() for needle in needles)]


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """One clip screened against the sample list, beside a source that does not exist."""
    folder = tmp_path_factory.mktemp("run")
    config = write_config(folder, first_seconds(CLIP, SECONDS, folder), folder / "absent.mp4")
    import_list(folder, config)
    return run_kakou("run", "--config", config, "--json"), folder


def test_a_source_that_cannot_be_opened_is_named_and_the_others_go_on(screened: tuple[Finished, Path]):
    done, _ = screened
    assert done.exit_code == 3
    assert "absent.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert passages(done)


def test_listed_vehicles_are_flagged_once_and_nobody_else(screened: tuple[Finished, Path]):
    done, _ = screened
    flagged = [passage["listed_text"] for passage in passages(done) if passage["outcome"] == "flagged"]
    assert sorted(map(str, flagged)) == sorted(LISTED)


def test_an_unlisted_vehicle_leaves_no_plate_anywhere(screened: tuple[Finished, Path]):
    done, folder = screened
    assert UNLISTED
    for text in UNLISTED:
        assert files_with(folder / "state", text) == []
        assert text not in done.stdout + done.stderr


def test_the_record_and_redis_hold_no_listed_plate_either(screened: tuple[Finished, Path]):
    _, folder = screened
    for text in LISTED:
        assert [p.name for p in files_with(folder / "state", text) if p.name.startswith("risk")] == []


def test_without_redis_every_passage_is_unchecked_and_checked_once_it_is_back(tmp_path: Path):
    lost = write_config(
        tmp_path, first_seconds(CLIP, SECONDS, tmp_path), head='redis_url = "unix:///nonexistent/redis.sock"'
    )
    done = run_kakou("run", "--config", lost, "--json")
    outcomes = [passage["outcome"] for passage in passages(done)]
    assert outcomes
    assert set(outcomes) == {"unchecked"}
    assert len(list((tmp_path / "state" / "spool").glob("*.unchecked"))) == len(outcomes)
    assert all(files_with(tmp_path / "state", text) == [] for text in LISTED | UNLISTED)

    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "grey.png").write_bytes(grey_png())
    back = write_config(tmp_path, tmp_path / "pictures")
    import_list(tmp_path, back)
    again = run_kakou("run", "--config", back)
    # One round as a rule; a slow machine's list may answer for some passages in the next only.
    rounds = re.findall(r"预警 (\d+), 过期删除 0, 仍在等待 (\d+)", again.stderr)
    assert rounds, again.stderr
    assert (sum(int(flagged) for flagged, _ in rounds), rounds[-1][1]) == (len(LISTED), "0")
    events = call_kakou("events", "--config", back, "--json").stdout.splitlines()
    told = [json.loads(line) for line in events]  # notices too, where the machine is slow
    assert {event["text"] for event in told if "text" in event} == LISTED


@pytest.mark.long
def test_screening_goes_on_when_nobody_reads_its_lines(tmp_path: Path):
    config = write_config(tmp_path, first_seconds(CLIP, SECONDS, tmp_path))
    with start_kakou("run", "--config", config, folder=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    counts = json.loads((tmp_path / "state" / "run" / "camera-1.json").read_text())["camera-1"]
    assert counts["clear"] == len(LISTED | UNLISTED)


def test_a_box_without_any_source_says_so(tmp_path: Path):
    config = tmp_path / "kakou.toml"
    config.write_text("")
    done = call_kakou("run", "--config", config)
    assert done.exit_code == 5
    assert "no [[source]]" in done.stderr


def grey_png() -> bytes:
    import cv2
    import numpy as np

    return cv2.imencode(".png", np.full((480, 640, 3), 90, np.uint8))[1].tobytes()
