"""Several consoles on one PostgreSQL tell each other which cases changed, so that every screen shows it at once."""

import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from console.store.database import Database, drop

_CHANNEL = "kakou_cases"
_AT_ONCE = 500
"""Cases in one notice: PostgreSQL takes 8,000 bytes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """Cases that another console changed."""

    case_ids: tuple[int, ...]
    may_have_left: bool
    """They may have left somebody's area."""


class _Notice(Protocol):
    payload: str


class _Listener(Protocol):
    """As psycopg's connection, which only those have who use PostgreSQL."""

    def notifies(self, *, timeout: float | None) -> Iterator[_Notice]: ...


class Neighbours:
    """On SQLite there are none. `heard` is for one thread; what is told while a console cannot listen, it misses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = uuid.uuid4().hex
        self._connection: Connection | None = None

    def tell(self, case_ids: Sequence[int], may_have_left: bool) -> None:
        """Tell all the others; a database that is away is told of elsewhere."""
        if not self._database.is_shared or not case_ids:
            return
        try:
            for start in range(0, len(case_ids), _AT_ONCE):
                said = {"by": self._name, "cases": case_ids[start : start + _AT_ONCE], "left": may_have_left}
                self._database.notify(_CHANNEL, json.dumps(said))
        except SQLAlchemyError as error:
            _log.warning("console: the other consoles cannot be told: %s", type(error).__name__)

    def heard(self, within_s: float) -> Iterator[Change | None]:
        """Yield what the others changed, for so long; None where something may have been missed before.

        Raises SQLAlchemyError where the database is away; the next call begins anew.
        """
        if not self._database.is_shared:
            return
        if self._connection is None:
            self._connection = self._database.lasting_connection()
            yield from self._listening(self._connection)
        listener = cast("_Listener", self._connection.connection.driver_connection)
        try:
            for notice in listener.notifies(timeout=within_s):
                if (change := self._change_of(notice.payload)) is not None:
                    yield change
            self._connection.exec_driver_sql("SELECT 1")  # a line that was cut gives no notices either
        except (SQLAlchemyError, self._connection.dialect.loaded_dbapi.Error) as error:
            self.close()
            raise SQLAlchemyError(f"cannot listen: {type(error).__name__}") from error

    def _listening(self, connection: Connection) -> Iterator[None]:
        try:
            connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
        except SQLAlchemyError:
            self.close()
            raise
        yield None

    def close(self) -> None:
        if self._connection is not None:
            drop(self._connection)
            self._connection = None

    def _change_of(self, payload: str) -> Change | None:
        """Return what another console said; None for our own words and for what is none."""
        try:
            said = json.loads(payload)
            change = Change(tuple(int(case_id) for case_id in said["cases"]), bool(said["left"]))
        except (ValueError, TypeError, KeyError):
            return None
        return None if said.get("by") == self._name else change
