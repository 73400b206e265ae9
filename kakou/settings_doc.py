"""Writes docs/kakou.toml.md from the settings models, so that every setting is documented and none twice.

`python -m kakou.settings_doc > docs/kakou.toml.md`
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from alerts.channels.finding import channel_kinds
from alerts.settings import AlertsSettings
from console.settings import CheckpointPlace, ConsoleSettings
from kakou.settings import Settings
from pipeline.settings import GateSettings, PipelineSettings, SourceSettings, TrackSettings
from riskdb.settings import ClockSettings, RiskSettings

SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("(top of the file)", "The box or centre", Settings),
    ("[[source]]", "A camera, or footage in its place", SourceSettings),
    ("[pipeline]", "The walk", PipelineSettings),
    ("[pipeline.gate]", "When a frame is worth the detector", GateSettings),
    ("[pipeline.track]", "When reads are one vehicle", TrackSettings),
    ("[risk]", "The risk list and the match", RiskSettings),
    ("[clock]", "When a clock may be believed", ClockSettings),
    ("[alerts]", "Events and delivery", AlertsSettings),
    *((f'[[alerts.channel]] kind = "{name}"', kind.title, kind.settings) for name, kind in channel_kinds().items()),
    ("[console]", "Command screen and phone page", ConsoleSettings),
    ("[[console.checkpoint]]", "Where a checkpoint stands", CheckpointPlace),
)

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


def render() -> str:
    """Return the whole document."""
    parts = [
        "# kakou.toml\n",
        "One file configures a box or a centre; `kakou run --config kakou.toml`. Every key may be left out unless it",
        "says *required*; an unknown key is an error that names its line (exit code 5). Durations end in their unit.\n",
        f"```toml\n{EXAMPLE}```\n",
    ]
    for header, title, model in SECTIONS:
        parts.append(f"## `{header}`: {title}\n\n| key | default | meaning |\n|---|---|---|")
        parts.extend(_rows(model))
        parts.append("")
    return "\n".join(parts)


def _rows(model: type[BaseModel]) -> Iterator[str]:
    meanings = _attribute_docstrings(model)
    for name, field in model.model_fields.items():
        if _is_section(field):
            continue
        yield f"| `{field.alias or name}` | {_default(field)} | {meanings.get(name, '')} |"


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.default, BaseModel) or field.alias is not None


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
