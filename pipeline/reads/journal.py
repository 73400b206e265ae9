"""Reads on disk before the camera is answered: their bodies in encrypted segment files, their order in SQLite.

A read is there once its bytes are on disk. Its row is written before it is acknowledged, but reaches the disk when it
will: rows that a power cut took are made again from the bytes of the segment that was being written. A
segment is deleted when all its reads are decided, so that nothing of a clear vehicle stays.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeAlias

from alerts.database import transaction
from pipeline.reads.arrival import Arrival
from pipeline.reads.cipher import Seal, SealError
from pipeline.reads.room import Room
from pipeline.reads.rows import AT_ONCE, Row, execute_values, opened
from pipeline.reads.sealed import BOUND_BY, Sealed, frame_of, rowless, sealed
from pipeline.reads.segment import Held, Segment
from pipeline.reads.waiting import Place, Waiting
from riskdb.own_file import open_plain, own_folder

MOST_LOG_PAGES = 8000
"""Of 4 kB: SQLite's log where nobody decides, or it never comes to rest."""
KEEP = """INSERT INTO read (device_id, key, arrived_ms, segment, place, length, head) VALUES {}
ON CONFLICT (device_id, key) DO NOTHING"""
KNOWN = """SELECT read.device_id, read.key FROM (VALUES {}) AS asked
CROSS JOIN read ON read.device_id = asked.column1 AND read.key = asked.column2"""
WAITING = """SELECT seq, device_id, segment, place, length, head FROM read
WHERE is_done = 0 AND seq > ? ORDER BY seq LIMIT ?"""
ARRIVED = "SELECT seq, arrived_ms FROM read WHERE is_done = 0 AND seq > ? ORDER BY seq LIMIT ?"
WAITING_AMONG = """SELECT seq, device_id, segment, place, length, head FROM read
WHERE is_done = 0 AND seq IN (VALUES {}) ORDER BY seq"""
DONE = "UPDATE read SET is_done = 1 WHERE seq IN (VALUES {})"
DONE_WITH = """SELECT number FROM segment WHERE is_open = 0
AND number NOT IN (SELECT segment FROM read WHERE is_done = 0)"""
FORGET = "DELETE FROM read WHERE seq BETWEEN ? AND ? AND is_done > 0 AND arrived_ms < ?"
FORGET_AMONG = 5000
"""Rows that are looked at for it at once, a millisecond: whoever wants to write waits meanwhile."""
LAST = "SELECT segment, place + length FROM read ORDER BY seq DESC LIMIT 1"
UNTAKEN = """SELECT arrived_ms FROM read WHERE is_done = 0
AND seq > coalesce((SELECT taken FROM decider), 0) ORDER BY seq LIMIT 1"""
NOT_FOR_EVER = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR)
"""The machine is short of something just now: what cannot be read for that is not lost."""
log = logging.getLogger(__name__)
_Name: TypeAlias = tuple[str, bytes]
"""Device and key of a read."""


class Journal:
    """The reads of one state folder. One process writes, one takes out; each has its own, for one thread at a time."""

    def __init__(self, folder: Path, seal: Seal) -> None:
        """Open or create it. Raises sqlite3.Error, OSError."""
        own_folder(folder)
        self._folder = folder
        self._seal = seal
        self._database = opened(folder / "reads.sqlite")
        self._segment: Segment | None = None
        self._held = Held()
        self._looked_to = 0
        self._room = Room(folder)

    def begin_writing(self) -> None:
        """Be the one who writes reads; the segment of a writer that is no more gets what rows it lacks, and is closed.

        The one who decides brings the rows from SQLite's log into their place: cameras would wait for it.
        """
        self._database.execute(f"PRAGMA wal_autocheckpoint={MOST_LOG_PAGES}")
        for (number,) in self._database.execute("SELECT number FROM segment WHERE is_open = 1").fetchall():
            self._find_rowless(number)
        self._close_segments()

    def begin_deciding(self) -> None:
        """Let what is noted here reach the disk when it will: after a power cut it is decided again.

        Else the one who writes reads, and the cameras behind it, would wait for each of our notes to be on disk.
        """
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("PRAGMA wal_autocheckpoint=0")

    def sealed(self, arrivals: Sequence[Arrival]) -> list[Sealed]:
        """Return reads ready for `keep`; any thread may ask."""
        return [sealed(self._seal, arrival) for arrival in arrivals]

    def keep(self, reads: Sequence[Sealed], now_s: float) -> list[bool]:
        """Put reads on disk, all or none; return which of them are new. `now_s` is monotonic.

        In few calls, however many they are: after each of them this thread waits for the interpreter, and the one that
        receives waits for this one.

        Raises OSError, sqlite3.Error.
        """
        self._room.check(now_s)
        known = set(execute_values(self._database, KNOWN, [(read.device_id, read.key) for read in reads]))
        fresh: dict[_Name, Sealed] = {}
        is_new: list[bool] = []
        for read in reads:
            name = read.device_id, read.key
            is_new.append(name not in known and name not in fresh)
            if is_new[-1]:
                fresh[name] = read
        if fresh:
            self._write(list(fresh.values()), now_s)
        return is_new

    def rest(self, now_s: float) -> None:
        """Close a segment that is full or old."""
        if self._segment is not None and self._segment.is_over(now_s):
            self._segment.close()
            self._held.add(self._path(self._segment.number))
            self._segment = None
            self._close_segments()

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """Return the oldest undecided reads with a number above `after`."""
        return [replace(each, arrival=self.whole(each)) for each in self.said(after, limit)]

    def said(self, after: int, limit: int) -> list[Waiting]:
        """`waiting` without the pictures, which take ten times as long as all else; `whole` is the same with them."""
        return [self._said(row) for row in self._database.execute(WAITING, (after, limit)).fetchall()]

    def arrived_before(self, moment: datetime, after: int, limit: int) -> list[int]:
        """Return the numbers of the undecided reads right behind `after` that came before a moment, none opened."""
        rows, before_ms = self._database.execute(ARRIVED, (after, limit)), round(moment.timestamp() * 1000)
        return [seq for seq, _ in takewhile(lambda row: row[1] < before_ms, rows)]

    def said_among(self, numbers: Sequence[int]) -> list[Waiting]:
        """`said` of those with these numbers that still wait."""
        return [
            self._said(row) for row in execute_values(self._database, WAITING_AMONG, [(number,) for number in numbers])
        ]

    def whole(self, waiting: Waiting) -> Arrival | None:
        """Return a read with its pictures; None where they cannot be read any more."""
        return self._read(waiting.device_id, waiting.place, waiting.place.length)

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
        with transaction(self._database):
            execute_values(self._database, DONE, [(number,) for number in numbers])

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
        is_busy = self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0]
        # No segment goes before it is on disk that its reads are decided: they would be lost after a power cut.
        gone = [] if is_busy else [number for (number,) in self._database.execute(DONE_WITH).fetchall()]
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
            # The last row stays: behind it those are looked for that a power cut took.
            self._database.execute(FORGET, (begin, min(self._looked_to, last - 1), before_ms))

    def say_of(self, said: Mapping[str, str]) -> None:
        """Note the states of devices, by their ids, for whoever asks."""
        sql = "INSERT INTO device VALUES (?, ?) ON CONFLICT (device_id) DO UPDATE SET said = excluded.said"
        with transaction(self._database):
            self._database.executemany(sql, list(said.items()))

    def said_of_devices(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT device_id, said FROM device").fetchall())

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._database.close()

    def _said(self, row: tuple[Any, ...]) -> Waiting:
        seq, device_id, *place = row
        at = Place(*place)
        return Waiting(seq, device_id, self._read(device_id, at, at.head or at.length), at)

    def _write(self, fresh: Sequence[Sealed], now_s: float) -> None:
        if self._segment is None:
            self._segment = self._next_segment(now_s)
        frames = [frame_of(read) for read in fresh]
        pieces = [(frame, read.said, *read.pictures) for frame, read in zip(frames, fresh, strict=True)]
        try:
            places = self._segment.append(pieces)
        except OSError:
            self._segment.close()  # nobody knows how much of it was written
            self._segment = None
            raise
        number = self._segment.number
        each = zip(fresh, places, frames, strict=True)
        self._insert([read.row(number, place + len(frame)) for read, place, frame in each])

    def _insert(self, rows: Sequence[Row]) -> None:
        # One statement is a transaction of its own: all of them or none.
        with transaction(self._database) if len(rows) > AT_ONCE else contextlib.nullcontext():
            execute_values(self._database, KEEP, rows)

    def _find_rowless(self, segment: int) -> None:
        last, end = self._database.execute(LAST).fetchone() or (0, 0)
        if last <= segment and self._path(segment).exists():
            found = rowless(self._path(segment), end if last == segment else 0, self._seal)
            self._insert(rows := [read.row(segment, place) for place, read in found])
            if rows:
                log.warning("%d reads whose rows a power cut or a crash took are in the journal again", len(rows))

    def _close_segments(self) -> None:
        self._database.execute("UPDATE segment SET is_open = 0 WHERE is_open = 1")

    def _next_segment(self, now_s: float) -> Segment:
        number = int(datetime.now(UTC).timestamp() * 1000)
        taken = self._database.execute("SELECT coalesce(max(number), 0) FROM segment").fetchone()[0]
        number = max(number, int(taken) + 1)
        self._close_segments()
        segment = Segment(self._path(number), number, now_s)
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("INSERT INTO segment VALUES (?, 1)", (number,))
        self._database.execute("PRAGMA synchronous=NORMAL")  # what its reads are is in the segment, too
        return segment

    def _read(self, device_id: str, place: Place, length: int) -> Arrival | None:
        """Return what lies in the first `length` bytes of a place; None where it cannot be read any more."""
        try:
            file = open_plain(self._path(place.segment), os.O_RDONLY)
            try:
                sealed = os.pread(file, length, place.begin)
            finally:
                os.close(file)
            head = sealed[: place.head or length]
            content = self._seal.open(head, device_id.encode())
            if length > len(head):
                content += self._seal.open(sealed[len(head) :], head[-BOUND_BY:])
            return Arrival.from_bytes(content)
        except SealError:
            return None
        except OSError as error:
            if error.errno in NOT_FOR_EVER:
                raise
            return None

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment}.reads"
