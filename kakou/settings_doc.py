"""Writes docs/kakou.toml.md from the settings models, so that every setting is documented and none twice.

`python -m kakou.settings_doc > docs/kakou.toml.md`
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from alerts.channels.base import ChannelSettings
from alerts.channels.finding import channel_kinds
from kakou.settings import Settings
from kakou.settings_words import models_in

EXAMPLE = """\
state_dir = "/var/lib/kakou"

[[source]]
camera_id = "kk07-lane1"
checkpoint = "滨海大道卡口"
uri = "rtsp://10.20.7.11/stream1"

[[source]]
camera_id = "kk07-lane2"
checkpoint = "滨海大道卡口"
uri = "rtsp://10.20.7.12/stream1"

[risk]
lookback_days = 14

[[alerts.channel]]
kind = "lane"
name = "barrier"
command = ["/usr/local/bin/barrier-horn"]
"""


class Section(NamedTuple):
    """A table of `kakou.toml`."""

    header: str
    title: str
    model: type[BaseModel]


def render(settings: type[BaseModel] = Settings) -> str:
    """Return the whole document."""
    parts = [
        "# kakou.toml\n",
        "One file configures a box or a centre; `kakou run --config kakou.toml`. Every key may be left out unless it",
        "says *required*; an unknown key is an error that names its line (exit code 5). Durations end in their unit.\n",
        f"```toml\n{EXAMPLE}```\n",
    ]
    for header, title, model in (Section("(top of the file)", _title(settings), settings), *sections(settings)):
        parts.append(f"## `{header}`: {title}\n\n| key | default | meaning |\n|---|---|---|")
        parts.extend(_rows(model))
        parts.append("")
    return "\n".join(parts)


def sections(model: type[BaseModel], path: str = "") -> Iterator[Section]:
    """Yield the tables below a model's own, in the order of its fields; a kind of channel is a table of its own."""
    for name, field in model.model_fields.items():
        for below in models_in(field.annotation):
            key = f"{path}{field.alias or name}"
            is_one = below is field.annotation or below in get_args(field.annotation)  # a model, or one or None
            header = f"[{key}]" if is_one and get_origin(field.annotation) is not tuple else f"[[{key}]]"
            if below is ChannelSettings:
                yield from (
                    Section(f'{header} kind = "{kind}"', one.title, one.settings)
                    for kind, one in channel_kinds().items()
                )
            else:
                yield Section(header, _title(below), below)
                yield from sections(below, f"{key}.")


def _title(model: type[BaseModel]) -> str:
    """Return the first sentence that is said of a model."""
    return (model.__doc__ or "").split("\n")[0].split(";")[0].rstrip(".")


def _rows(model: type[BaseModel]) -> Iterator[str]:
    meanings = _attribute_docstrings(model)
    for name, field in model.model_fields.items():
        if not any(models_in(field.annotation)):
            yield f"| `{field.alias or name}` | {_default(field)} | {meanings.get(name, '')} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.default_factory() if field.default_factory else field.default  # type: ignore[call-arg]  # a factory may take the model's data; ours do not
    if value is PydanticUndefined or value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def _attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return what is said of each field, in the string below it or in the comment behind it, base classes' too."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        source = textwrap.dedent(inspect.getsource(base))
        body = ast.parse(source).body[0]
        assert isinstance(body, ast.ClassDef)
        for position, field in enumerate(body.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                after = body.body[position + 1] if position + 1 < len(body.body) else None
                found[field.target.id] = _said_of(field, after, source.splitlines())
    return found


def _said_of(field: ast.AnnAssign, after: ast.stmt | None, lines: list[str]) -> str:
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return " ".join(str(after.value.value).split())
    _, _, comment = lines[(field.end_lineno or field.lineno) - 1].partition("  # ")
    return comment


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201  the page goes to stdout
