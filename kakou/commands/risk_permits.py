"""`kakou risk permit`: permits (通行证) in, and what is known of one vehicle's."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kakou.commands.risk_output import AsJson, Config, ZoneTimes, messages
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import this_user
from kakou.settings import load_settings
from kakou.terminal import stdout
from kakou.wiring.risk import open_keeper
from riskdb.permit_keeper import PermitResult
from riskdb.record.permits import read_permit_rows
from riskdb.types import RiskFileError

permit_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Permits (通行证) of vehicles.")
SHOWN_INVALID = 20


@permit_app.command("import")
def import_permits(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As travel records: XLSX, XLS, ET, CSV, ZIP …")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every row, change nothing.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Import permits: plate (and trailer), serial of 12 digits, validity, issuer; route, checkpoints, goods if given.

    At a passage a permit is said beside the result; a hit stays a hit. One bad row stops the whole file; `kakou risk
    undo` takes an import back. Exit code 3 when a row was refused.

    Example: `kakou risk permit import 通行证.xlsx`
    """
    settings = load_settings(config)
    try:
        with open_keeper(settings, publishes=not dry_run) as keeper:
            rows, actor = read_permit_rows(file), this_user()
            result = keeper.permits.import_rows(rows, is_dry_run=dry_run, actor=actor, name=file.name)
    except RiskFileError as error:
        messages().print(str(error), soft_wrap=True, markup=False, style="red")
        raise typer.Exit(ExitCode.UNREADABLE) from error
    _print_result(result, dry_run, as_json)
    if result.invalid:
        raise typer.Exit(ExitCode.UNREADABLE)


@permit_app.command("show")
def show(
    plate: Annotated[str, typer.Argument(help="The plate of a vehicle or trailer.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the permits that boxes know of a vehicle. Exit code 1 when it has one.

    Example: `kakou risk permit show 鲁B12345`
    """
    settings = load_settings(config)
    try:
        with open_keeper(settings, publishes=False) as keeper:
            permits = keeper.permits.of(plate)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    times = ZoneTimes(settings.risk.utc_offset_hours)
    table = Table("编号", f"起（{times.label}）", "止（不含）", "货物", "路线", "途经卡口", "发证单位")
    for permit in permits:
        begin, end = times.of_epoch(permit.valid_from), times.of_epoch(permit.valid_until)
        cells = (permit.serial, begin, end, permit.goods, permit.route, "、".join(permit.stops), permit.issuer)
        table.add_row(*cells)
        if as_json:
            put_json({"serial": permit.serial, "valid_from": permit.valid_from, "valid_until": permit.valid_until})
    if not as_json:
        stdout().print(table if permits else f"{plate} 没有通行证")
    raise typer.Exit(ExitCode.FINDINGS if permits else ExitCode.OK)


def _print_result(result: PermitResult, is_dry_run: bool, as_json: bool) -> None:
    if as_json:
        counts = {"new": result.new, "known": result.known, "invalid": len(result.invalid)}
        put_json({**counts, "applied": result.is_applied, "import": result.import_number})
    for row, why in result.invalid[:SHOWN_INVALID]:
        messages().print(f"第 {row.number} 行无效：{why}", soft_wrap=True, markup=False)
    counted = f"新增或变更 {result.new}，不变 {result.known}，无效 {len(result.invalid)}"
    head = "试算，没有改变任何内容；" if is_dry_run else "" if result.is_applied else "没有导入；"
    undo = f"；撤回：kakou risk undo {result.import_number} --reason …" if result.import_number else ""
    messages().print(f"{head}通行证：{counted}{undo}", markup=False)
