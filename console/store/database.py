"""Opens the database, brings its tables up to date, and hands out sessions."""

import contextlib
import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from console.store.turns import Turns, TurnTimeoutError
from console.types import ConsoleError

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 10
_GONE_AFTER = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": str(1000 * _BUSY_TIMEOUT_S),
}
"""Of libpq: a line that was cut without a word is given up within eleven seconds; Linux by itself asks after two hours.
"""
_MAX_LOG_PAGES = 10_000
"""Of SQLite's log, 40 MB: `write_back` keeps it smaller while the console runs."""
_WRITES = "console_writes"
_WRITER_LOCK = 0x6B616B6F75
"""The number of our advisory lock in PostgreSQL: "kakou"."""


class Database:
    """One database of the console; safe to use from many threads.

    On SQLite and PostgreSQL alike there is one writing transaction at a time, and a reading one sees one moment.
    """

    def __init__(self, url: str) -> None:
        """Raises ConsoleError when the URL makes no sense or its driver is not installed."""
        self.url = url
        self._engine = _open_engine(url)
        self._writing = self._engine.execution_options(**{_WRITES: True})
        self._turns = Turns()
        is_sqlite = self._engine.dialect.name == "sqlite"
        self._reading = self._engine if is_sqlite else self._engine.execution_options(isolation_level="REPEATABLE READ")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error. Who asked first writes first."""
        with self._turn(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @property
    def is_shared(self) -> bool:
        """Whether other consoles may work on it, too."""
        return self._engine.dialect.name == "postgresql"

    def lasting_connection(self) -> Connection:
        """Return a connection for who keeps it for long, and gives it to `drop`; each statement is a transaction."""
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def notify(self, channel: str, text: str) -> None:
        """Tell all that listen at a PostgreSQL."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(select(func.pg_notify(channel, text)))

    def migrate(self) -> None:
        """Bring the tables up to date. Raises ConsoleError: it cannot be opened, or a newer build has written it."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._writing.begin() as connection:
                if MigrationContext.configure(connection).get_current_revision() != _newest_revision():
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
        except DBAPIError as error:
            raise ConsoleError(f"无法打开控制台数据库：{error.orig}。请检查 [console] database_url。") from error
        except CommandError as error:  # its revision is not among ours
            raise ConsoleError(
                f"控制台数据库由更新的版本写成，本版本只认到 {_newest_revision()}："
                "请装回该版本，或放回升级前的备份（kakou restore）。什么也没有改动。"
            ) from error

    def forget_deleted(self) -> None:
        """Make sure that what was erased cannot be read in SQLite's log; while others read, it stays for the next time.

        PostgreSQL overwrites in its own time (VACUUM).
        """
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert isinstance(raw, sqlite3.Connection)
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def write_back(self) -> None:
        """Bring what SQLite's log holds into its file, beside those who write.

        Left to SQLite, the commit that fills the log does it: 240 ms every 5 s at 100 events a second, for which
        everybody waits. Two rounds, for what was written meanwhile: a log that is wholly in the file begins anew.
        """
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert isinstance(raw, sqlite3.Connection)
                for _ in range(2):
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Raises DatabaseTimeoutError, as the database itself does when another process keeps it."""
        with contextlib.ExitStack() as turn:
            try:
                turn.enter_context(self._turns.turn(_BUSY_TIMEOUT_S))
            except TurnTimeoutError as error:
                raise DatabaseTimeoutError(str(error)) from error
            yield


@functools.cache
def _newest_revision() -> str | None:
    """Reading the migrations takes longer than all else that opening a database does."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def drop(connection: Connection) -> None:
    """Close a lasting connection for good: what it held, a lock, goes with it."""
    with contextlib.suppress(SQLAlchemyError):
        connection.invalidate()
        connection.close()


def _open_engine(url: str) -> Engine:
    try:
        return _sqlite_engine(url) if url.startswith("sqlite") else _postgresql_engine(url)
    except ModuleNotFoundError as error:
        raise ConsoleError(f"缺少数据库驱动 {error.name}：请用 postgresql+psycopg:// 并执行 make setup。") from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConsoleError("[console] database_url 应为 postgresql+psycopg://用户:密码@主机/数据库。") from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}, pool_size=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(url: str) -> Engine:
    waits = {"connect_timeout": str(_BUSY_TIMEOUT_S), "options": f"-c lock_timeout={_BUSY_TIMEOUT_S}s", **_GONE_AFTER}
    address = make_url(url)
    address = address.update_query_dict(waits | dict(address.query))  # what the URL says goes first
    engine = create_engine(address, pool_size=12, max_overflow=20, pool_pre_ping=True)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001  SQLAlchemy gives both
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own would come too late
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in (*pragmas, f"wal_autocheckpoint={_MAX_LOG_PAGES}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that starts by reading and writes later fails at once when another one wrote in between;
    # IMMEDIATE waits its turn instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _is_writing(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    # Everybody looks before he writes (was this step done, is there an open case, where does the audit chain end):
    # taking turns keeps that true, and two writers cannot block each other for ever.
    if _is_writing(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")


def _is_writing(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_WRITES, False))
