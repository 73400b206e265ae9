"""Writes that SQLite takes for never made, because their log (-wal) is damaged: it says nothing of them itself.

SQLite reads the log up to the first frame whose checksum is wrong. Frames of the same life that end a transaction and
lie behind that place were committed once, or were being committed when the power went.
Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import contextlib
import itertools
import os
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alerts.set_aside import note_lost
from riskdb.own_file import open_plain

HEADER = struct.Struct(">8I")
"""Magic, version, page size, checkpoint number, salt twice, checksum twice."""
FRAME = struct.Struct(">6I")
"""Page, size of the database after a commit (else 0), salt twice, checksum twice."""
MAGIC = 0x377F0682
"""Or one more."""


@dataclass(frozen=True, slots=True)
class LogTail:
    """What a log held before it was opened: which frames of its present life end a transaction."""

    commits: tuple[int, ...]
    """Numbers of the frames, counted from 0."""

    @classmethod
    def read(cls, database: Path) -> "LogTail":
        """Nothing is found in a log that isn't there or in use, and where its head is zeroed or cannot be made out."""
        if _is_open(database):  # who opened it first has looked; by now the log may have begun anew
            return cls(())
        try:
            with os.fdopen(open_plain(database.with_name(f"{database.name}-wal"), os.O_RDONLY), "rb") as file:
                return cls(tuple(_commits(file)))
        except OSError:
            return cls(())

    def lost(self, connection: sqlite3.Connection) -> int:
        """Return how many transactions of the log SQLite doesn't take, right after the database was opened."""
        if not self.commits:
            return 0
        _, taken, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return sum(frame >= taken for frame in self.commits) if taken >= 0 else 0


def say_lost_tail(database: Path, lost: str) -> None:
    """Raise the alarm where transactions are lost with a damaged log; before the database is opened for work.

    `lost` says in Chinese what to do.
    """
    tail = LogTail.read(database)
    if not tail.commits:
        return
    # What else is wrong with the database, whoever opens it for work will say.
    with (
        contextlib.suppress(sqlite3.Error, UnicodeDecodeError),
        contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection,
    ):
        if count := tail.lost(connection):
            note_lost(database, f"{database.name} 的日志曾损坏：最后 {count} 笔写入已丢失，{lost}")


def _commits(log: BinaryIO) -> Iterator[int]:
    head = log.read(HEADER.size)
    if len(head) < HEADER.size:
        return
    magic, _, page_bytes, _, *salts = HEADER.unpack(head)[:6]
    if magic & ~1 != MAGIC or not 512 <= page_bytes <= 65536:
        return
    for number in itertools.count():
        log.seek(HEADER.size + number * (FRAME.size + page_bytes))
        frame = log.read(FRAME.size)
        if len(frame) < FRAME.size:
            return
        _, pages_after, *frame_salts = FRAME.unpack(frame)[:4]
        if pages_after and frame_salts == salts:
            yield number


def _is_open(database: Path) -> bool:
    """Return whether any process, this one too, has the database open: it holds a lock on the log's index.

    Asked of the kernel: to open the index here would, at its closing, take away this process's own locks on it.
    """
    try:
        inode = database.with_name(f"{database.name}-shm").stat().st_ino
        return f":{inode} " in Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
