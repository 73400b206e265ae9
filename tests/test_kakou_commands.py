"""Every command: one file, one line; an error of ours is a sentence and an exit code; packages are our own."""

import functools
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from kakou.errors import exit_code_of
from kakou.exit_codes import ExitCode
from kakou.main import COMMANDS, app
from tests.commands import REPOSITORY

PACKAGES = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou")
UNSPOKEN = "footage"
"""`kakou replay PATH` says this word to itself."""
HELPERS = (
    "demo_cameras",
    "_output",
    "risk_care",
    "risk_area",
    "risk_feed",
    "risk_imports",
    "risk_permits",
    "risk_rows",
    "risk_watch",
)
"""Files of kakou/commands that belong to a command and are none."""


@functools.cache
def our_errors() -> list[type[Exception]]:
    """Return every error class of ours that may leave its module, found by walking the packages."""
    found: set[type[Exception]] = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(REPOSITORY / package)], f"{package}."):
            if ".migrations" in module.name:
                continue  # only alembic may load these
            for name, value in vars(importlib.import_module(module.name)).items():
                is_error = isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_")
                if is_error and value.__module__.split(".")[0] in PACKAGES:
                    found.add(value)
    return sorted(found, key=lambda one: one.__qualname__)


def new_error(kind: type[Exception]) -> Exception:
    """Return an instance whatever its constructor asks for."""
    error = kind.__new__(kind, "没有做成：请检查 [x]")
    error.args = ("没有做成：请检查 [x]",)
    return error


def leaves(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command below, those without a word of their own too."""
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield words
        for name, below in command.commands.items():
            yield from leaves(below, (*words, name))
    else:
        yield words


ALL_COMMANDS = [
    words
    for name, module in COMMANDS.items()
    for words in leaves(get_command(importlib.import_module(module).app), (name,))
]


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_every_error_of_ours_is_a_sentence_and_an_exit_code_in_every_command(
    words: tuple[str, ...], every: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Each command with every fourth error, the next with the next ones; the long form with all of them."""
    raised: list[Exception] = []

    def fail(**_: object) -> None:
        raise raised[-1]

    def failing(command: object, rest: tuple[str, ...]) -> object:
        if isinstance(command, TyperGroup) and rest:
            command.commands = {rest[0]: failing(command.commands[rest[0]], rest[1:])}  # type: ignore[dict-item]  # every command fails, whatever its type
        else:
            command.params, command.callback = [], fail  # type: ignore[attr-defined]  # every command fails, whatever its type
        return command

    group = get_command(app)
    command = failing(group.get_command(None, words[0]), words[1:])  # type: ignore[attr-defined]  # typer has its own click
    monkeypatch.setattr(group, "get_command", lambda *_: command)
    for kind in our_errors()[ALL_COMMANDS.index(words) % every :: every]:
        raised.append(new_error(kind))
        code = exit_code_of(kind)
        assert code is not None, f"{kind.__name__} has no row in kakou/errors.py"
        with pytest.raises(SystemExit) as ended:
            group.main([word for word in words if word != UNSPOKEN], standalone_mode=True)
        assert (ended.value.code, capsys.readouterr().err) == (int(code), "错误 没有做成：请检查 [x]\n"), kind


def test_a_fault_of_ours_keeps_its_traceback():
    assert exit_code_of(KeyError) is None


def test_every_command_is_one_file_and_one_line():
    files = {path.stem for path in (REPOSITORY / "kakou" / "commands").glob("*.py")}
    commands = {name for name in files if name != "__init__" and not name.endswith(HELPERS)}
    assert commands == set(COMMANDS)
    assert all(module == f"kakou.commands.{name}" for name, module in COMMANDS.items())


@pytest.mark.parametrize("arguments", [["nosuch"], ["--check", "walk"]])
def test_a_bench_that_there_is_not_is_answered_with_those_that_there_are(arguments: list[str]):
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert (done.exit_code, "walk" in done.stderr.split()) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    "name", ["console", *(pytest.param(name, marks=pytest.mark.long) for name in ("ocr", "alerts", "pipeline"))]
)
def test_a_foreign_package_of_the_same_name_is_named_at_the_start(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    foreign = tmp_path / name / "__init__.py"
    foreign.write_text("raise RuntimeError('somebody else')", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}", "COLUMNS": "400"}
    command = [sys.executable, "-m", "kakou.main", "events", "--count", "0"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.CONFIG
    assert str(foreign) in done.stderr
    assert "python -m venv" in done.stderr
    assert "Traceback" not in done.stderr
