"""`kakou risk imports | undo`: what was brought in, and how it is taken back as a whole."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from kakou.commands.risk_output import AsJson, Config, ZoneTimes, messages, published_text
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import this_user
from kakou.settings import load_settings
from kakou.terminal import stdout
from kakou.wiring.risk import open_keeper
from riskdb.types import RiskRequestError


def add_import_commands(app: typer.Typer) -> None:
    app.command("imports")(imports)
    app.command("undo")(undo)


def imports(config: Config = None, as_json: AsJson = False) -> None:
    """List the last imports, the newest first.

    Example: `kakou risk imports`
    """
    settings = load_settings(config)
    with open_keeper(settings, publishes=False) as keeper:
        entries = keeper.imports()
    if as_json:
        for entry in entries:
            put_json(asdict(entry))
        return
    times = ZoneTimes(settings.risk.utc_offset_hours)
    table = Table("编号", f"时间（{times.label}）", "操作人", "文件", "新增行程", "撤回")
    for entry in entries:
        taken_back = f"{times.of_epoch(entry.taken_back_at)} {entry.taken_back_by}" if entry.taken_back_at else ""
        files = "、".join(entry.files)
        table.add_row(str(entry.number), times.of_epoch(entry.at), entry.actor, files, f"{entry.stays:,}", taken_back)
    stdout().print(table)


def undo(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `kakou risk imports` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take back a whole import, as if it had not been; what other imports said as well stays.

    Example: `kakou risk undo 12 --reason "wrong file"`
    """
    try:
        with open_keeper(load_settings(config)) as keeper:
            change = keeper.take_back(number, actor=this_user(), reason=reason)
    except RiskRequestError as error:
        messages().print(str(error), soft_wrap=True, markup=False, style="red")
        raise typer.Exit(ExitCode.USAGE) from error
    if as_json:
        put_json({"taken_back": number, "touched": change.touched})
    messages().print(f"已撤回第 {number} 次导入：涉及车辆 {change.touched}；{published_text(change.published)}")
