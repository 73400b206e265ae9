"""Of several consoles on one PostgreSQL one does what must be done once: it holds an advisory lock of the database."""

import contextlib
import logging

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from console.store.database import Database, drop

_FIRST_LOCK = 0x6B616B6F7531
"""Another one than the writers': "kakou1"."""
_SILENT_S = 15
"""PostgreSQL ends the connection of a machine that says nothing for so long: then another console goes on."""

_log = logging.getLogger(__name__)


class Precedence:
    """Whether this console takes events, acts on overdue cases, sends messages and erases; for one thread.

    On SQLite there is one console, and it does. While the database is away nobody can do anything, and all stays as it
    was.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self.is_first = not database.is_shared

    def look(self) -> bool:
        """Find out, and keep what was found; returns whether this console has just become the first."""
        if not self._database.is_shared:
            return False
        was_first = self.is_first
        try:
            self.is_first = self._holds()
        except SQLAlchemyError as error:
            _log.warning("console: cannot ask which console is the first: %s", type(error).__name__)
            self._drop()
        if was_first != self.is_first:
            _log.info("console: this one %s the first now", "is" if self.is_first else "is not")
        return self.is_first and not was_first

    def close(self) -> None:
        """Let another one be the first, at once."""
        if self._connection is not None and self.is_first:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_FIRST_LOCK})")
        self._drop()
        self.is_first = not self._database.is_shared

    def _holds(self) -> bool:
        if self._connection is None:
            self._connection = self._database.lasting_connection()
            with contextlib.suppress(SQLAlchemyError):  # older than PostgreSQL 14
                self._connection.exec_driver_sql(f"SET idle_session_timeout = '{_SILENT_S}s'")
            self.is_first = False
        if self.is_first:  # on this very connection: the lock goes with it
            self._connection.exec_driver_sql("SELECT 1")
            return True
        return bool(self._connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_FIRST_LOCK})").scalar())

    def _drop(self) -> None:
        if self._connection is not None:
            drop(self._connection)
            self._connection = None
