"""Opens a SQLite file that several processes of a machine write to: outbox, ledger, hourly counts."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from alerts.reserve import create_private


def open_database(
    path: Path, schema: str, *, synchronous: Literal["FULL", "NORMAL"], timeout_s: float = 5.0
) -> sqlite3.Connection:
    """Return a connection for any thread, in autocommit; the schema is there. Raises sqlite3.Error, OSError.

    `synchronous`: FULL, a commit outlives a power cut; NORMAL, the last ones may be lost. `timeout_s`: how long
    another process's write is waited for. The file is its owner's alone, and what is deleted is overwritten in it.
    """
    create_private(path)  # SQLite gives -wal and -shm the mode of the database.
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA secure_delete=ON").fetchone()
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    except UnicodeDecodeError as error:
        connection.close()
        raise unreadable(path) from error
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written in the context, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # it did not come to its end; a full disk has rolled back already
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")


def unreadable(path: Path) -> sqlite3.DatabaseError:
    """Return the error of a file so damaged that not even SQLite's words about it can be read."""
    error = sqlite3.DatabaseError(f"{path.name}: its tables' names cannot be read")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
