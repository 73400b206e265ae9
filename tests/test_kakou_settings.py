"""kakou.toml: every key documented, every mistake named with its line."""

import ast
import inspect
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from alerts.channels.finding import channel_kinds
from kakou.settings import Settings, SettingsError, load_settings
from kakou.settings_doc import EXAMPLE, render, sections
from kakou.settings_words import PATTERNS, models_in
from tests.commands import REPOSITORY, call_kakou

GOOD = """\
state_dir = "state"

[[source]]
camera_id = "gate-1"
checkpoint = "卡口一"
uri = "clip.mp4"

[risk]
lookback_days = 7
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "kakou.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_and_the_rest_are_defaults(tmp_path: Path):
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.state_dir == Path("state")
    assert settings.sources[0].checkpoint == "卡口一"
    assert settings.risk.lookback_days == 7
    assert settings.pipeline == Settings().pipeline


@pytest.mark.parametrize(
    ("added", "line", "what"),
    [
        ("", 11, "risk.colour: 没有这个设置"),
        ("\n[[source]]\ncamera_id = 'b'\ncheckpoint = 'x'\nuri = 'u'\ncolor = 1\n", 15, "source.1.color: 没有这个设置"),
        ("\n[[source]]\ncamera_id = 'b'\n", 11, "source.1.checkpoint: 必须填写"),
    ],
)
def test_a_mistake_is_named_with_key_and_line(tmp_path: Path, added: str, line: int, what: str):
    text = GOOD + (added or "\ncolour = 'red'\n")
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert f"kakou.toml:{line}: {what}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis_ulr = 'x'", "没有这个设置：是不是 redis_url？"),
        ("[risk]\nredis_url = 'x'", "redis_url 写在文件最上面、第一个 [表] 之前"),
        ("lookback_days = 3", "lookback_days 写在[risk]"),
        ("[watch]\nport = 1", "是不是 run_port？"),
        ("[[alerts.channel]]\nkind = 'lane'\nname = 'a'\ncommand = ['x']\ncomand = ['x']", "是不是 command？"),
        ("[zzz]\nport = 1", "名称见 docs/kakou.toml.md"),
        ("[risk]\nlookback_days = 'x'", "应为整数，不加引号"),
        ("[console]\nport = 99999", "不能大于 65535"),
        ("[console]\nhost = 3", "应为文字，写在引号里"),
        ("[[source]]\ncamera_id = 'a'", "必须填写"),
        ("[source]\ncamera_id = 'a'", "[[表]]，名称要用双方括号"),
        ("state_dir = x", "写法有误：看这一行"),
        ("state_dir = 'x", "引号没有成对"),
        ('state_dir = "C:\\kakou"', "要写成 \\\\"),
        ("[console]\n[risk]\n[console]", "[console] 写了两次"),
        ("redis_url = 'redis://a'\nredis_url = 'redis://a'", "写了两次：删去一处"),
        ("state_dir = “x”", "全角的引号"),
        ("state_dir: 'x'", "用等号"),
        ("[alerts]\nsends = True", "小写的 true"),
        ("redis_url = 'localhost:6379'", "应以 redis://"),
        ("[alerts]\nstream_url = 'http://a'", "应以 redis://"),
        ("[risk]\nlist_url = 'a:6379'", "应以 redis://"),
        ("state_dir = ''", "应为文件夹的路径"),
        ("[console]\ncounty_code = '12'", "6 位数字"),
        ("[risk]\nhit_at = 2.0", "hit_at: 不能大于 1 "),
        (
            "[[alerts.channel]]\nkind = 'lane'\nname = 'a'\ncommand = ['x']\nlevels = ['x']",
            "应为 'hit'、'possible' 之一",
        ),
    ],
)
def test_a_mistake_is_said_in_chinese_with_what_was_meant(tmp_path: Path, text: str, said: str):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path):
    (tmp_path / "lost.toml").symlink_to("nowhere")
    (tmp_path / "latin.toml").write_bytes("state_dir = '卡口'".encode("gb18030"))
    for path, said in (
        (tmp_path / "none.toml", "用 --config 指明"),
        (tmp_path / "latin.toml", "另存为 UTF-8"),
        (tmp_path, "它是文件夹"),
        (tmp_path / "lost.toml", "它是一个链接"),
    ):
        with pytest.raises(SettingsError, match=said):
            load_settings(path)


@pytest.mark.parametrize("odd", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_in_the_place_of_kakou_toml_never_means_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Callable[[Path], None]
):
    monkeypatch.chdir(tmp_path)
    odd(tmp_path / "kakou.toml")
    with pytest.raises(SettingsError, match=r"放回 kakou\.toml"):
        load_settings()


def test_a_file_with_the_mark_that_windows_puts_before_a_text_is_read(tmp_path: Path):
    path = write(tmp_path, "")
    path.write_text("\r\nstate_dir = '卡口'\r\n", encoding="utf-8-sig")
    assert load_settings(path).state_dir == Path("卡口")


def test_an_address_of_the_environment_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", "localhost:6379")
    with pytest.raises(SettingsError, match="环境变量 REDIS_URL: Redis 的地址应以"):
        load_settings(write(tmp_path, ""))


def patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (found for name, found in schema.items() if name == "pattern" and isinstance(found, str))
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


def test_each_pattern_that_a_setting_must_match_is_said_in_words():
    models: list[type[BaseModel]] = [Settings, *(kind.settings for kind in channel_kinds().values())]
    assert {one for model in models for one in patterns(model.model_json_schema())} - set(PATTERNS) == set()


def test_every_rule_of_our_own_is_said_in_chinese():
    """Of the models below `Settings` and of a channel's: each ValueError that a validator of theirs raises."""
    models = {*models_below(Settings), *(kind.settings for kind in channel_kinds().values())}
    english = [
        ast.unparse(raised)
        for file in {inspect.getsourcefile(model) for model in models} - {None}
        for raised in ast.walk(ast.parse(Path(str(file)).read_text(encoding="utf-8")))
        if isinstance(raised, ast.Raise) and "ValueError(" in ast.unparse(raised)
        and "fault" not in ast.unparse(raised) and not re.search("[一-鿿]", ast.unparse(raised))
    ]  # fmt: skip
    assert english == []


def models_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for below in models_in(field.annotation):
            yield from models_below(below)


@pytest.mark.parametrize("below", ["", "/kakou"])
@pytest.mark.parametrize("odd", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_folder_in_the_place_of_the_state_folder_is_a_sentence(
    tmp_path: Path, odd: Callable[[Path], None], below: str
):
    odd(tmp_path / "state")
    config = write(tmp_path, f"state_dir = '{tmp_path}/state{below}'")
    done = call_kakou("events", "--config", config)
    assert (done.exit_code, "不是文件夹" in done.stderr, str(tmp_path / "state") in done.stderr) == (5, True, True)


def test_an_unknown_section_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"kakou\.toml:1: cameras: 没有这个设置"):
        load_settings(write(tmp_path, "[cameras]\na = 1\n"))


def test_what_is_no_toml_is_named_with_its_place(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"kakou\.toml:2: 第 13 个字符处写法有误：.* \(not valid TOML: "):
        load_settings(write(tmp_path, "redis_url = 'x'\nstate_dir = \n"))


def test_a_missing_file_is_an_error_and_no_file_means_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert load_settings() == Settings()
    with pytest.raises(SettingsError, match="absent"):
        load_settings(tmp_path / "absent.toml")


def test_the_environment_names_the_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert load_settings(write(tmp_path, GOOD)).redis_url == "redis://127.0.0.1:1/0"


def test_a_bad_file_ends_the_command_with_its_own_exit_code(tmp_path: Path):
    done = call_kakou("run", "--config", write(tmp_path, GOOD + "colour = 'red'\n"))
    assert done.exit_code == 5
    assert "kakou.toml:10: risk.colour: 没有这个设置" in done.stderr


def test_the_document_is_the_one_of_these_settings():
    document = (REPOSITORY / "docs" / "kakou.toml.md").read_text(encoding="utf-8")
    assert document == render(), "write it anew: python -m kakou.settings_doc > docs/kakou.toml.md"


def test_every_setting_says_what_it_means():
    silent = [line for line in render().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert silent == []


def test_the_documented_example_is_valid():
    assert len(Settings.model_validate(tomllib.loads(EXAMPLE)).sources) == 2


def test_a_model_below_the_settings_is_documented_wherever_it_stands():
    class Toy(BaseModel):
        """A toy; nobody needs it."""

        colour: str = "red"
        """What it looks like."""

    class Box(BaseModel):
        """A box of toys."""

        toys: tuple[Toy, ...] | None = Field(default=None, alias="toy")

    class WithToys(Settings):
        """The box or centre."""

        box: Box = Box()

    text = render(WithToys)
    assert "## `[box]`: A box of toys\n" in text
    assert "## `[[box.toy]]`: A toy\n" in text
    assert '| `colour` | `"red"` | What it looks like. |' in text


def test_every_table_has_a_title():
    assert [one.header for one in sections(Settings) if not one.title] == []
    assert "[[source]]" in {one.header for one in sections(Settings)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[pipeline.gate]\nhold_s = inf", "2: pipeline.gate.hold_s"),
        ("[pipeline.gate]\nmin_change = nan", "2: pipeline.gate.min_change"),
        ("[risk]\nalone_for_s = 1e9", "2: risk.alone_for_s"),
        ("[alerts]\n\nsent_kept_h = 99999999999999999999", "3: alerts.sent_kept_h"),
        ('[console]\ngroup_text = "a\\u0000"', "2: console.group_text"),
        ("[risk]\nstale_after_s = 172800", "2: risk.stale_after_s"),
        ("[pipeline]\nstall_timeout_s = true", "2: pipeline.stall_timeout_s"),
        ("[risk]\nlookback_days = true", "2: risk.lookback_days"),
        ('[[source]]\ncamera_id = "K"\ncheckpoint = "东"\nuri = "a.mp4"\nfps = true', "5: source.0.fps"),
        ("[risk]\nlookback_days = nan", "2: risk.lookback_days"),
    ],
)
def test_what_no_setting_can_be_is_named_with_its_line(tmp_path: Path, text: str, named: str):
    """A list that never grows stale would be called clear for ever."""
    path = tmp_path / "kakou.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"kakou.toml:{re.escape(named)}: "):
        load_settings(path)


@pytest.mark.parametrize(
    "uri", ["rtsp：//10.20.0.1/a", "rtsp:／／10.20.0.1/a", "rtsp:/10.20.0.1/a", "http:\\\\\\\\10.20.0.1"]
)
def test_an_address_whose_colon_or_slashes_are_others_is_no_file(tmp_path: Path, uri: str):
    path = tmp_path / "kakou.toml"
    path.write_text(f'[[source]]\ncamera_id = "K"\ncheckpoint = "东"\nuri = "{uri}"', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"4: source\.0\.uri: 像是网址"):
        load_settings(path)


@pytest.mark.parametrize("uri", ["rtsp://10.20.0.1/a", "D:/clips/a.mp4", "0", "/录像：东门/a.mp4"])
def test_a_name_that_holds_colons_may_be_a_file(tmp_path: Path, uri: str):
    path = tmp_path / "kakou.toml"
    path.write_text(f'[[source]]\ncamera_id = "K"\ncheckpoint = "东"\nuri = "{uri}"', encoding="utf-8")
    assert load_settings(path).sources[0].uri == uri
