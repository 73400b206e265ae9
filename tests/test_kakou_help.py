"""`kakou --help` in the user's language; what make says while it installs."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from kakou.exit_codes import ExitCode
from kakou.main import COMMANDS
from kakou.spoken import chinese_help
from tests.commands import REPOSITORY, call_kakou

WORD_PAIR = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,}\b")
CHINESE = re.compile("[\u4e00-\u9fff]+")
TYPERS_WORDS = re.compile(r"Usage|Options|Arguments|Commands|OPTIONS|ARGS|default|required|<\w")
FIELD_WORDS = {"卡口", "卡口岗", "待核实", "通行证", "已导入", "被退回", "回执", "一号平板", "回放"}
"""Chinese that an English page holds: the field's own words, and names that are written on the disk."""


def spoken_in(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)


def without_code(page: str, *texts: str) -> str:
    """Return the page without what is typed: the spans of code in these texts."""
    spans = {span for text in texts for span in re.findall(r"`(.+?)`", text)}
    for span in sorted(spans, key=len, reverse=True):
        page = page.replace(span, "")
    return page


def every_command() -> Iterator[tuple[tuple[str, ...], TyperCommand | TyperGroup]]:
    """Yield the words of every command and every group of commands, and what it is."""
    waiting: list[tuple[tuple[str, ...], object]] = [
        ((name,), get_command(importlib.import_module(module).app)) for name, module in COMMANDS.items()
    ]
    for words, command in waiting:
        assert isinstance(command, TyperCommand | TyperGroup)
        yield words, command
        if isinstance(command, TyperGroup):
            waiting += [((*words, name), below) for name, below in command.commands.items()]


def test_every_command_and_every_option_has_its_words_in_both_languages():
    said, commands = dict(chinese_help()), {" ".join(("kakou", *words)): one for words, one in every_command()}
    for_every = said.pop("*")
    assert set(said) == {"kakou", *commands}
    for path, command in commands.items():
        words = said[path]
        given = {str(one.name): one for one in command.params if one.name != "help"}
        assert set(words) - {"says"} <= set(given), path
        for name, one in given.items():
            assert CHINESE.search((for_every | words).get(name, "")), f"{path}: {name} is missing in kakou/help.zh.toml"
            assert getattr(one, "help", None), (path, name)
        english, chinese = command.help or "", words["says"]
        assert CHINESE.search(chinese), path
        assert typed_in(english) == typed_in(chinese), path
        for text in (english, *(getattr(one, "help", "") for one in given.values())):
            assert set(CHINESE.findall(without_code(text, text))) <= FIELD_WORDS, path


def typed_in(text: str) -> list[str]:
    """Return the commands that a text shows, as far as they are the same in both languages."""
    return [" ".join(one.split()) for one in re.findall(r"`kakou ([^`\u4e00-\u9fff\"]*)", text)]


def test_no_page_of_help_holds_english_where_the_locale_is_chinese(monkeypatch: pytest.MonkeyPatch):
    spoken_in(monkeypatch, "zh_CN.UTF-8")
    typed = [text for words in chinese_help().values() for text in words.values()]
    for words in ((), *(words for words, _ in every_command())):
        page = call_kakou(*(word for word in words if word != "footage"), "--help").stdout
        left = without_code(re.sub("用法：.*", "", page), *typed)
        assert "用法：" in page
        assert not WORD_PAIR.findall(left) + TYPERS_WORDS.findall(left), words


def test_help_is_the_same_whatever_the_program_was_started_as():
    environment = {"PATH": os.environ["PATH"], "LANG": "zh_CN.UTF-8", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "kakou.main", "booth", "revoke", "--help"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "用法：kakou booth revoke [选项] NUMBER" in done.stdout
    assert "停用一台设备" in done.stdout


@pytest.mark.parametrize("locale", ["en_GB.UTF-8", "C", "zh_CN.UTF-8"])
def test_help_is_in_the_language_of_the_locale(monkeypatch: pytest.MonkeyPatch, locale: str):
    spoken_in(monkeypatch, locale)
    is_chinese = locale.startswith("zh")
    for words, chinese, english in (
        ((), "命中的马上说出来", "screen vehicles"),
        (("risk", "area"), "解除一个风险区", "Take the declarations"),
        (("doctor",), "检查本机", "Check machine"),
    ):
        page = call_kakou(*words, "--help").stdout
        assert [one in page for one in ("用法：", chinese)] == [is_chinese] * 2
        assert [one in page for one in ("Usage:", "Options", english)] == [not is_chinese] * 3


EMPTY_PATHS = ("read ''", "read a.jpg ''", "replay ''", "replay x --report ''", "replay diff '' ''", "risk import ''",
               "risk export ''", "backup ''", "restore ''", "events --config ''", "run --config ''")  # fmt: skip
"""What a script types whose variable has no value: it would be the current folder."""


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("read", "缺少 IMAGE...。"),
        ("read --foo x", "没有选项 --foo"),
        ("raed x", "没有命令 raed"),
        ("risk shw", "没有命令 shw，是不是 'show'？"),
        ("risk watch x --every a", "--every 的值不对：应为数"),
        ("replay x --workers 0", "--workers 的值不对：不能小于 1"),
        ("sunset --renew 999", "--renew 的值不对：不能大于"),
        ("events -n x", "--count（-n）的值不对：应为整数"),
        ("run x", "多出的参数：x"),
        ("match --json=1 x", "选项 --json 不带值"),
        ("match x --config", "选项 --config 后面要有值"),
        ("install x", "box|centre 的值不对：“x”不是 'box', 'centre' 之一"),
        ("run --config a.toml --config=b.toml", "选项 --config 写了 2 次"),
        ("events --config a.toml --config b.toml", "选项 --config 写了 2 次"),
        *((typed, "的值不对：路径是空的") for typed in EMPTY_PATHS),
        ("--verson", "没有选项 --verson（可能是 --version）"),
        ("risk area declare 370211 --source x", "缺少 --level。"),
    ],
)
def test_a_command_line_that_is_wrong_is_answered_in_the_users_language(
    monkeypatch: pytest.MonkeyPatch, typed: str, complaint: str
):
    spoken_in(monkeypatch, "zh_CN.UTF-8")
    words = ["" if word == "''" else word for word in typed.split()]
    answer = call_kakou(*words)
    assert (answer.exit_code, answer.stdout) == (ExitCode.USAGE, "")
    assert re.search(f"错误 .*{re.escape(complaint)}", answer.stderr)
    assert not re.findall(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", re.sub("(用法：|kakou).*", "", answer.stderr))
    spoken_in(monkeypatch, "C")
    answer = call_kakou(*words)
    assert answer.exit_code == ExitCode.USAGE
    assert not CHINESE.search(answer.stderr)


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
