"""Reads on disk before the camera is answered: their bodies in encrypted segment files, their order in SQLite.

A read is there once its row is committed; bytes of a segment without a row are what a power cut left. A segment is
deleted when all its reads are decided, so that nothing of a clear vehicle stays.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alerts.database import open_database
from alerts.set_aside import set_aside
from pipeline.reads.arrival import Arrival
from pipeline.reads.cipher import Seal, SealError
from riskdb.own_file import open_plain, own_folder

SEGMENT_BYTES = 64 * 2**20
SEGMENT_S = 45.0
"""A segment is closed at this size or age: what was decided may then be deleted."""
KEEP_FREE_BYTES = 512 * 2**20
"""Below this much free disk the cameras keep their reads and send them again."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS read (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL,
    key BLOB NOT NULL,                  -- Arrival.key
    arrived_ms INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    is_done INTEGER NOT NULL DEFAULT 0, -- 1 decided; 2 lost, arrived_ms says when that was found
    UNIQUE (device_id, key)
) STRICT;
CREATE INDEX IF NOT EXISTS waiting ON read (seq, segment) WHERE is_done = 0;
CREATE TABLE IF NOT EXISTS segment (number INTEGER PRIMARY KEY, is_open INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS decider (only INTEGER PRIMARY KEY CHECK (only = 1), taken INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS device (device_id TEXT PRIMARY KEY, said TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
KEEP = """INSERT INTO read (device_id, key, arrived_ms, segment, place, length) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (device_id, key) DO NOTHING"""
KNOWN = "SELECT 1 FROM read WHERE device_id = ? AND key = ?"
WAITING = "SELECT seq, device_id, segment, place, length FROM read WHERE is_done = 0 AND seq > ? ORDER BY seq LIMIT ?"
DONE_WITH = """SELECT number FROM segment WHERE is_open = 0
AND number NOT IN (SELECT segment FROM read WHERE is_done = 0)"""
FORGET = "DELETE FROM read WHERE seq BETWEEN ? AND ? AND is_done > 0 AND arrived_ms < ?"
FORGET_AMONG = 5000
"""Rows that are looked at for it at once, a millisecond: whoever wants to write waits meanwhile."""
UNTAKEN = """SELECT arrived_ms FROM read WHERE is_done = 0
AND seq > coalesce((SELECT taken FROM decider), 0) ORDER BY seq LIMIT 1"""
NOT_FOR_EVER = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR)
"""The machine is short of something just now: what cannot be read for that is not lost."""
DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A read that is to be decided; `arrival` None where it cannot be read any more."""

    seq: int
    device_id: str
    arrival: Arrival | None


class Journal:
    """The reads of one state folder. One process writes, one takes out; each has its own, for one thread at a time."""

    def __init__(self, folder: Path, seal: Seal) -> None:
        """Open or create it. Raises sqlite3.Error, OSError."""
        own_folder(folder)
        self._folder = folder
        self._seal = seal
        self._database = _opened(folder / "reads.sqlite")
        self._segment: _Segment | None = None
        self._looked_to = 0

    def begin_writing(self) -> None:
        """Close the segments of a writer that is no more: there is one writer at a time."""
        self._database.execute("UPDATE segment SET is_open = 0")

    def begin_deciding(self) -> None:
        """Let what is noted here reach the disk when it will: after a power cut it is decided again.

        Else the one who writes reads, and the cameras behind it, would wait for each of our notes to be on disk.
        """
        self._database.execute("PRAGMA synchronous=NORMAL")

    def keep(self, arrivals: Sequence[Arrival], now_s: float) -> list[bool]:
        """Put reads on disk, all or none; return which of them are new. `now_s` is monotonic.

        Raises OSError, sqlite3.Error.
        """
        if shutil.disk_usage(self._folder).free < KEEP_FREE_BYTES:
            raise OSError(errno.ENOSPC, "the disk is nearly full; its last space is for flagged events")
        is_new: list[bool] = []
        rows: list[tuple[object, ...]] = []
        fresh: set[tuple[str, bytes]] = set()
        for arrival in arrivals:
            key = arrival.key()
            is_known = (arrival.device_id, key) in fresh or self._is_known(arrival.device_id, key)
            is_new.append(not is_known)
            if not is_known:
                fresh.add((arrival.device_id, key))
                segment, place, length = self._write(arrival, now_s)
                arrived_ms = round(arrival.arrived_at.timestamp() * 1000)
                rows.append((arrival.device_id, key, arrived_ms, segment, place, length))
        if rows:
            if self._segment is not None:
                self._segment.sync()
            self._together(KEEP, rows)
        return is_new

    def rest(self, now_s: float) -> None:
        """Close a segment that is full or old."""
        if self._segment is not None and self._segment.is_over(now_s):
            self._segment.close()
            self._database.execute("UPDATE segment SET is_open = 0 WHERE number = ?", (self._segment.number,))
            self._segment = None

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """Return the oldest undecided reads with a number above `after`."""
        found = []
        for seq, device_id, segment, place, length in self._database.execute(WAITING, (after, limit)).fetchall():
            found.append(Waiting(seq, device_id, self._read(device_id, segment, place, length)))
        return found

    def waits_more(self, after: int, count: int) -> bool:
        """Return whether more than `count` reads with a number above `after` wait."""
        sql = "SELECT 1 FROM read WHERE is_done = 0 AND seq > ? LIMIT 1 OFFSET ?"
        return self._database.execute(sql, (after, count)).fetchone() is not None

    def waiting_count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM read WHERE is_done = 0").fetchone()[0])

    def note_taken(self, number: int) -> None:
        """Note up to which number reads were taken out: some of them wait for more messages of their passage."""
        sql = "INSERT INTO decider VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET taken = excluded.taken"
        self._database.execute(sql, (number,))

    def oldest_untaken(self) -> datetime | None:
        """Return when the oldest read arrived that nobody has looked at yet; None where there is none."""
        found = self._database.execute(UNTAKEN).fetchone()
        return datetime.fromtimestamp(found[0] / 1000, UTC) if found else None

    def done(self, numbers: Sequence[int]) -> None:
        """Note that reads are decided: they will not come again."""
        self._together("UPDATE read SET is_done = 1 WHERE seq = ?", [(number,) for number in numbers])

    def lost(self, number: int, found_at: datetime) -> None:
        """Note that a read is lost: it was acknowledged, and cannot be read back."""
        found_ms = round(found_at.timestamp() * 1000)
        self._database.execute("UPDATE read SET is_done = 2, arrived_ms = ? WHERE seq = ?", (found_ms, number))

    def lost_since(self, moment: datetime) -> dict[str, int]:
        """Return how many reads of each device were found lost since then."""
        sql = "SELECT device_id, count(*) FROM read WHERE is_done = 2 AND arrived_ms >= ? GROUP BY device_id"
        return dict(self._database.execute(sql, (round(moment.timestamp() * 1000),)).fetchall())

    def tidy(self, forget_before: datetime | None) -> int:
        """Delete segments that nobody needs, and what is known of reads before that time; return how many segments."""
        gone = [number for (number,) in self._database.execute(DONE_WITH).fetchall()]
        # No segment goes before it is on disk that its reads are decided: they would be lost after a power cut.
        if not gone or self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0]:
            gone = []  # somebody else is at it; the next time
        for number in gone:
            self._path(number).unlink(missing_ok=True)
            self._database.execute("DELETE FROM segment WHERE number = ?", (number,))
        if forget_before is not None:
            self._forget(round(forget_before.timestamp() * 1000))
        return len(gone)

    def _forget(self, before_ms: int) -> None:
        """Go on through the rows, and from their beginning again after their end."""
        if (first := self._database.execute("SELECT min(seq) FROM read").fetchone()[0]) is not None:
            last = self._database.execute("SELECT max(seq) FROM read").fetchone()[0]
            begin = self._looked_to + 1 if first <= self._looked_to < last else first
            self._looked_to = begin + FORGET_AMONG - 1
            self._database.execute(FORGET, (begin, self._looked_to, before_ms))

    def say_of(self, device_id: str, said: str) -> None:
        """Note the state of a device for whoever asks."""
        sql = "INSERT INTO device VALUES (?, ?) ON CONFLICT (device_id) DO UPDATE SET said = excluded.said"
        self._database.execute(sql, (device_id, said))

    def said_of_devices(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT device_id, said FROM device").fetchall())

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._database.close()

    def _is_known(self, device_id: str, key: bytes) -> bool:
        return self._database.execute(KNOWN, (device_id, key)).fetchone() is not None

    def _write(self, arrival: Arrival, now_s: float) -> tuple[int, int, int]:
        if self._segment is None:
            self._segment = self._next_segment(now_s)
        sealed = self._seal.close(arrival.to_bytes(), arrival.device_id.encode())
        return self._segment.number, self._segment.append(sealed), len(sealed)

    def _next_segment(self, now_s: float) -> "_Segment":
        number = int(datetime.now(UTC).timestamp() * 1000)
        taken = self._database.execute("SELECT coalesce(max(number), 0) FROM segment").fetchone()[0]
        number = max(number, int(taken) + 1)
        segment = _Segment(self._path(number), number, now_s)
        self._database.execute("INSERT INTO segment VALUES (?, 1)", (number,))
        return segment

    def _read(self, device_id: str, segment: int, place: int, length: int) -> Arrival | None:
        try:
            with os.fdopen(open_plain(self._path(segment), os.O_RDONLY)) as file:
                sealed = os.pread(file.fileno(), length, place)
            return Arrival.from_bytes(self._seal.open(sealed, device_id.encode()))
        except SealError:
            return None
        except OSError as error:
            if error.errno in NOT_FOR_EVER:
                raise
            return None

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment}.reads"

    def _together(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(sql, rows)
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:  # it did not come to its end; a full disk has rolled back already
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")


class _Segment:
    """A file of sealed reads that grows at its end."""

    def __init__(self, path: Path, number: int, now_s: float) -> None:
        self.number = number
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = 0
        self._begun_s = now_s
        self._sync_name(path.parent)

    def append(self, sealed: bytes) -> int:
        """Return where it stands."""
        place = self._size
        view = memoryview(sealed)
        while view:
            view = view[os.write(self._file, view) :]
        self._size = place + len(sealed)
        return place

    def sync(self) -> None:
        os.fdatasync(self._file)

    def is_over(self, now_s: float) -> bool:
        return self._size >= SEGMENT_BYTES or now_s - self._begun_s >= SEGMENT_S

    def close(self) -> None:
        os.close(self._file)

    def _sync_name(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _opened(path: Path) -> sqlite3.Connection:
    """Open the rows; damaged ones are set aside, and reads begin anew."""
    try:
        return open_database(path, SCHEMA, synchronous="FULL")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGE:
            raise
    set_aside(path, "相机上报的日志曾损坏，尚未处理的相机识别结果已丢失，请人工核查该时段")
    return open_database(path, SCHEMA, synchronous="FULL")
