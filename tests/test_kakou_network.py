"""No program of ours asks for a name or dials an address that its configuration does not name."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from kakou.doctor.machine import check_telemetry
from pipeline.replay.ray_engine import silence_ray
from tests.commands import REPOSITORY

CLIP = REPOSITORY / "fixtures" / "videos" / "day_gantry.mp4"
CAN_WATCH = os.geteuid() == 0 and shutil.which("unshare") is not None and shutil.which("ip") is not None
watched = pytest.mark.skipif(
    not CAN_WATCH and "CI" not in os.environ, reason="needs root, unshare and ip: apt-get install util-linux iproute2"
)


@dataclass(frozen=True, slots=True)
class Heard:
    code: int
    names: list[str]
    addresses: list[str]
    left_at_home: list[str]
    """Files that appeared in the home folder."""


def listen_to(folder: Path, *command: str | Path) -> Heard:
    """Run a command in a network of its own, with an empty home; return what it asked for and dialled."""
    home = folder / "home"
    home.mkdir()
    # Set, CI alone keeps onnxruntime's telemetry off: nothing would be tested.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(home), "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("REDIS_URL", None)
    watcher = [sys.executable, str(REPOSITORY / "tests" / "network_watch.py"), str(folder / "found.json")]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *watcher, *map(str, command)], env=environment, cwd=folder, check=False
    )
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    left = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return Heard(done.returncode, found["names"], found["addresses"], left)


def kakou(*words: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "kakou.main", *words]


@watched
def test_who_asks_for_a_name_and_dials_an_address_is_heard(tmp_path: Path):
    code = "import socket; socket.create_connection(('collector.example', 443), 2)"
    heard = listen_to(tmp_path, sys.executable, "-c", code)
    assert "collector.example" in heard.names
    assert heard.addresses == ["10.99.9.9"]


@watched
def test_reading_plates_calls_nobody_and_leaves_no_device_id(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((60, 200, 3), 128, np.uint8))
    assert listen_to(tmp_path, *kakou("read", tmp_path / "grey.png")) == Heard(0, [], [], [])


@watched
@pytest.mark.long
@pytest.mark.parametrize("words", [["demo", "--folder", "state"], ["replay", CLIP], ["run"], ["console"], ["deliver"]])
def test_no_command_calls_anybody(tmp_path: Path, words: list[str | Path]):
    text = f'[console]\nport = 0\n[[source]]\ncamera_id = "a"\ncheckpoint = "x"\nuri = "{CLIP}"\n'
    (tmp_path / "kakou.toml").write_text(text, encoding="utf-8")
    heard = listen_to(tmp_path, "timeout", "--signal=INT", "60", *kakou(*words))
    assert heard.code in (0, 124, 130)  # console and deliver are ended by the time-out
    assert (heard.names, heard.addresses, heard.left_at_home) == ([], [], [])


def test_whatever_loads_the_models_has_switched_telemetry_off_before():
    code = "import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None); import ocr.providers;"
    code += "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout == "1\n"


def test_ray_reports_no_usage(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    silence_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_doctor_says_that_nobody_is_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_telemetry() == (True, "onnxruntime 遥测已关闭，Ray 使用统计已关闭")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    is_ok, says = check_telemetry()
    assert not is_ok
    assert "ORT_DISABLE_TELEMETRY" in says


def test_doctor_names_a_device_id_that_an_earlier_version_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    left = tmp_path / ".cache" / "Microsoft" / "DeveloperTools" / ".onnxruntime"
    left.mkdir(parents=True)
    (left / "deviceid").write_text("x")
    is_ok, says = check_telemetry()
    assert not is_ok
    assert str(left) in says
