"""`kakou match`: would this plate be flagged, why, and which misreads of it would still be?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kakou.commands.risk_care import reason_as_json, reasons_table
from kakou.commands.risk_output import ZoneTimes
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import load_settings
from kakou.terminal import marked, stderr, stdout
from kakou.wiring.matching import make_matcher
from kakou.wiring.redis import open_redis
from ocr.grammar import normalise_plate, plate_classes_of
from riskdb.match import MatchRule
from riskdb.types import RiskMatch

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


LOOKALIKES = (
    "0DQO", "8B", "1T7", "2Z", "5S", "6G", "A4", "CG", "MNW", "UV", "EF",
    "皖鲁晋", "粤鄂鲁", "苏鄂鲁", "浙湘渝", "京冀",
)  # fmt: skip
"""Characters that readers take for each other in practice."""


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
    explain: Annotated[bool, typer.Option("--explain", help="Also print the misreads that would still match.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Say whether and why a plate would be flagged. Exit code 1 when it would.

    A misread still matches while the reader leaves the listed plate a certain probability: `--explain` says which.

    Examples:

    - `kakou match 粤B82500 --explain`
    - `kakou match "鲁b·12345" --json`
    """
    messages = stderr()
    settings = load_settings(config)
    try:
        text = normalise_plate(plate)
    except ValueError as error:
        messages.print(marked("red", "不是号牌", str(error)))
        raise typer.Exit(ExitCode.USAGE) from error
    with open_redis(settings) as url:
        matcher = make_matcher(settings, url)
        answers = (matcher([CertainPlate(text, c, 1.0)], datetime.now(UTC)) for c in plate_classes_of(text))
        found = next((answer for answer in answers if answer is not None), None)
    _print_match(text, found, ZoneTimes(settings.risk.utc_offset_hours), as_json)
    if explain and found is not None:
        _print_misreads(text, MatchRule.of(settings.risk), as_json)
    raise typer.Exit(ExitCode.OK if found is None else ExitCode.FINDINGS)


def _print_match(text: str, found: RiskMatch | None, times: ZoneTimes, as_json: bool) -> None:
    if as_json:
        put_json(_as_json(text, found))
    elif found is None:
        stdout().print(f"{text} 不在风险名单")
    else:
        stdout().print(reasons_table(found.reasons, times, title=found.why))


def _print_misreads(text: str, rule: MatchRule, as_json: bool) -> None:
    possible, hit = rule.needed(rule.possible_at), rule.needed(rule.hit_at)
    table = Table("误读为", "位置", "真实号牌概率达到即为疑似", "达到即为命中")
    for position, misread in _misreads(text):
        if as_json:
            limits = {"least_probability": round(possible, 4), "hit_probability": round(hit, 4)}
            put_json({"read": misread, "position": position + 1, **limits})
        table.add_row(misread, str(position + 1), f"{possible:.1%}", f"{hit:.1%}")
    if not as_json:
        stdout().print(table)


def _misreads(text: str) -> Iterator[tuple[int, str]]:
    """Yield the plates that differ by one character that looks like the right one."""
    for position, character in enumerate(text):
        rivals = {rival for group in LOOKALIKES if character in group for rival in group} - {character}
        for rival in sorted(rivals):
            misread = text[:position] + rival + text[position + 1 :]
            if plate_classes_of(misread):
                yield position, misread


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
