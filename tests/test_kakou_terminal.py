"""What stands between brackets or colons in a name is printed as it stands; it is no colour and ends no command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kakou
from tests.commands import call_kakou
from tests.test_ocr_images import write_noise

ODD = "cam[/] [red]x :car:"


def test_only_one_place_makes_consoles_and_help_has_its_own() -> None:
    top = Path(kakou.__file__).parent
    makers = {str(path.relative_to(top)) for path in top.rglob("*.py") if "Console(" in path.read_text("utf-8")}
    assert makers == {"terminal.py", "spoken.py"}


@pytest.mark.parametrize("command", ["read", "replay"])
def test_odd_names_of_files_are_said_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / ODD).parent.mkdir()
    write_noise(tmp_path / "a.png").rename(tmp_path / f"{ODD}.png")
    (tmp_path / f"{ODD}.mp4").write_bytes(b"nothing of use")
    config = tmp_path / "kakou.toml"
    config.write_text(f'state_dir = "{tmp_path}/var"')
    options: list[str | Path] = [] if command == "read" else ["--config", config]
    done = call_kakou(command, tmp_path, *options)
    assert done.exit_code == 3
    assert f"{ODD}.mp4" in done.stderr
    if command == "read":
        assert f"{ODD}.png" in done.stdout


def test_what_was_typed_is_said_as_it_was_typed(tmp_path: Path) -> None:
    config = tmp_path / "kakou.toml"
    config.write_text(f'state_dir = "{tmp_path}/var"')
    done = call_kakou("match", "[/a]", "--config", config)
    assert done.exit_code == 2
    assert "不是号牌" in done.stderr


def test_a_terminal_without_chinese_ends_no_command(tmp_path: Path) -> None:
    for encoding in ("ascii", "gbk"):
        done = subprocess.run(
            [sys.executable, "-m", "kakou.main", "read", "--help"],
            env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "LC_ALL": "zh_CN.GBK", "PYTHONUTF8": "0"},
            capture_output=True,
            cwd=tmp_path,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"kakou read" in done.stdout
