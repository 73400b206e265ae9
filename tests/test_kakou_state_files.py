"""The files of the state folder: nobody else's, and no damage to one of them stops a box."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from alerts.set_aside import losses
from kakou.errors import report_error
from kakou.exit_codes import ExitCode
from kakou.process import keep_private
from kakou.settings import SettingsError, load_settings
from kakou.wiring.box import Box
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.matching import key_path
from kakou.wiring.redis_socket import private_socket
from ocr.hypotheses import PlateHypothesis
from ocr.types import BgrImage, PlateRead
from pipeline.settings import SourceSettings
from pipeline.types import ScreeningCounts
from riskdb.digest import load_or_create_key
from riskdb.types import RiskDBError
from tests.box_kit import small_box
from tests.commands import REPOSITORY, run_kakou
from tests.pipeline_kit import NOON


class NoReads:
    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        return []


@pytest.fixture
def _open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [path.name for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


@pytest.mark.usefixtures("_open_umask")
def test_the_state_folder_is_its_owners_alone_whatever_the_umask(tmp_path: Path):
    state = tmp_path / "state"
    (state / "evidence").mkdir(parents=True)
    (state / "evidence" / "a.jpg").touch()
    keep_private(state)
    (state / "later").touch()
    assert open_to_others(state) == []


@pytest.mark.usefixtures("_open_umask")
def test_a_command_leaves_nothing_that_others_can_read(tmp_path: Path):
    (tmp_path / "kakou.toml").write_text("", encoding="utf-8")
    result = run_kakou("risk", "stats", folder=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert list((tmp_path / "var").iterdir())
    assert open_to_others(tmp_path / "var") == []


def test_a_folder_in_tmp_that_somebody_else_has_taken_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = tmp_path / "data"
    data.mkdir()
    short = tempfile.mkdtemp(dir="/tmp")  # a socket's path has 107 bytes at most
    monkeypatch.setattr(tempfile, "tempdir", short)
    usual = private_socket(data)
    assert usual is not None
    usual.parent.chmod(0o777)
    for _ in range(2):  # also whoever takes the server over finds the same place
        other = private_socket(data)
        assert other is not None
        assert other.parent != usual.parent
        assert other.parent.stat().st_mode & 0o077 == 0
    usual.parent.rmdir()
    usual.parent.symlink_to(tmp_path)
    assert private_socket(data) == other
    shutil.rmtree(short)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 7):
        content[at] ^= 0x5A
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def become_text(path: Path) -> None:
    path.write_text("这不是数据库\n" * 300, encoding="utf-8")


def aof_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.aof*") if path.is_file()]


@pytest.mark.parametrize(
    "damage", [flip, *(pytest.param(damage, marks=pytest.mark.long) for damage in (cut, become_text))]
)
def test_an_embedded_redis_whose_data_is_damaged_starts_without_it(tmp_path: Path, damage: Callable[[Path], None]):
    with embedded_redis(tmp_path / "redis") as url, redis.Redis.from_url(url) as client:
        client.set("a", "b" * 1000)
    for path in aof_files(tmp_path / "redis"):
        damage(path)
    for _ in range(2):
        with embedded_redis(tmp_path / "redis") as url, redis.Redis.from_url(url) as client:
            client.set("c", "d")
            assert client.get("c") == b"d"
    assert len(losses(tmp_path)) == 1


@pytest.mark.parametrize("damage", [b"", b"no key", b"00" * 31])
def test_a_box_with_a_damaged_plate_key_is_built_and_answers_unchecked_until_it_is_mended(
    tmp_path: Path, redis_url: str, damage: bytes
):
    settings = small_box(tmp_path)
    good = load_or_create_key(key_path(settings))
    key_path(settings).write_bytes(damage)
    box = Box.build(settings, redis_url)
    with box.outbox() as outbox:
        source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="x.mp4")
        parts = box.camera_parts(source, NoReads(), outbox, ScreeningCounts())
        with pytest.raises(RiskDBError):
            parts.screening.match([PlateHypothesis("京A12345", "02", 0.9)], NOON)
        with pytest.raises(RiskDBError, match=r"plate\.key"):
            parts.screening.flagging.id_key()
        key_path(settings).write_bytes(good.hex().encode())
        assert parts.screening.flagging.id_key() == good


@pytest.mark.parametrize(
    ("number", "says"), [(28, "磁盘已满"), (30, "磁盘只读"), (13, "没有权限"), (36, "路径太长"), (5, "磁盘读写出错")]
)
def test_a_disk_that_refuses_ends_a_command_with_a_sentence(number: int, says: str, capsys: pytest.CaptureFixture[str]):
    assert report_error(OSError(number, os.strerror(number), "/state/x")) == ExitCode.UNAVAILABLE
    assert f"/state/x {says}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("/proc", "属于内核"),
        ("/proc/self/var", "属于内核"),
        ("/sys/var", "属于内核"),
        ("x" * 300, "路径太长"),
        ("y/" * 2100, "路径太长"),
        ("kakou.toml/var", "不是文件夹"),
        ("nowhere", "不是文件夹"),
        ("nowhere/var", "不是文件夹"),
        ("circle", "不是文件夹"),
        ("/dev/null/var", "不是文件夹"),
    ],
)
def test_a_place_that_can_hold_no_state_folder_is_refused_with_the_setting(tmp_path: Path, folder: str, says: str):
    (tmp_path / "nowhere").symlink_to("/nonexistent/var")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with contextlib.chdir(tmp_path):
        (tmp_path / "kakou.toml").write_text(f'state_dir = "{folder}"')
        with pytest.raises(SettingsError, match=rf"kakou\.toml: state_dir: .{{1,200}}{says}"):
            load_settings()


def test_a_doctor_who_may_not_look_into_the_state_folder_says_so_and_goes_on(tmp_path: Path):
    (tmp_path / "kakou.toml").write_text('state_dir = "shut/var"\n')
    (tmp_path / "shut").mkdir(0)
    command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command += [sys.executable, "-m", "kakou.main", "doctor", "--json"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    (tmp_path / "shut").chmod(0o700)
    assert (done.returncode, done.stderr) == (ExitCode.FINDINGS, "")
    said = {one["check"]: one["verdict"] for one in map(json.loads, done.stdout.splitlines())}
    assert said["状态目录 state folder"] == "bad"
    assert "Redis" in said
