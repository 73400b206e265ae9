"""What a history left behind: rows of the console, and traces of vehicles that nobody was looking for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.history_rig import HistoryRig

SEARCHED = ("box", "centre", "redis", "replica")


def console_events(rig: HistoryRig) -> list[str]:
    path = rig.centre_state / "console.sqlite"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return [row[0] for row in connection.execute("SELECT event_id FROM flagged_events")]
    except sqlite3.OperationalError:
        return []  # its tables are not there yet


def traces(rig: HistoryRig, digests: dict[str, bytes]) -> list[str]:
    """Return where a plate that was never on the list, or its digest, is to be read; in any encoding of ours."""
    marks = {text: list(_encodings(text, digest)) for text, digest in digests.items()}
    found = []
    for path in _files(rig.folder):
        content = path.read_bytes()
        found += [
            f"{text} can be read in {path}" for text, each in marks.items() if any(mark in content for mark in each)
        ]
    return found


def _encodings(text: str, digest: bytes) -> Iterator[bytes]:
    yield text.encode()
    yield text.encode("gbk")
    yield text.encode("utf-16-le")
    yield text.encode("unicode_escape")
    yield digest
    yield digest.hex().encode()


def _files(folder: Path) -> Iterator[Path]:
    for name in SEARCHED:
        yield from (path for path in (folder / name).rglob("*") if path.is_file())
    yield from folder.glob("*.log")
