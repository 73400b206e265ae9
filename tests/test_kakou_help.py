"""`kakou --help` in the user's language; what make says while it installs."""

import os
import subprocess
from pathlib import Path

import pytest

from kakou.main import CHINESE, COMMANDS
from tests.commands import REPOSITORY, call_kakou


@pytest.mark.parametrize(("locale", "is_chinese"), [("zh_CN.UTF-8", True), ("en_GB.UTF-8", False), ("C", False)])
def test_the_list_of_commands_is_in_the_users_language(monkeypatch: pytest.MonkeyPatch, locale: str, is_chinese: bool):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)
    said = call_kakou("--help").stdout
    assert (CHINESE["doctor"][:8] in said) == is_chinese
    assert ("命中的马上说出来" in said) == is_chinese
    for words in ("screen vehicles", "Options", "Commands", "Show this message", "Print the version"):
        assert (words in said) != is_chinese
    assert set(CHINESE) == set(COMMANDS)


def setup(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    command = ["sh", str(REPOSITORY / "deploy" / "setup.sh"), python, str(folder / "venv")]
    return subprocess.run(
        command, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )


def test_a_python_that_is_missing_or_too_old_is_a_sentence(tmp_path: Path):
    done = setup(tmp_path, "python3.99")
    assert (done.returncode, "没有 python3.99：apt-get install" in done.stderr) == (1, True)
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\ncase "$1" in -c) exit 1;; *) echo Python 3.8.1;; esac\n')
    old.chmod(0o755)
    done = setup(tmp_path, str(old))
    assert (done.returncode, "Python 3.8.1，需要 3.11、3.12 或 3.13" in done.stderr) == (1, True)
