"""What is wrong with a key of `kakou.toml`, in Chinese, and where it may have been meant to stand."""

import difflib
import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from alerts.channels.base import ChannelSettings
from alerts.channels.finding import channel_kinds

WORDS = {
    "missing": "必须填写",
    "string_type": "应为文字，写在引号里",
    "string_too_short": "至少 {min_length} 个字",
    "string_too_long": "最多 {max_length} 个字",
    "string_pattern_mismatch": "应符合 {pattern}",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "bool_parsing": "应为 true 或 false，不加引号",
    "bool_type": "应为 true 或 false，不加引号",
    "int_parsing": "应为整数，不加引号",
    "int_type": "应为整数，不加引号",
    "int_from_float": "应为整数，没有小数",
    "float_parsing": "应为数，不加引号",
    "float_type": "应为数，不加引号",
    "finite_number": "应为有限的数",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不能大于 {le}",
    "literal_error": "应为 {expected} 之一",
    "enum": "应为 {expected} 之一",
    "tuple_type": '应为列表，如 ["甲", "乙"]；若是 [[表]]，名称要用双方括号',
    "list_type": '应为列表，如 ["甲", "乙"]；若是 [[表]]，名称要用双方括号',
    "dict_type": "应为表，如 [console]",
    "model_type": "应为表，如 [console]",
    "path_type": "应为路径，写在引号里",
    "set_type": '应为列表，如 ["甲", "乙"]',
    "frozen_set_type": '应为列表，如 ["甲", "乙"]',
    "string_unicode": "应为 UTF-8 文字",
    "date_from_datetime_parsing": "应为日期，如 2026-01-31",
    "date_type": "应为日期，如 2026-01-31",
    "datetime_type": "应为时刻，如 2026-01-31T08:00:00+08:00",
    "datetime_from_date_parsing": "应为时刻，如 2026-01-31T08:00:00+08:00",
    "timezone_aware": "时刻要带时区，如 +08:00",
    "url_parsing": "应为网址，如 https://主机/路径",
}
"""By pydantic's kind of mistake."""


PATTERNS = {
    r"^[a-z][a-z0-9_-]{0,31}$": "应以小写字母开头，只用小写字母、数字、- 和 _，最多 32 个",
    r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$": "应为起止时刻，如 22:00-07:00；空为不设",
    r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$": "应为起止时刻，如 22:00-07:00",
    r"^\d{20}$": "应为 20 位数字",
    r"^(\d{20})?$": "应为 20 位数字，或留空",
    r"^\d{6}$": "应为 6 位数字的行政区划代码",
    r"^\d{1,18}$": "应为数字，最多 18 位",
    r"^\d{6}(\d{3}(\d{3}(\d{2}(\d{2})?)?)?)?$": "应为 6、9、12、14 或 16 位数字的网格代码",
    r"^https?://": "应以 https:// 或 http:// 开头",
    r"^https?://[^/?#@]+/?$": "应为 https://主机 或 http://主机:端口，后面没有路径，里面没有账号",
    r"^\+?[0-9-]{0,20}$": "应为电话号码：数字和 -，最多 20 个",
    r"^[\w.-]+$": "只用字母、汉字、数字、_ . -，没有空格",
    r"^[\w.-]{1,40}$": "只用字母、汉字、数字、_ . -，1 到 40 个，没有空格",
    r"^[A-Za-z0-9_-]{1,40}$": "只用字母、数字、_ 和 -，1 到 40 个",
    r"^[A-Za-z0-9._-]{1,249}$": "只用字母、数字、. _ -，1 到 249 个",
    r"^[一-鿿][A-Z]$": "应为省份简称加一个大写字母，如 鲁B",
}
"""What a setting that must match a pattern looks like, for people; a test holds that none is missing."""
TOML_WORDS = (
    (r"Cannot declare \('(?P<name>[^']*)'.*twice", "[{name}] 写了两次：合成一个；若要多个，都写成 [[{name}]]"),
    (r"Cannot (overwrite|mutate)|already exists|more than once", "同一个名称写了两次：删去一处"),
    (r"Unescaped", "引号里的 \\ 要写成 \\\\，或整段改用单引号"),
    (r"""Unterminated|Expected ("'"|'"')|Illegal character '\\n'""", "有引号没有成对：每段文字前后都要有英文引号"),
    (r"Illegal character", "里面有看不见的字符：删掉这一行重新输入"),
)
FULL_WIDTH = re.compile("[“”‘’：＝，［］【】０-９]")
_NEAR, _NEAR_ELSEWHERE = 0.6, 0.8
"""How like a known name a mistaken one is that is taken for it; more so where it is right at the top of the file."""
TOML_PLACE = re.compile(r"\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


def toml_fault(said: str, text: str) -> str:
    """Return where a file is no TOML, what is wrong in this line, and what the parser says."""
    place = TOML_PLACE.search(said)
    number = int(place["line"]) if place and place["line"] else 0
    lines = text.splitlines()
    where = f":{number}: 第 {place['column']} 个字符处" if place and number else ": "
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return f"{where}写法有误：{_toml_meaning(said, line)} (not valid TOML: {said})"


def _toml_meaning(said: str, line: str) -> str:
    for pattern, words in TOML_WORDS:
        if found := re.search(pattern, said):
            return words.format(**found.groupdict())
    if FULL_WIDTH.search(line.split("#")[0]):
        return "这一行有全角的引号、冒号、等号或数字，改成英文的；汉字要写在英文引号里"
    if re.search(r"=\s*(True|False|TRUE|FALSE|yes|no|on|off)\b", line):
        return "应写成小写的 true 或 false"
    if "Expected '='" in said and ":" in line:
        return "名称和值之间用等号，如 port = 8000"
    return "看这一行及上一行的引号、括号和等号；文字要写在英文引号里"


def explained(problem: ErrorDetails, settings: type[BaseModel]) -> str:
    """Return what is wrong: in Chinese, then as the model says it. A rule of our own says both itself."""
    said = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"没有这个设置{_meant(problem['loc'], settings)} (unknown key)"
    chinese = _in_chinese(problem)
    return f"{chinese} ({said})" if chinese else said


def _in_chinese(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch" and context.get("pattern") in PATTERNS:
        return PATTERNS[context["pattern"]]
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    if "expected" in shown:
        shown["expected"] = str(shown["expected"]).replace(" or ", "、").replace(", ", "、")
    return WORDS.get(problem["type"], "").format(**shown)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a field of this type may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _meant(location: tuple[int | str, ...], settings: type[BaseModel]) -> str:
    """Return which known setting may have been meant: one of the same table, or the same word of another."""
    *above, key = [part for part in location if isinstance(part, str)]
    known = {table: set(keys) for table, keys in _tables(settings)}
    places = [
        "文件最上面、第一个 [表] 之前" if not table else f"[{'.'.join(table)}]"
        for table in known
        if key in known[table]
    ]
    near = difflib.get_close_matches(
        key, known.get(tuple(above), ()), 1, _NEAR_ELSEWHERE if key in known[()] else _NEAR
    )
    if near:
        return f"：是不是 {near[0]}？"
    return f"：{key} 写在{' 或 '.join(places)}" if places else "：名称见 docs/kakou.toml.md"


def _tables(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    yield path, list(names)
    for name, field in names.items():
        for below in models_in(field.annotation):
            yield from _tables(below, (*path, name)) if below is not ChannelSettings else _channels((*path, name))


def _channels(path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield one table of what channels of any kind may have."""
    kinds = channel_kinds().values()
    yield path, [field.alias or name for kind in kinds for name, field in kind.settings.model_fields.items()]
