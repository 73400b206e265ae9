"""What every bench does: it names what it measured, and says so where it cannot measure."""

import importlib
import json
import subprocess
from argparse import Namespace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from alerts.canary import CanaryEvent
from alerts.entries import StreamEntry
from bench.__main__ import bench_names
from bench.camera_box import on_stream_ms
from bench.report import NO_DATA, Report, commit_name
from tests.console_kit import START, event_of

ROOT = Path(__file__).parents[1]


def test_a_result_names_its_commit(tmp_path: Path):
    Report("nothing").finish(Namespace(json=tmp_path / "out.json", check=False))
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    named = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["commit"]
    assert named == commit_name()
    if head:
        assert head.startswith(named.removesuffix("+changes"))


@pytest.mark.parametrize("name", ["accuracy", "drawn_otherwise", "false_plates", "match", "special_plates"])
def test_a_bench_without_its_data_says_so_and_is_passed_over(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert name in bench_names()
    with pytest.raises(SystemExit) as left:
        importlib.import_module(f"bench.{name}").main(["--data", str(tmp_path / "absent")])
    assert left.value.code == NO_DATA
    assert "skipped" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "later"), [(NO_DATA, True), (1, False)])
def test_make_bench_goes_on_behind_a_bench_without_data_and_stops_at_a_failure(code: int, later: bool, tmp_path: Path):
    python = tmp_path / "python"
    lines = (
        "#!/bin/sh",
        '[ "$3" = --list ] && echo one two && exit',
        'echo "ran $2"',
        f"[ $2 = bench.two ] || exit {code}",
    )
    python.write_text("\n".join((*lines, "")))
    python.chmod(0o755)
    make = ["make", "--old-file=.venv/.ready", "bench", f"BIN={tmp_path}"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ran bench.one" in done.stdout
    assert ("ran bench.two" in done.stdout) is later
    assert (done.returncode == 0) is later


def test_a_figure_that_numpy_computed_is_written_like_any_other(tmp_path: Path):
    report = Report("title")
    report.add_bar("error", np.float64(0.01), 0.03, "at most")
    report.finish(Namespace(json=tmp_path / "out.json", check=True))
    assert json.loads((tmp_path / "out.json").read_text())["bars"][0]["is_met"] is True


def test_cameras_counts_the_way_to_the_stream_of_vehicles_alone_and_not_a_canarys_whole_walk():
    canary = CanaryEvent(
        event_id="1" * 32, origin="box:one", checkpoint="一号卡口", sent_at=START, confidence=0.99, list_version=1
    )
    entries = [StreamEntry("1-0", canary), StreamEntry("2-0", event_of(at=START + timedelta(seconds=1)))]
    assert on_stream_ms(entries, START + timedelta(seconds=1.02)) == [pytest.approx(20.0)]
