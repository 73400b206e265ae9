"""`kakou install`, and a state folder that is another build's or another process's."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kakou.exit_codes import ExitCode
from kakou.installing.services import SERVICES
from kakou.state_format import FORMAT, StateFolderError, alone, require_known_format
from tests.commands import call_kakou

MAX_EXPOSURE = 2.5
CONFIG = """\
state_dir = "/var/lib/kakou"
redis_url = "unix:///run/redis/redis-server.sock"
[[source]]
camera_id = "lane1"
checkpoint = "东门卡口"
uri = "rtsp://10.0.0.1/1"
[[alerts.channel]]
name = "duty"
kind = "wecom"
token_file = "/run/credentials/kakou-deliver.service/duty.key"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kakou.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def units(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted(folder.rglob("*.service"))}


@pytest.mark.parametrize(
    ("role", "names"),
    [("box", ["kakou-run"]), ("centre", ["kakou-console", "kakou-deliver", "kakou-risk"])],
)
def test_the_services_of_a_role_are_written_and_taken_away_again(
    tmp_path: Path, config: Path, role: str, names: list[str]
):
    root = tmp_path / "root"
    done = call_kakou("install", role, "--config", config, "--root", root)
    assert done.exit_code == ExitCode.OK, done.stderr
    written = units(root)
    assert list(written) == names
    for text in written.values():
        assert "Type=notify" in text
        assert f"--config {config}" in text
        assert "ReadWritePaths=/var/lib/kakou" in text
    assert f"systemctl enable --now {' '.join(one.name for one in SERVICES if one.name in names)}" in done.stderr
    secret = "LoadCredential=duty.key:/etc/kakou/secrets/duty.key"
    assert [name for name, text in written.items() if secret in text] == [n for n in names if n == "kakou-deliver"]
    assert call_kakou("install", role, "--config", config, "--root", root, "--remove").exit_code == ExitCode.OK
    assert [path for path in root.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt-get install systemd")
@pytest.mark.parametrize("role", ["box", "centre"])
def test_the_units_are_exposed_little(tmp_path: Path, config: Path, role: str):
    call_kakou("install", role, "--config", config, "--root", tmp_path)
    for path in tmp_path.rglob("*.service"):
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"exposure level for \S+: ([\d.]+)", said)
        assert found is not None, said
        assert float(found[1]) <= MAX_EXPOSURE, path.name


def test_a_dry_run_writes_nothing_and_needs_no_root(tmp_path: Path, config: Path):
    done = call_kakou("install", "box", "--config", config, "--dry-run")
    assert "WatchdogSec=" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["kakou.toml"]


def test_settings_that_cannot_be_installed_are_a_sentence(tmp_path: Path):
    relative = tmp_path / "kakou.toml"
    relative.write_text('state_dir = "var"')
    done = call_kakou("install", "box", "--config", relative, "--root", tmp_path)
    assert (done.exit_code, "绝对路径" in done.stderr) == (ExitCode.CONFIG, True)
    relative.write_text('state_dir = "/var/lib/kakou"')
    done = call_kakou("install", "centre", "--config", relative, "--root", tmp_path)
    assert (done.exit_code, "redis_url" in done.stderr) == (ExitCode.CONFIG, True)


@pytest.mark.parametrize("command", [("run",), ("console",), ("risk", "serve"), ("deliver",)])
def test_a_state_folder_of_a_newer_build_is_refused_untouched(tmp_path: Path, command: tuple[str, ...]):
    state = tmp_path / "var"
    state.mkdir()
    (state / "state.json").write_text('{"format": 99, "written_by": "9.0.0"}')
    (tmp_path / "kakou.toml").write_text('[[source]]\ncamera_id="a"\ncheckpoint="b"\nuri="c.mp4"\n')
    done = call_kakou(*command, folder=tmp_path)
    assert done.exit_code == ExitCode.CONFIG
    assert "9.0.0" in done.stderr
    assert [path.name for path in state.iterdir()] == ["state.json"]


def test_a_folder_without_a_mark_gets_one_and_a_damaged_one_anew(tmp_path: Path):
    require_known_format(tmp_path)
    assert f'"format": {FORMAT}' in (tmp_path / "state.json").read_text()
    (tmp_path / "state.json").write_text("{")
    require_known_format(tmp_path)
    assert f'"format": {FORMAT}' in (tmp_path / "state.json").read_text()


def test_a_second_instance_on_the_same_folder_is_a_sentence(tmp_path: Path):
    (tmp_path / "kakou.toml").write_text('[[source]]\ncamera_id="a"\ncheckpoint="b"\nuri="c.mp4"\n')
    with alone(tmp_path / "var", "run"):
        done = call_kakou("run", folder=tmp_path)
    assert (done.exit_code, "已有 kakou run 在运行" in done.stderr) == (ExitCode.CONFIG, True)
    with alone(tmp_path / "var", "run"), pytest.raises(StateFolderError), alone(tmp_path / "var", "run"):
        pass
