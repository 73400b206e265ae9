"""What is wrong with a key of `kakou.toml`, in Chinese, and where it may have been meant to stand."""

import difflib
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
}
"""By pydantic's kind of mistake."""


def in_chinese(problem: ErrorDetails, settings: type[BaseModel]) -> str:
    """Return what is wrong, in brackets; "" for a rule of our own, which says so itself."""
    if problem["type"] == "extra_forbidden":
        return f"（没有这个设置{_meant(problem['loc'], settings)}）"
    said = WORDS.get(problem["type"])
    return f"（{said.format(**problem.get('ctx', {}))}）" if said else ""


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
    if near := difflib.get_close_matches(key, known.get(tuple(above), ()), 1, 0.6):
        return f"：是不是 {near[0]}？"
    places = [
        "文件最上面、第一个 [表] 之前" if not table else f"[{'.'.join(table)}]"
        for table in known
        if key in known[table]
    ]
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
