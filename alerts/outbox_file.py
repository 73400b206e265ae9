"""The outbox's file: private, at work on a full disk, and made anew where it is damaged or gone.

A checkpoint must not go blind because of a file. Whatever can be read of a damaged one is carried over into a new one
under the same numbers, the damaged one is kept aside, and the alarm says what is lost. Other processes that have the
old one open notice at their next use, and take over what they wrote into it in the meantime.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from alerts.database import open_database, transaction
from alerts.errors import OutboxError
from alerts.log_tail import LogTail
from alerts.outbox_salvage import Salvage, salvage
from alerts.reserve import OutboxReserve, create_private, is_out_of_room
from alerts.set_aside import note_lost, say_lost, set_aside
from riskdb.own_file import is_plain
from riskdb.system_words import system_words

BUSY_TIMEOUT_S = 5.0
"""How long one writer waits for another; a commit takes milliseconds."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- commit order; AUTOINCREMENT never gives a number twice
    event_id TEXT NOT NULL UNIQUE,
    appended_ms INTEGER NOT NULL,
    body BLOB NOT NULL                      -- CloudEvents JSON
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
KEEP = """INSERT INTO event (event_id, appended_ms, body) SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM event WHERE event_id = ?1)"""
"""Not ON CONFLICT: that takes a number even where it does nothing, and a gap reads as a loss when a file is mended."""
UNSENT = """SELECT event_id, appended_ms, body FROM event
WHERE seq > coalesce((SELECT CAST(value AS INTEGER) FROM outbox WHERE name = 'sent_seq'), 0) ORDER BY seq"""
DAMAGE_WHILE_OPEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)
"""A format that may not be written shows as read-only; a disk that is, has failed before at our lock."""
DAMAGE_AT_OPENING = (*DAMAGE_WHILE_OPEN, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_CONSTRAINT)
"""A damaged schema also shows as wrong SQL."""
LOST_LOG = "预警队列的日志（-wal）被别的东西顶替，最后写入的预警可能已丢失，请人工核对当时的过车"
SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ

T = TypeVar("T")
log = logging.getLogger(__name__)


class OutboxFile:
    """One connection; usable from several threads."""

    def __init__(self, path: Path, reserve_bytes: int) -> None:
        """Open or create the file. Raises OutboxError."""
        self.path = path
        self._lock = threading.RLock()
        self._reserve = OutboxReserve(path, reserve_bytes)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.connection = self._open()
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(f"打不开发件箱 {path}（{system_words(error)}）：核对磁盘空间和权限") from error

    def run(self, purpose: str, action: Callable[[sqlite3.Connection], T]) -> T:
        """Return what the action returns; one that meets damage is done again on what could be saved.

        Raises OutboxError: "发件箱 … <purpose>不成".
        """
        with self._lock:
            try:
                self.follow()
                try:
                    return self._with_spare(lambda: action(self.connection), self._begin_log_again)
                except sqlite3.Error as error:
                    if not _is_damage(error, DAMAGE_WHILE_OPEN):
                        raise
                    self._mend_and_open()
                    return self._with_spare(lambda: action(self.connection))
            except (sqlite3.Error, OSError) as error:
                raise OutboxError(
                    f"发件箱 {self.path} {purpose}不成（{system_words(error)}）：核对磁盘空间和权限"
                ) from error

    def follow(self) -> None:
        """Where another file lies at the path by now, go on with that one: with what only the old one has."""
        with self._lock:
            if self._is_current():
                return
            rows: list[tuple[str, int, bytes]] = []
            with contextlib.suppress(sqlite3.Error):
                rows = self.connection.execute(UNSENT).fetchall()
            self.connection.close()  # SQLite sees that the file has moved, and leaves the new one's log alone.
            self.connection = self._open()
            self._with_spare(lambda: _keep(self.connection, rows))

    def restore_reserve(self) -> bool:
        with self._lock:
            return self._reserve.restore(self.connection)

    def overwrite_log(self) -> None:
        """Make sure that nothing which was deleted can still be read in the log or the reserve."""
        with self._lock:
            self._reserve.overwrite(self.connection)

    def is_reserve_held(self) -> bool:
        return self._reserve.is_held()

    def close(self) -> None:
        with self._lock, self._reserve.closing():
            self.connection.close()

    def _open(self, *, is_damaged: bool = False) -> sqlite3.Connection:
        with self._reserve.opening() as odd_log:
            if odd_log is not None:
                say_lost(odd_log, LOST_LOG)
            self._finish_mending()
            if is_damaged or not is_plain(self.path) or self._lost_its_database():
                connection = self._mended()
            else:
                self._say_if_gone()
                connection = self._checked()
            if not self._reserve.restore(connection):
                log.error("disk full: the reserved space for flagged events beside %s is not complete", self.path)
        self._opened = _identity(self.path)
        return connection

    def _mend_and_open(self) -> None:
        is_ours = self._is_current()  # else another process has mended it already
        self.connection.close()
        self.connection = self._open(is_damaged=is_ours)

    def _checked(self) -> sqlite3.Connection:
        tail = LogTail.read(self.path)
        try:
            connection = self._with_spare(lambda: _connect(self.path))
            if tail.lost(connection):
                with contextlib.closing(connection):  # only then: closing deletes the log
                    return self._mended()
            if _is_sound(connection):
                return connection
            connection.close()
        except sqlite3.Error as error:
            if not _is_damage(error, DAMAGE_AT_OPENING):
                raise
        return self._mended()

    def _mended(self) -> sqlite3.Connection:
        """Carry over what can be read; cut short at any point, nothing is lost and the next start goes on."""
        found = salvage(self.path)
        fresh = self._fresh_path()
        _build(fresh, found)
        kept = set_aside(self.path, _lost_words(found))
        fresh.rename(self.path)
        connection = self._with_spare(lambda: _connect(self.path))
        # Who had it open may have written to it until it was moved.
        _keep(connection, ((event_id, ms, body) for event_id, (_, ms, body) in salvage(kept).events.items()))
        return connection

    def _finish_mending(self) -> None:
        fresh = self._fresh_path()
        if fresh.exists() and not self.path.exists():
            fresh.rename(self.path)
        for suffix in ("", "-journal"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)

    def _lost_its_database(self) -> bool:
        """SQLite would delete the log of an empty database; there may be events in it."""
        return _size(self.path) == 0 and self._reserve.log_is_used()

    def _say_if_gone(self) -> None:
        if _size(self.path) == 0 and self._reserve.was_held():
            note_lost(self.path, "预警队列文件被删除或清空，其中尚未上传的预警已丢失，请人工核对当时的过车")

    def _is_current(self) -> bool:
        return _identity(self.path) == self._opened

    def _fresh_path(self) -> Path:
        return self.path.with_suffix(".salvaged")

    def _with_spare(self, action: Callable[[], T], make_room: Callable[[], None] = lambda: None) -> T:
        """Do it; on a full disk try again after `make_room`, then for each piece of the spare that is given back."""
        try:
            return action()
        except sqlite3.Error as error:
            if not is_out_of_room(error):
                raise
        make_room()
        while True:
            try:
                return action()
            except sqlite3.Error as error:
                if not (is_out_of_room(error) and self._reserve.give_piece()):
                    raise
                log.error("disk full: the outbox %s uses its spare space", self.path)

    def _begin_log_again(self) -> None:
        """Let the log be written from its beginning again, over its own blocks, if nobody reads there.

        SQLite itself does so every 1,000 pages; on a full disk the log may not grow that far.
        """
        with contextlib.suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def _connect(path: Path) -> sqlite3.Connection:
    return open_database(path, SCHEMA, synchronous="FULL", timeout_s=BUSY_TIMEOUT_S)


def _is_sound(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except UnicodeDecodeError:
        return False
    except sqlite3.DatabaseError as error:
        if _is_damage(error, DAMAGE_AT_OPENING):
            return False
        connection.close()
        raise


def _keep(connection: sqlite3.Connection, rows: Iterable[tuple[str, int, bytes]]) -> None:
    with transaction(connection):
        connection.executemany(KEEP, rows)


def _build(path: Path, found: Salvage) -> None:
    """Write a new outbox that goes on where the damaged one was."""
    create_private(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(SCHEMA)
        with transaction(connection):
            for event_id, (seq, appended_ms, body) in sorted(found.events.items(), key=lambda item: item[1][0]):
                row = (seq, event_id, appended_ms, body)
                if connection.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)", row).rowcount == 0:
                    connection.execute(KEEP, row[1:])
            connection.executemany("INSERT INTO outbox VALUES (?, ?)", found.notes.items())
            connection.execute("DELETE FROM sqlite_sequence")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('event', ?)", (found.last_seq,))


def _lost_words(found: Salvage) -> str:
    lost = found.unsent_lost()
    loss = "丢失条数不明" if lost is None else f"另有 {lost} 条未上传的已丢失" if lost else "没有丢失未上传的预警"
    advice = "" if lost == 0 else "，请人工核对当时的过车"
    return f"预警队列文件曾损坏：救回 {len(found.events)} 条，{loss}{advice}"


def _is_damage(error: sqlite3.Error, codes: tuple[int, ...]) -> bool:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in codes or code == SHORT_READ)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
