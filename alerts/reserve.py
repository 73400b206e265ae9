"""Disk space set aside for flagged events, so that they still fit when everything else has filled the disk."""

import errno
import os
import sqlite3
from pathlib import Path

NO_ROOM_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""A full disk shows as FULL on a page and as IOERR or CANTOPEN on the -wal and -shm files."""


class DiskReserve:
    """A file that only holds blocks; letting go of it makes that much room at once."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> bool:
        """Take the space if it is to be had; return whether all of it is held now."""
        if self.is_held():
            return True
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            # Half a reserve on a full disk would only keep others from working.
            self._path.unlink(missing_ok=True)
            return False
        return True

    def is_held(self) -> bool:
        return self._size_bytes == 0 or (self._path.exists() and self._path.stat().st_size >= self._size_bytes)

    def release(self) -> bool:
        """Give the space back to the disk; return False when there was none to give."""
        if self._size_bytes == 0 or not self._path.exists():
            return False
        self._path.unlink()
        return True


def is_out_of_room(error: sqlite3.Error) -> bool:
    # Python 3.11 gives the extended code; its low byte is the primary one.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in NO_ROOM_ERRORS


def fill_with_free_pages(connection: sqlite3.Connection, size_bytes: int) -> bool:
    """Let the database own `size_bytes` of free pages; return whether it does.

    Free pages are used before the file grows, and the write-ahead log that this leaves behind is overwritten
    in place: new rows then need no new block of the disk, so nobody can take their room.
    """
    page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    free_bytes = connection.execute("PRAGMA freelist_count").fetchone()[0] * page_bytes
    if free_bytes >= size_bytes // 2:
        return True
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS reserve (body BLOB)")
        # Committed before it is deleted: pages born and freed in one transaction are never written.
        connection.execute("INSERT INTO reserve VALUES (zeroblob(?))", (size_bytes - free_bytes,))
        connection.execute("DELETE FROM reserve")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        if not is_out_of_room(error):
            raise
        return False
    return True
