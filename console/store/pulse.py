"""Whether the database answers: one thread asks it again and again, everybody may look."""

import logging
import time

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from console.store.database import Database, drop

_PATIENCE_S = 4.0
"""A server that starts anew, or a standby that takes over, is back sooner more often than not."""

_log = logging.getLogger(__name__)


class Pulse:
    """`ask` is for one thread, and a database that is frozen keeps it; on SQLite there is nothing to ask."""

    def __init__(self, database: Database, patience_s: float = _PATIENCE_S) -> None:
        self._database = database
        self._patience_s = patience_s
        self._connection: Connection | None = None
        """Of its own: where requests have taken all of the pool's, the database answers all the same."""
        self._answered_at = time.monotonic()
        self._is_away = False

    @property
    def is_silent(self) -> bool:
        return self._database.is_shared and time.monotonic() - self._answered_at > self._patience_s

    def ask(self) -> None:
        try:
            self._connection = self._connection or self._database.lasting_connection()
            self._connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            if not self._is_away:
                _log.warning("console: the database does not answer: %s", type(error).__name__)
            self._is_away = True
            self.close()
        else:
            if self._is_away:
                _log.info("console: the database answers again")
            self._is_away = False
            self._answered_at = time.monotonic()

    def close(self) -> None:
        if self._connection is not None:
            drop(self._connection)
            self._connection = None
