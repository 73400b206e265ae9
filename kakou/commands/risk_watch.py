"""`kakou risk watch`: files that offices put into a folder are taken over by themselves."""

from pathlib import Path
from typing import Annotated

import typer

from kakou.commands.risk_output import Config, messages
from kakou.exit_codes import ExitCode
from kakou.process import stop_on_signals
from kakou.settings import load_settings
from kakou.sunset.guard import until_sunset
from kakou.wiring.clock import trusted_clock
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper
from riskdb.folder_watch import FolderRule, FolderWatch
from riskdb.record.receipts import Receipt
from riskdb.types import RiskDBError, RiskFileError


def add_watch_command(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where offices put their files.")],
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Take what lies there now, then end.")] = False,
    source: Annotated[str, typer.Option(help="Who says so, where the files have no column for it.")] = "",
    most_rows: Annotated[int, typer.Option(min=1, help="A larger file is refused: a person should look.")] = 10_000,
    keep_days: Annotated[float, typer.Option(min=0, help="Files and receipts are deleted after this.")] = 7.0,
    config: Config = None,
) -> None:
    """Take over every file that is put into a folder, and answer with a receipt.

    A file that is taken over goes to 已导入, a refused one to 被退回, each with a receipt (回执) and its faulty rows
    in their own layout beside it. Forms must be known: confirmed on the page, or with `kakou risk import --map`.
    While Redis is away files wait; with --once the exit code is 4 then, and 3 when a file was refused.

    Example: `kakou risk watch /srv/协查函 --source 协查专班`
    """
    settings, console, stop = load_settings(config), messages(), stop_on_signals()
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} 不是文件夹")
    rule = FolderRule(source, most_rows, keep_days)
    refused = 0
    with until_sunset(settings, stop), open_redis(settings) as url:
        watched = FolderWatch(folder, lambda: open_keeper(settings, url), rule, trusted_clock(settings))
        console.print(f"正在查看文件夹 {folder}（每 {every:g} 秒），Ctrl-C 停止", markup=False)
        looks = 0
        while not stop.is_set() and not (once and looks == 2):
            refused += _look(watched, is_tried_again=not once)
            looks += 1
            stop.wait(every)
    if once and refused:
        raise typer.Exit(ExitCode.UNREADABLE)


def _look(watched: FolderWatch, *, is_tried_again: bool) -> int:
    """Return how many files were refused. Raises RiskDBError where no later look mends it."""
    refused = 0
    try:
        for receipt in watched.look():
            messages().print(_line(receipt), soft_wrap=True, markup=False)
            refused += bool(receipt.problem)
    except RiskFileError:
        raise
    except RiskDBError as error:
        if not is_tried_again:
            raise
        messages().print(f"文件先留着，稍后再试：{error}", soft_wrap=True, markup=False, style="red")
    return refused


def _line(receipt: Receipt) -> str:
    if receipt.problem:
        return f"{receipt.name}：没有导入。{receipt.problem}"
    rows = receipt.result.rows if receipt.result else 0
    return f"{receipt.name}：已导入 {rows} 行"
