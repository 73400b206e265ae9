"""A damaged file of the state folder is kept aside under a dated name, and work goes on with a new one.

Beside it lies a sentence that says what was lost: for people to look at, and for the checkpoint's tile, which shows it
until somebody has deleted the sentence or its time is over.
"""

import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path

from riskdb.own_file import MARK, STAMP, aside_name, read_own_text

COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""

log = logging.getLogger(__name__)


def set_aside(path: Path, lost: str) -> Path:
    """Rename a file or folder, and what SQLite keeps beside it; return its new path. Raises OSError.

    `lost` says in Chinese what is lost with it.
    """
    kept = aside_name(path)
    for suffix in (*COMPANIONS, ""):  # the file itself last: until then others find it where it was
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    say_lost(kept, lost)
    log.error("%s is damaged and is kept aside as %s: %s", path, kept.name, lost)
    return kept


def say_lost(kept: Path, lost: str) -> None:
    """Write, or write anew, what is lost with a file that was set aside; a full disk keeps nobody from his work."""
    with contextlib.suppress(OSError):
        sentence = kept.with_name(kept.name + ".txt")
        sentence.touch(mode=0o600)
        sentence.write_text(lost, encoding="utf-8")


def note_lost(path: Path, lost: str) -> None:
    """Raise the alarm for a file of which nothing is left to keep."""
    log.error("%s: %s", path, lost)
    say_lost(aside_name(path), lost)


def losses(folder: Path) -> tuple[str, ...]:
    """Return what was lost in a state folder and nobody has dealt with yet, the latest first."""
    found = []
    for path in sorted(folder.glob(f"*{MARK}*.txt"), key=_stamp_of, reverse=True):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found.append(read_own_text(path)[:200])
    return tuple(found)


def forget_aside(path: Path, before: datetime) -> None:
    """Delete what was set aside of a file before a moment: it may hold plates."""
    for kept in path.parent.glob(f"{path.name}{MARK}*"):
        if _stamp_of(kept) < f"{before.astimezone(UTC):{STAMP}}":
            with contextlib.suppress(OSError):
                kept.unlink(missing_ok=True)


def _stamp_of(path: Path) -> str:
    return path.name.rpartition(MARK)[2]
