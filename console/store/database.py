"""Opens the database, brings its tables up to date, and hands out sessions."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from console.types import ConsoleError

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 10
_WRITES = "console_writes"


class Database:
    """One database of the console; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _open_engine(url)
        self._writing = self._engine.execution_options(**{_WRITES: True})

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the tables up to date. Raises ConsoleError when the database cannot be opened."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._writing.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except DBAPIError as error:
            raise ConsoleError(f"无法打开控制台数据库：{error.orig}。请检查 [console] database_url。") from error

    def close(self) -> None:
        self._engine.dispose()


def _open_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}, pool_size=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own would come too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that starts by reading and writes later fails at once when another one wrote in between;
    # IMMEDIATE waits its turn instead.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
