"""What the two commands show and note down."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from kakou.backup.archive import OnBytes
from kakou.process import this_user
from kakou.settings import Settings
from kakou.utc import utc_now


@contextmanager
def bytes_bar(title: str, total: int, messages: Console) -> Iterator[OnBytes]:
    """Yield what to tell of the bytes that are done; the bar shows where somebody looks on."""
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=messages, disable=not messages.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=total or None)
        yield lambda count: bar.advance(task, count)


def note_in_audit_log(settings: Settings, action: str, name: str) -> None:
    """Write down, where this is a centre, who made or put back which backup."""
    if (settings.state_dir / "console.key").exists():
        from kakou.sunset.carrying_out import note_in_audit  # the console's libraries take a second to load

        note_in_audit(settings, this_user(), action, name, utc_now())
