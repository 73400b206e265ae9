"""`kakou risk`: travel records in, areas declared, the list looked after."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from kakou.commands.risk_area import area_app
from kakou.commands.risk_care import add_care_commands
from kakou.commands.risk_output import AsJson, Config, messages, published_text
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.process import stop_on_signals
from kakou.settings import load_settings
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper, tended_list
from riskdb.exporting import CsvSheet, csv_sheet
from riskdb.hotset.publish import Published
from riskdb.record.importing import ImportResult, JudgedRow, RowOutcome
from riskdb.record.judging import TravelRow
from riskdb.record.travel import read_travel_rows
from riskdb.types import RiskFileError

SHOWN_INVALID = 20
OUTCOME_NAMES = {
    RowOutcome.ACCEPTED: "接受",
    RowOutcome.NORMALISED: "规范后接受",
    RowOutcome.DUPLICATE: "重复",
    RowOutcome.CONFLICT: "冲突（并存）",
    RowOutcome.EXPIRED: "已过期",
    RowOutcome.INVALID: "无效",
}

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="Travel records, risk areas and the list of vehicles made from them.",
)
app.add_typer(area_app, name="area")
add_care_commands(app)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, XLSX or Parquet files.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every row, change nothing.")] = False,
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Apply the good rows of a bad file.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what became of every row to this CSV file.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Import travel records with the columns plate, plate_class?, area, from, to, source, note?

    One invalid row stops everything, unless `--skip-invalid`; importing a file again changes nothing. A date as `to`
    means the whole day. Exit code 3 when a file or a row could not be read.

    Examples:

    - `kakou risk import records.csv --dry-run --report report.csv`
    - `kakou risk import records.xlsx more.parquet`
    """
    settings = load_settings(config)
    console = messages()
    with ExitStack() as stack:
        keeper = stack.enter_context(open_keeper(settings, publishes=not dry_run))
        reporter = _RowReporter(_open_report(report, stack), console)
        progress = stack.enter_context(_progress(console))
        task = progress.add_task("读取记录", total=None)
        writing = progress.add_task("写入名单", total=None, visible=False)
        rows = (row for path in files for row in read_travel_rows(path))
        try:
            result, published = keeper.import_rows(
                _counted(rows, progress, task),
                is_dry_run=dry_run,
                skip_invalid=skip_invalid,
                on_row=reporter.add,
                on_progress=lambda done, total: progress.update(writing, completed=done, total=total, visible=True),
            )
        except RiskFileError as error:
            console.print(f"未导入任何记录：{error}", soft_wrap=True, markup=False, style="red")
            raise typer.Exit(ExitCode.UNREADABLE) from error
    _print_result(result, published, as_json)
    reporter.conclude(result)


class _RowReporter:
    """Writes every row to the report and the first invalid ones to the messages."""

    def __init__(self, sheet: CsvSheet | None, console: Console) -> None:
        self._sheet = sheet
        self._console = console
        self._invalid = 0

    def add(self, row: JudgedRow) -> None:
        if self._sheet is not None:
            self._sheet.add((row.file, str(row.number), row.outcome.value, row.plate, row.detail))
        if row.outcome is RowOutcome.INVALID:
            self._invalid += 1
            if self._invalid <= SHOWN_INVALID:
                self._console.print(f"{row.file} 第 {row.number} 行无效：{row.detail}", soft_wrap=True, markup=False)

    def conclude(self, result: ImportResult) -> None:
        """End the command with exit code 3 when rows were invalid."""
        if not self._invalid:
            return
        verdict = "其余已导入" if result.is_applied else "未导入任何记录（--skip-invalid 可跳过无效行）"
        self._console.print(f"共 {self._invalid} 行无效，{verdict}")
        raise typer.Exit(ExitCode.UNREADABLE)


def _open_report(path: Path | None, stack: ExitStack) -> CsvSheet | None:
    if path is None:
        return None
    return stack.enter_context(csv_sheet(path, ("file", "row", "outcome", "plate", "detail")))


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
    stop = stop_on_signals()
    with (
        open_redis(settings) as url,
        tended_list(settings, url, console.print, accepts_smaller=accept_smaller),
    ):
        console.print(f"正在维护风险名单（每 {settings.risk.heartbeat_s:g} 秒心跳），Ctrl-C 停止")
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
    if as_json:
        counts = {outcome.value: count for outcome, count in result.counts.items()}
        version = published.version if published else None
        put_json({"rows": result.rows, **counts, "applied": result.is_applied, "version": version})
        return
    table = Table("结果", "行数")
    table.columns[1].justify = "right"
    for outcome, count in result.counts.items():
        table.add_row(OUTCOME_NAMES[outcome], str(count))
    Console(highlight=False).print(table)
    messages().print(published_text(published))
