"""`kakou risk`: travel records in, areas declared, the list looked after."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from kakou.commands.risk_area import area_app
from kakou.commands.risk_care import add_care_commands
from kakou.commands.risk_feed import add_feed_command
from kakou.commands.risk_imports import add_import_commands
from kakou.commands.risk_output import AsJson, Config, ZoneTimes, messages, published_text
from kakou.commands.risk_permits import permit_app
from kakou.commands.risk_rows import REPORT_HEADER, RowReporter
from kakou.commands.risk_watch import add_watch_command
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import stop_on_signals, this_user
from kakou.settings import load_settings
from kakou.state_format import alone, require_known_format
from kakou.sunset.guard import until_sunset
from kakou.terminal import stdout
from kakou.watch.centre import watched_centre
from kakou.watch.telling import list_pulse, told_list
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper, tended_list
from riskdb.exporting import CsvSheet, csv_sheet
from riskdb.hands import Published
from riskdb.record.importing import ImportResult
from riskdb.record.judging import TravelRow
from riskdb.record.mapping.fields import Field
from riskdb.record.mapping.forms import Form
from riskdb.record.receipts import OUTCOME_NAMES
from riskdb.record.travel import Reading, bindings_of, read_travel_rows
from riskdb.settings import HEARTBEAT_S
from riskdb.types import RiskFileError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Travel records, risk areas and the list of vehicles made from them.",
)
app.add_typer(area_app, name="area")
app.add_typer(permit_app, name="permit")
add_care_commands(app)
add_import_commands(app)
add_watch_command(app)
add_feed_command(app)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, XLSX or Parquet files.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every row, change nothing.")] = False,
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Apply the good rows of a bad file.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what became of every row to this CSV file.")] = None,
    faulty: Annotated[Path | None, typer.Option(help="Write the faulty rows to this XLSX file, as they came.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="HEADER=FIELD", help="What a column means; - passes it over.")
    ] = None,
    source: Annotated[str, typer.Option(help="Who says so, where the files have no column for it.")] = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Import travel records as offices send them: XLSX, XLS, ET, CSV, web pages, Parquet, ZIP archives of them.

    The columns are found by their names, Chinese or English; what was understood and what was passed over is said, and
    what `--map` says of a form is remembered. One invalid row stops everything, unless `--skip-invalid`; importing a
    file again changes nothing; `kakou risk undo` takes an import back. Exit code 3 when a file or a row was refused.

    Examples:

    - `kakou risk import 协查函.xlsx --dry-run --faulty faulty.xlsx`
    - `kakou risk import records.csv --map 车=plate --map 住址=- --source 协查函12号`
    """
    settings, console = load_settings(config), messages()
    said = _said_bindings(columns or [])
    with ExitStack() as stack:
        keeper = stack.enter_context(open_keeper(settings, publishes=not dry_run))
        reporter = RowReporter(_open_report(report, stack), console)
        progress = stack.enter_context(_progress(console))
        task = progress.add_task("读取记录", total=None)
        writing = progress.add_task("写入名单", total=None, visible=False)
        forms: list[Form] = []
        reading = Reading(source, said, keeper.remembered_form, lambda told: _tell(console, told), forms.append)
        rows = (row for path in files for row in read_travel_rows(path, reading))
        with _unreadable_said(console):
            result, published = keeper.import_rows(
                _counted(rows, progress, task),
                is_dry_run=dry_run,
                skip_invalid=skip_invalid,
                on_row=reporter.add,
                on_progress=lambda done, total: progress.update(writing, completed=done, total=total, visible=True),
                actor=this_user(),
            )
        if said and result.is_applied:
            keeper.remember_forms(forms)
    reporter.write_faulty(faulty)
    reporter.show_sample(ZoneTimes(settings.risk.utc_offset_hours) if dry_run and not as_json else None)
    _print_result(result, published, as_json)
    reporter.conclude(result)


@contextmanager
def _unreadable_said(console: Console) -> Iterator[None]:
    """End the command where a file cannot be read: what failed, and what to do."""
    try:
        yield
    except RiskFileError as error:
        console.print(f"未导入任何记录：{error}", soft_wrap=True, markup=False, style="red")
        console.print("提示：--map 列名=字段 指定列的含义，--source 补上来源", markup=False)
        raise typer.Exit(ExitCode.UNREADABLE) from error


def _said_bindings(columns: list[str]) -> dict[str, Field | None]:
    try:
        return bindings_of(dict(one.rsplit("=", 1) for one in columns))
    except ValueError as error:
        problem = str(error) if "字段" in str(error) else "应写成 列名=字段"
        raise typer.BadParameter(f"--map：{problem}") from error


def _tell(console: Console, told: str) -> None:
    console.print(told, soft_wrap=True, markup=False)


def _open_report(path: Path | None, stack: ExitStack) -> CsvSheet | None:
    if path is None:
        return None
    return stack.enter_context(csv_sheet(path, REPORT_HEADER))


@app.command()
def serve(
    config: Config = None,
    accept_smaller: Annotated[
        bool,
        typer.Option("--accept-smaller", help="Let the list be replaced by a much smaller one: it begins anew."),
    ] = False,
) -> None:
    """Tend the list until stopped: heartbeat, rebuild when Redis lost it, take expired entries out.

    `kakou run` and `kakou demo` do the same while they use their own embedded Redis. With `redis_url` or REDIS_URL
    set, this must run all the time on one machine, where the record is: a list that nobody tends gives `unchecked`.
    Exit code 6 when Redis holds a list that the record does not explain: restore the record first.

    Example: `kakou risk serve --config kakou.toml`
    """
    settings = load_settings(config)
    console = messages()
    stop, pulse = stop_on_signals(), list_pulse()
    require_known_format(settings.state_dir)
    with (
        alone(settings.state_dir, "risk serve"),
        until_sunset(settings, stop),
        open_redis(settings) as url,
        tended_list(settings, url, console.print, accepts_smaller=accept_smaller, on_turn=pulse.beat),
        watched_centre(settings, url),
        told_list(settings, url, pulse),
    ):
        console.print(f"正在维护风险名单（每 {HEARTBEAT_S:g} 秒心跳），Ctrl-C 停止")
        stop.wait()


def _counted(rows: Iterator[TravelRow], progress: Progress, task: TaskID) -> Iterator[TravelRow]:
    for number, row in enumerate(rows, start=1):
        if number % 1000 == 0:
            progress.update(task, completed=number)
        yield row


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _print_result(result: ImportResult, published: Published | None, as_json: bool) -> None:
    listing, number = result.listing, result.import_number
    if as_json:
        counts = {outcome.value: count for outcome, count in result.counts.items()}
        version = published.version if published else None
        told = {"rows": result.rows, **counts, "applied": result.is_applied, "version": version}
        told_more = {"import": number, "listing": asdict(listing) if listing else None}
        put_json({**told, **told_more, "lists_nobody": {why.value: count for why, count in result.nobody.items()}})
        return
    table = Table("结果", "行数")
    table.columns[1].justify = "right"
    for outcome, count in result.counts.items():
        table.add_row(OUTCOME_NAMES[outcome], str(count))
    stdout().print(table)
    if nobody := result.nobody_text():
        messages().print(nobody, soft_wrap=True, markup=False, style="yellow")
    if listing is not None:
        told_listing = f"新增 {listing.added}，移除 {listing.removed}，不变 {listing.unchanged}"
        messages().print(f"试算，没有改变任何内容；对名单的影响（车辆）：{told_listing}")
        return
    if number is not None:
        messages().print(f"导入编号 {number}；撤回：kakou risk undo {number} --reason …", markup=False)
    messages().print(published_text(published))
