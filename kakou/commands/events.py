"""`kakou events`: the flagged events as they come, and those that could not be delivered."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from alerts.entries import DeadEntry, StreamEntry
from alerts.envelope import Event
from alerts.flagged import LEVEL_WORDS, FlaggedEvent
from alerts.stream import FlaggedStream
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import load_settings
from kakou.terminal import stderr, stdout
from kakou.wiring.stream import open_stream
from ocr.looks import class_name

FOLLOW_BLOCK_MS = 1000

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]


@app.callback(invoke_without_command=True)
def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing events as they come.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many of the latest events.")] = 20,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show flagged events, the latest last. Every one is 待核实 until a person has looked at the picture.

    Examples:

    - `kakou events`
    - `kakou events --follow`
    - `kakou events -n 1000 --json > events.jsonl`
    - `kakou events dead`
    - `kakou events retry --all`
    """
    if context.invoked_subcommand is not None:
        return
    with _stream(config) as stream:
        latest = stream.recent(count) if count else []
        last_id = latest[-1].entry_id if latest else stream.last_id()
        show_events(latest, as_json)
        while follow:
            entries, last_id = stream.follow(last_id, FOLLOW_BLOCK_MS)
            show_events(entries, as_json)


@app.command()
def dead(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show the events that a channel gave up, and why. Exit code 1 when there are any.

    Example: `kakou events dead --json`
    """
    with _stream(config) as stream:
        letters = stream.dead()
    if as_json:
        for letter in letters:
            put_json(_dead_as_json(letter))
    elif letters:
        stdout().print(_dead_table(letters))
    if letters:
        raise typer.Exit(ExitCode.FINDINGS)


@app.command()
def retry(
    dead_ids: Annotated[list[str] | None, typer.Argument(help="Ids from `kakou events dead`.", metavar="ID...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    config: ConfigOption = None,
) -> None:
    """Send dead letters to their channel once more.

    Examples:

    - `kakou events retry 1795486340354-0`
    - `kakou events retry --all`
    """
    messages = _messages()
    if everything == bool(dead_ids):
        messages.print("给出死信编号，或者用 --all (give ids of dead letters, or --all)")
        raise typer.Exit(ExitCode.USAGE)
    with _stream(config) as stream:
        wanted = [letter.dead_id for letter in stream.dead()] if everything else list(dead_ids or ())
        missing = [dead_id for dead_id in wanted if not stream.revive(dead_id)]
    for dead_id in missing:
        messages.print(f"没有死信 {dead_id} (no such dead letter)")
    messages.print(f"{len(wanted) - len(missing)} 条重新投递 (sent again)")
    if missing:
        raise typer.Exit(ExitCode.UNREADABLE)


def show_events(entries: Sequence[StreamEntry], as_json: bool) -> None:
    """Print entries to stdout: JSON lines, or rows a person can read."""
    if as_json:
        for entry in entries:
            put_json(entry.event.model_dump(mode="json"))
        return
    screen = stdout()
    for entry in entries:
        # One event, one line, however narrow the terminal: people pipe this into grep.
        screen.print(event_row(entry.event), markup=False, emoji=False, soft_wrap=True)


def event_row(event: Event) -> str:
    """Return one line: local time, checkpoint and what it is about."""
    moment = event.happened_at.astimezone().strftime("%m-%d %H:%M:%S")
    row = f"{moment}  {event.place}  {_passage(event) if isinstance(event, FlaggedEvent) else event.summary}"
    return as_printed(row)


def as_printed(text: str) -> str:
    """Return `text` without what would steer the terminal: a stream holds whatever somebody put there."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _passage(event: FlaggedEvent) -> str:
    """Return plate, class, level, probability and why."""
    mark = "（回放）" if event.replayed else ""
    words = f"{event.text}  {class_name(event.plate_class)}  {LEVEL_WORDS[event.level]}{mark}"
    return f"{words}  P={event.probability:.2f}  {event.why}"


@contextlib.contextmanager
def _stream(config: Path | None) -> Iterator[FlaggedStream]:
    try:
        with open_stream(load_settings(config)) as client:
            yield FlaggedStream(client)
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.OK) from None


def _dead_table(letters: Sequence[DeadEntry]) -> Table:
    table = Table("死信编号", "时间", "通道", "卡口", "预警编号", "原因", title="未能送达 (dead letters)")
    for letter in letters:
        moment = letter.died_at.astimezone().strftime("%m-%d %H:%M:%S")
        checkpoint = letter.event.place if letter.event else "?"
        cells = (letter.dead_id, moment, letter.group, checkpoint, letter.event_id or "?", letter.reason)
        table.add_row(*map(as_printed, cells))
    return table


def _dead_as_json(letter: DeadEntry) -> dict[str, str]:
    return {
        "dead_id": letter.dead_id,
        "died_at": letter.died_at.isoformat(),
        "group": letter.group,
        "event_id": letter.event_id,
        "reason": letter.reason,
    }


def _messages() -> Console:
    return stderr()
