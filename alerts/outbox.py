"""The box's own queue of flagged events: on disk before the frame is released, kept until the stream has them.

SQLite in WAL mode with synchronous=FULL: with NORMAL, or in a Redis with `appendfsync everysec`, a power cut loses
events that were already acknowledged (measured).
"""

import logging
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from alerts.database import open_database
from alerts.envelope import MAX_EVENT_BYTES, Event, to_cloudevent
from alerts.errors import AlertsError
from alerts.reserve import OutboxReserve, create_private, is_out_of_room

BUSY_TIMEOUT_S = 5.0
"""How long one writer waits for another; a commit takes milliseconds."""
PICTURES_NEED_FREE_BYTES = 256 * 1024**2
"""Below this much free disk, pictures are dropped so that events and the rest of the box go on."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- commit order; AUTOINCREMENT never gives a number twice
    event_id TEXT NOT NULL UNIQUE,
    appended_ms INTEGER NOT NULL,
    body BLOB NOT NULL                      -- CloudEvents JSON
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

T = TypeVar("T")
log = logging.getLogger(__name__)


class OutboxError(AlertsError):
    """The outbox could not keep or give an event: the frame must not be released as if it were kept."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    seq: int
    """Grows in commit order, never reused; gaps are possible."""
    event_id: str
    appended_ms: int
    """Unix milliseconds."""
    body: bytes
    """CloudEvents JSON."""


class Outbox:
    """One connection to the outbox; processes and threads may each open their own on the same path."""

    def __init__(
        self, path: Path, *, reserve_bytes: int = 0, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Open or create the outbox. Raises OutboxError."""
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._reserve = OutboxReserve(path, reserve_bytes)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = self._open()
        self._write("INSERT INTO outbox VALUES ('outbox_id', ?) ON CONFLICT (name) DO NOTHING", (uuid.uuid4().hex,))
        self._dropping_pictures = False

    @property
    def outbox_id(self) -> str:
        """Names this outbox to the stream; a new file is a new outbox."""
        return str(self._read("SELECT value FROM outbox WHERE name = 'outbox_id'")[0][0])

    def rename(self, known_as: str) -> None:
        """Take a new name where it still is `known_as`: that one belongs to another outbox, or to a later state."""
        sql = "UPDATE outbox SET value = ? WHERE name = 'outbox_id' AND value = ?"
        self._write(sql, (uuid.uuid4().hex, known_as))

    def could_have_sent(self, seq: int, event_id: str) -> bool:
        """Return whether row `seq` was ever given here, and to this event as far as is known ("" is not known)."""
        if seq > self._count("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'"):
            return False
        here = self._read("SELECT event_id FROM event WHERE seq = ?", (seq,))
        return not here or not event_id or here[0][0] == event_id

    def append(self, event: Event) -> bool:
        """Keep an event; return True when it is new. It is on disk when this returns.

        The same event id again changes nothing. Raises OutboxError, and then it is not kept.
        """
        body = to_cloudevent(event)
        if len(body) > MAX_EVENT_BYTES:
            raise OutboxError(f"event {event.event_id} has {len(body)} bytes, at most {MAX_EVENT_BYTES} are kept")
        row = (event.event_id, _milliseconds(self._now()), body)
        sql = "INSERT INTO event (event_id, appended_ms, body) VALUES (?, ?, ?) ON CONFLICT (event_id) DO NOTHING"
        return self._write(sql, row) == 1

    def after(self, seq: int, limit: int) -> list[OutboxRow]:
        """Return the oldest rows whose number is above `seq`, in order."""
        sql = "SELECT seq, event_id, appended_ms, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
        return [OutboxRow(*values) for values in self._read(sql, (seq, limit))]

    def pending(self, limit: int = 100) -> list[OutboxRow]:
        """Return the oldest rows that the stream does not have yet."""
        return self.after(self.sent_seq(), limit)

    def pending_count(self) -> int:
        return self._count("SELECT count(*) FROM event WHERE seq > ?", (self.sent_seq(),))

    def oldest_pending_s(self) -> float:
        """Return the age of the oldest row that the stream does not have, 0.0 when it has all."""
        rows = self.pending(1)
        return max(0.0, self._now().timestamp() - rows[0].appended_ms / 1000) if rows else 0.0

    def last_seq(self) -> int:
        return self._count("SELECT coalesce(max(seq), 0) FROM event")

    def sent_seq(self) -> int:
        """Return the number of the last row that the stream has taken."""
        return self.place("sent_seq")

    def mark_sent(self, seq: int) -> None:
        """Note that the stream has every row up to and including `seq`; a lower number takes the note back."""
        self.move_place("sent_seq", seq)

    def place(self, reader: str) -> int:
        """Return the number of the last row that `reader` is done with, 0 for none."""
        return self._count("SELECT value FROM outbox WHERE name = ? UNION ALL SELECT '0' LIMIT 1", (reader,))

    def move_place(self, reader: str, seq: int) -> None:
        sql = "INSERT INTO outbox VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self._write(sql, (reader, str(seq)))

    def forget_sent(self, older_than: datetime) -> int:
        """Delete rows that were sent and are older; return how many. Rows not sent are never deleted."""
        return self._write(
            "DELETE FROM event WHERE appended_ms < ? AND seq <= ?", (_milliseconds(older_than), self.sent_seq())
        )

    def restore_reserve(self) -> bool:
        """Set the reserved space aside again after a full disk; return whether all of it is there."""
        with self._lock:
            return self._reserve.restore(self._connection)

    def is_reserve_held(self) -> bool:
        return self._reserve.is_held()

    def has_room_for_pictures(self) -> bool:
        """Return whether evidence pictures may be written; events come first. A change is logged."""
        is_short = shutil.disk_usage(self._path.parent).free < PICTURES_NEED_FREE_BYTES or not self.is_reserve_held()
        if is_short != self._dropping_pictures:
            self._dropping_pictures = is_short
            log.warning(
                "disk nearly full: pictures are dropped, events are kept" if is_short else "disk has room again"
            )
        return not is_short

    def close(self) -> None:
        with self._lock, self._reserve.closing():
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        try:
            with self._reserve.opening():
                connection = self._with_spare(self._connect)
                if not self._reserve.restore(connection):
                    log.error("disk full: the reserved space for flagged events beside %s is not complete", self._path)
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(f"cannot open the outbox {self._path}: {error}") from error
        return connection

    def _connect(self) -> sqlite3.Connection:
        create_private(self._path)  # SQLite gives -wal and -shm the mode of the database.
        return open_database(self._path, SCHEMA, synchronous="FULL", timeout_s=BUSY_TIMEOUT_S)

    def _write(self, sql: str, values: tuple[object, ...]) -> int:
        with self._lock:
            try:
                return self._with_spare(lambda: self._connection.execute(sql, values).rowcount)
            except sqlite3.Error as error:
                raise OutboxError(f"cannot write to the outbox {self._path}: {error}; free some disk") from error

    def _with_spare(self, action: Callable[[], T]) -> T:
        """Do it; on a full disk give back pieces of the spare until it works or nothing is left."""
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                if not (is_out_of_room(error) and self._reserve.give_piece()):
                    raise
                log.error("disk full: the outbox %s uses its spare space", self._path)

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise OutboxError(f"cannot read the outbox {self._path}: {error}") from error

    def _count(self, sql: str, values: tuple[object, ...] = ()) -> int:
        with self._lock:
            try:
                return int(self._connection.execute(sql, values).fetchone()[0])
            except sqlite3.Error as error:
                raise OutboxError(f"cannot read the outbox {self._path}: {error}") from error


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
