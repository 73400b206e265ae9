"""`kakou run`: a box screens its cameras."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kakou.box.run import run_box
from kakou.exit_codes import ExitCode
from kakou.process import log_to_stderr, stop_on_signals
from kakou.settings import Settings, SettingsError, load_settings
from pipeline.types import ScreeningCounts

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def run(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a passage on stdout.")] = False,
    show_clear_plates: Annotated[
        bool,
        typer.Option("--show-clear-plates", help="Print plates that are not listed, too; never where output is kept."),
    ] = False,
) -> None:
    """Screen cameras, video files and image folders as kakou.toml says; Ctrl-C ends it in order.

    Files end by themselves; cameras are reopened for ever. Exit code 3 when a file was damaged or a source could
    not be opened, 4 when Redis cannot be started, 5 when the settings are wrong.

    Examples:

    - `kakou run --config kakou.toml`
    - `kakou run --json > passages.jsonl`
    """
    settings = load_settings(config)
    if not settings.sources:
        raise SettingsError(f"{config or 'kakou.toml'}: no [[source]] to screen; see docs/kakou.toml.md")
    log_to_stderr()
    counts = run_box(settings, config, stop_on_signals(), as_json=as_json, show_clear_plates=show_clear_plates)
    print_summary(settings, counts)
    if any(each.damage for each in counts.values()):
        raise typer.Exit(ExitCode.UNREADABLE)


def print_summary(settings: Settings, counts: dict[str, ScreeningCounts]) -> None:
    """Print what every camera saw, on stderr; the sums must add up."""
    table = Table("摄像机", "卡口", "帧", "识别", "跳过", "丢弃", "过车", "无风险", "预警", "未核对", "未识读")
    for source in settings.sources:
        each = counts.get(source.camera_id, ScreeningCounts())
        frames = (each.frames, each.looked_at, each.skipped, each.dropped)
        passages = (each.passages, each.clear, each.flagged, each.unchecked, each.unread)
        table.add_row(source.camera_id, source.checkpoint, *map(str, frames + passages))
    total = ScreeningCounts(
        clear=sum(each.clear for each in counts.values()),
        flagged=sum(each.flagged for each in counts.values()),
        unchecked=sum(each.unchecked for each in counts.values()),
    )
    messages = Console(stderr=True, highlight=False)
    if not messages.is_terminal:
        messages = Console(stderr=True, highlight=False, width=140)
    messages.print(table)
    for camera_id, each in counts.items():
        if each.damage:
            messages.print(f"[red]{camera_id}[/red] {escape(each.damage)}")
    messages.print(
        f"过车 {total.passages} = 无风险 {total.clear} + 预警 {total.flagged} + 未核对 {total.unchecked}"
        f"  (passages = clear + flagged + unchecked)"
    )
