"""`kakou risk area`: declare and lift risk areas."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kakou.commands.risk_output import AsJson, Config, ZoneTimes, messages, published_text
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import Settings, load_settings
from kakou.terminal import stdout
from kakou.wiring.risk import open_keeper
from riskdb.hands import Change
from riskdb.record.declaring import Declared, parse_level, read_declarations
from riskdb.record.judging import parse_moment
from riskdb.record.rows import AreaWindow
from riskdb.types import RiskFileError

area_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Declare and lift risk areas.")
LEVEL_NAMES = {"high": "高风险", "medium": "中风险"}


@area_app.command("declare")
def declare(
    code: Annotated[str, typer.Argument(metavar="CODE", help="GB/T 2260 or grid code, such as 370211.")],
    level: Annotated[str, typer.Option(help="high or medium.")],
    source: Annotated[str, typer.Option(help="Who says so, such as the notice's number.")],
    name: Annotated[str, typer.Option(help="The area's name.")] = "",
    valid_from: Annotated[str, typer.Option("--from", help="Begin; by default the look-back before now.")] = "",
    valid_until: Annotated[str, typer.Option("--to", help="End, that day included; by default none.")] = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Declare a risk area; the list changes at once. 370200 covers 370211, and that all its streets and grids.

    Examples:

    - `kakou risk area declare 370211 --level high --source 通告3号 --name 黄岛区`
    - `kakou risk area declare 370211010 --level medium --source 通告4号 --from 2026-11-20 --to 2026-12-04`
    """
    settings = load_settings(config)
    offset = settings.risk.utc_offset_hours
    try:
        declared = Declared(
            code=code,
            level=parse_level(level),
            source=source,
            name=name,
            valid_from=parse_moment(valid_from, offset) if valid_from else None,
            valid_until=parse_moment(valid_until, offset, is_end=True) if valid_until else None,
        )
        with open_keeper(settings) as keeper:
            windows, change = keeper.declare([declared])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    _print_change(windows, change, _times(settings), as_json)


@area_app.command("import")
def import_declarations(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX or Parquet.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Declare the areas of a file with the columns code, level, source, name?, from?, to? One bad row stops them all.

    Example: `kakou risk area import notice.csv`
    """
    settings = load_settings(config)
    try:
        declared = read_declarations(file, settings.risk.utc_offset_hours)
    except RiskFileError as error:
        messages().print(str(error), soft_wrap=True, markup=False, style="red")
        raise typer.Exit(ExitCode.UNREADABLE) from error
    with open_keeper(settings) as keeper:
        windows, change = keeper.declare(declared)
    _print_change(windows, change, _times(settings), as_json)


@area_app.command("lift")
def lift(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code as it was declared.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take the declarations of an area back; the list changes at once.

    Example: `kakou risk area lift 370211`
    """
    settings = load_settings(config)
    try:
        with open_keeper(settings) as keeper:
            windows, change = keeper.lift(code)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    _print_change(windows, change, _times(settings), as_json)


@area_app.command("list")
def list_areas(config: Config = None, as_json: AsJson = False) -> None:
    """List the standing declarations.

    Example: `kakou risk area list --json`
    """
    settings = load_settings(config)
    with open_keeper(settings, publishes=False) as keeper:
        _print_windows(keeper.windows(), _times(settings), as_json)


def _times(settings: Settings) -> ZoneTimes:
    return ZoneTimes(settings.risk.utc_offset_hours)


def _print_change(windows: list[AreaWindow], change: Change, times: ZoneTimes, as_json: bool) -> None:
    _print_windows(windows, times, as_json)
    messages().print(f"涉及车辆 {change.touched}；{published_text(change.published)}")


def _print_windows(windows: list[AreaWindow], times: ZoneTimes, as_json: bool) -> None:
    if as_json:
        for window in windows:
            put_json(_as_json(window))
        return
    table = Table("代码", "名称", "等级", f"起（{times.label}）", "止", "来源")
    for window in windows:
        begin, end = times.of_epoch(window.valid_from), times.of_epoch(window.valid_until)
        table.add_row(window.code, window.name, LEVEL_NAMES[window.level], begin, end, window.source)
    stdout().print(table)


def _as_json(window: AreaWindow) -> dict[str, str | None]:
    return {
        "code": window.code,
        "name": window.name,
        "level": window.level,
        "valid_from": _iso(window.valid_from),
        "valid_until": None if window.valid_until is None else _iso(window.valid_until),
        "source": window.source,
    }


def _iso(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()
