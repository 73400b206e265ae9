"""Disk space set aside for flagged events, so that they still fit when everything else has filled the disk.

What an event needs is kept allocated in the very files that take it, where nobody else can get at it:
  free pages in the database      SQLite uses them before the file grows
  a long write-ahead log (-wal)   SQLite overwrites it in place
SQLite deletes the log when the last user closes the database, so its blocks are then kept under another name (.reserve)
and become the next log. A small file (.spare) is given back piece by piece for what else may be missing, such as -shm.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from riskdb.own_file import make_way, open_lock

NO_ROOM_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""A full disk shows as FULL on a page and as IOERR or CANTOPEN on the -wal and -shm files."""
WAL_HEADER_BYTES = 32
"""With its header zeroed, SQLite takes a log for empty, whatever frames of an earlier life follow."""
ZEROS_BYTES = 1024**2
STAT_BLOCK_BYTES = 512
"""Of what `stat` counts blocks in, whatever the disk's own are."""
SPARE_BYTES = 4 * 1024**2
SPARE_PIECE_BYTES = 512 * 1024
"""-shm takes 32 KiB at a time, and others on a full disk snatch at every piece: it must last until SQLite has its part.
Beside a process that writes without a pause, 25 of 25 outboxes opened with the first such piece, 2 of 25 with eight of
128 KiB (2 cores, tmpfs, 2026-11-29)."""


class OutboxReserve:
    """The reserve of one outbox. `size_bytes` 0 sets none aside, but leaves that of other users whole."""

    def __init__(self, database: Path, size_bytes: int) -> None:
        self._half_bytes = size_bytes // 2
        self._wal = database.with_name(database.name + "-wal")
        self._shm = database.with_name(database.name + "-shm")
        self._next_wal = HeldSpace(database.with_suffix(".reserve"), self._half_bytes)
        self._spare = HeldSpace(database.with_suffix(".spare"), min(SPARE_BYTES, size_bytes))
        self._lock = database.with_suffix(".lock")

    @contextlib.contextmanager
    def opening(self) -> Iterator[Path | None]:
        """Hold the lock while the database is opened, and put the kept blocks in place as its log before.

        Yields where to the log was set aside, where it was no file.
        """
        with self._locked():
            for path in (self._shm, self._next_wal.path, self._spare.path):
                make_way(path, may_be_link=False)
            odd_log = make_way(self._wal, may_be_link=False)  # SQLite opens it through no link
            self._put_log_in_place()
            yield odd_log

    @contextlib.contextmanager
    def closing(self) -> Iterator[None]:
        """Hold the lock while the database is closed, and keep the blocks of its log when that deletes it."""
        with self._locked():
            if self._spare.path.exists() and self._wal.exists():
                self._next_wal.path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # A directory without room for the name: nothing is kept then.
                    self._next_wal.path.hardlink_to(self._wal)
            yield
            if self._wal.exists():
                self._next_wal.path.unlink(missing_ok=True)  # Others go on using the log.
            else:
                _overwrite(self._next_wal.path)  # It holds plates, also of events that were deleted.

    def restore(self, connection: sqlite3.Connection) -> bool:
        """Set aside what is missing of the reserve, where there is room; return whether all of it is held."""
        if not self._half_bytes:
            return True
        # The log first: its growth needs the room that a spare would take.
        return self._own_pages_and_log(connection) and self._spare.hold()

    def is_held(self) -> bool:
        return self._spare.is_held() and (not self._half_bytes or _size_of(self._wal) >= self._half_bytes // 2)

    def was_held(self) -> bool:
        """Return whether space was ever set aside for this database."""
        return self._spare.path.exists()

    def log_is_used(self) -> bool:
        """Return whether SQLite has written to the log and not taken it for empty since."""
        try:
            with self._wal.open("rb") as file:
                return any(file.read(WAL_HEADER_BYTES))
        except FileNotFoundError:
            return False

    def overwrite(self, connection: sqlite3.Connection) -> None:
        """Overwrite the log: what was deleted must not be read there. Without a reserve it is cut short instead.

        While others read, or where there is no room, it stays for the next time.
        """
        if not self.was_held():
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        if not is_busy:
            _write_zeros(connection, _size_of(self._wal))

    def give_piece(self) -> bool:
        """Give a piece of the spare back to the disk; return False when nothing is left of it."""
        return self._spare.shrink(SPARE_PIECE_BYTES)

    def _put_log_in_place(self) -> None:
        if self._wal.exists():
            # Left over from a close that was cut short: it may be the very log that is in use.
            self._next_wal.path.unlink(missing_ok=True)
            return
        self._next_wal.hold()
        self._next_wal.cut_off()
        if _size_of(self._next_wal.path) >= WAL_HEADER_BYTES:  # As much of it as could be had.
            with self._next_wal.path.open("r+b") as file:
                file.write(bytes(WAL_HEADER_BYTES))
                os.fsync(file.fileno())
            self._next_wal.path.rename(self._wal)

    def _own_pages_and_log(self, connection: sqlite3.Connection) -> bool:
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
        free_bytes = connection.execute("PRAGMA freelist_count").fetchone()[0] * page_bytes
        if min(free_bytes, _size_of(self._wal)) >= self._half_bytes // 2:
            return True
        return _write_zeros(connection, self._half_bytes)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open_lock(self._lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class HeldSpace:
    """A file that only holds blocks of the disk."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._size_bytes = size_bytes

    def hold(self) -> bool:
        """Take the space if it is to be had; return whether all of it is held now."""
        if self.is_held() and not self._has_holes():
            return True
        try:
            # It may become the log, which holds plates: for nobody else to read.
            with open(self.path, "ab", opener=_private) as file:
                os.posix_fallocate(file.fileno(), 0, self._size_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            return False
        return True

    def is_held(self) -> bool:
        return _size_of(self.path) >= self._size_bytes

    def cut_off(self) -> None:
        """Give back what it is too long by: SQLite and we would have to look through all of it."""
        if 0 < self._size_bytes < _size_of(self.path):
            os.truncate(self.path, self._size_bytes)

    def _has_holes(self) -> bool:
        """A copy of a state folder may hold the size without the blocks."""
        return self._size_bytes > 0 and self.path.stat().st_blocks * STAT_BLOCK_BYTES < self._size_bytes

    def shrink(self, by_bytes: int) -> bool:
        """Give up to `by_bytes` back; return False when there was nothing to give."""
        size = _size_of(self.path)
        if size:
            os.truncate(self.path, max(0, size - by_bytes))
        return size > 0


def _write_zeros(connection: sqlite3.Connection, size_bytes: int) -> bool:
    """Write so many zeros through the log into pages that are free afterwards; return False without room for them."""
    try:
        connection.execute("PRAGMA secure_delete=OFF").fetchone()  # Zeros need not be overwritten with zeros.
        connection.execute("CREATE TABLE IF NOT EXISTS reserve (body BLOB)")
        # Committed before it is deleted: pages born and freed in one transaction are never written.
        connection.execute("INSERT INTO reserve VALUES (zeroblob(?))", (size_bytes,))
        connection.execute("DELETE FROM reserve")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        if not is_out_of_room(error):
            raise
        return False
    finally:
        connection.execute("PRAGMA secure_delete=ON").fetchone()
    return True


def _overwrite(path: Path) -> None:
    """Write zeros where something was written: a file may be far longer than its blocks."""
    with contextlib.suppress(FileNotFoundError), path.open("r+b", buffering=0) as file:
        for start, end in _written_parts(file.fileno()):
            for at in range(start, end, ZEROS_BYTES):
                os.pwrite(file.fileno(), bytes(min(ZEROS_BYTES, end - at)), at)
        os.fsync(file.fileno())


def _written_parts(descriptor: int) -> Iterator[tuple[int, int]]:
    end = 0
    with contextlib.suppress(OSError):  # ENXIO: nothing is written behind here
        while True:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            yield start, end


def create_private(path: Path) -> None:
    """Make the file, readable by its owner only, unless it is there."""
    os.close(_private(str(path), os.O_RDWR | os.O_CREAT))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def is_out_of_room(error: sqlite3.Error) -> bool:
    # Python gives the extended code; its low byte is the primary one.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in NO_ROOM_ERRORS


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
