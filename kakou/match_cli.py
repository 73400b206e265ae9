"""`kakou match`: would this plate be flagged, why, and which misreads of it would still be?"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kakou.exit_codes import ExitCode
from kakou.risk_care_cli import reason_as_json, reasons_table
from kakou.risk_wiring import make_matcher
from kakou.settings import load_settings
from kakou.wiring import open_redis
from ocr.grammar import normalise_plate, plate_classes_of
from riskdb.types import RiskMatch

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True)
class CertainPlate:
    """A plate somebody typed: one reading, no doubt."""

    text: str
    plate_class: str
    probability: float


@app.command()
def match(
    plate: Annotated[str, typer.Argument(metavar="PLATE", help="A plate; spelling and spaces do not matter.")],
    config: Annotated[Path | None, typer.Option(help="Settings file; ./kakou.toml by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say whether and why a plate would be flagged. Exit code 1 when it would.

    Examples:

    - `kakou match 粤B82500`
    - `kakou match "鲁b·12345" --json`
    """
    messages = Console(stderr=True, highlight=False)
    settings = load_settings(config)
    try:
        text = normalise_plate(plate)
    except ValueError as error:
        messages.print(f"[red]不是号牌[/red] {error}")
        raise typer.Exit(ExitCode.USAGE) from error
    classes = plate_classes_of(text)
    with open_redis(settings) as url:
        matcher = make_matcher(settings, url)
        found = matcher([CertainPlate(text, c, 1.0 / len(classes)) for c in classes], datetime.now(UTC))
    if as_json:
        print(json.dumps(_as_json(text, found), ensure_ascii=False))  # noqa: T201
    else:
        Console(highlight=False).print(_as_table(text, found))
    raise typer.Exit(ExitCode.OK if found is None else ExitCode.FINDINGS)


def _as_json(text: str, found: RiskMatch | None) -> dict[str, object]:
    if found is None:
        return {"plate": text, "level": None}
    return {
        "plate": text,
        "level": found.level,
        "probability": round(found.probability, 4),
        "why": found.why,
        "list_version": found.list_version,
        "reasons": [reason_as_json(reason) for reason in found.reasons],
    }


def _as_table(text: str, found: RiskMatch | None) -> Table | str:
    if found is None:
        return f"{text} 不在风险名单"
    return reasons_table(found.reasons, title=found.why)
