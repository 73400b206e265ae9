"""`kakou run`: a box screens its cameras."""

from pathlib import Path
from typing import Annotated

import typer

from kakou.box.run import run_box
from kakou.commands.run_output import print_summary
from kakou.exit_codes import ExitCode
from kakou.process import log_to_stderr, stop_on_signals
from kakou.settings import SettingsError, load_settings
from kakou.state_format import alone, require_known_format
from kakou.sunset.guard import until_sunset

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
    """Screen cameras, video files, image folders and the reads that cameras send, as kakou.toml says; Ctrl-C ends it.

    Files end by themselves; cameras are reopened for ever. Exit code 3 when a file was damaged or a source could
    not be opened, 4 when Redis cannot be started, 5 when the settings are wrong or the authorised
    time is over (`kakou sunset`), 6 when a model or a key is damaged.

    Examples:

    - `kakou run --config kakou.toml`
    - `kakou run --json > passages.jsonl`
    """
    settings = load_settings(config)
    if not settings.sources and not settings.reads.devices:
        raise SettingsError(
            f"{config or 'kakou.toml'}: 没有 [[source]] 也没有 [[reads.device]]：见 docs/kakou.toml.md"
            " (no [[source]] or [[reads.device]])"
        )
    log_to_stderr()
    stop = stop_on_signals()
    require_known_format(settings.state_dir)
    with alone(settings.state_dir, "run"), until_sunset(settings, stop):
        result = run_box(settings, stop, as_json=as_json, show_clear_plates=show_clear_plates)
    print_summary(settings, result.counts)
    if result.given_up:
        raise typer.Exit(max(result.given_up.values()))
    if any(each.damage for each in result.counts.values()):
        raise typer.Exit(ExitCode.UNREADABLE)
