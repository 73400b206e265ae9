"""The rows of the journal: which read lies where, in SQLite."""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from alerts.database import open_database, transaction
from alerts.set_aside import set_aside

AT_ONCE = 500
"""Rows of one statement."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS read (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL,
    key BLOB NOT NULL,                  -- Arrival.key
    arrived_ms INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    place INTEGER NOT NULL,
    length INTEGER NOT NULL,
    head INTEGER NOT NULL DEFAULT 0,    -- of the length, without the pictures; 0: of all in one, as before 2026-11-30
    is_done INTEGER NOT NULL DEFAULT 0, -- 1 decided; 2 lost, arrived_ms says when that was found
    UNIQUE (device_id, key)
) STRICT;
CREATE INDEX IF NOT EXISTS waiting ON read (seq, segment) WHERE is_done = 0;
CREATE TABLE IF NOT EXISTS segment (number INTEGER PRIMARY KEY, is_open INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS decider (only INTEGER PRIMARY KEY CHECK (only = 1), taken INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS device (device_id TEXT PRIMARY KEY, said TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)

Row: TypeAlias = Sequence[object]


def opened(path: Path) -> sqlite3.Connection:
    """Open the rows; damaged ones are set aside, and reads begin anew."""
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGE:
            raise
    set_aside(path, "相机上报的日志曾损坏，尚未处理的相机识别结果已丢失，请人工核查该时段")
    return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    database = open_database(path, SCHEMA, synchronous="FULL")
    try:
        if not _has_heads(database):
            with transaction(database):
                if not _has_heads(database):  # another process may have been quicker
                    database.execute("ALTER TABLE read ADD COLUMN head INTEGER NOT NULL DEFAULT 0")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _has_heads(database: sqlite3.Connection) -> bool:
    return any(column[1] == "head" for column in database.execute("PRAGMA table_info(read)"))


def execute_values(database: sqlite3.Connection, sql: str, rows: Sequence[Row]) -> list[Any]:
    """Execute a statement whose `{}` stands for the rows of a VALUES, few times for many of them; return what it finds.

    A statement for each would wait for the interpreter after each, while others use it.
    """
    found: list[Any] = []
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        one = f"({', '.join('?' * len(some[0]))})"
        statement = sql.format(", ".join([one] * len(some)))
        found += database.execute(statement, list(chain.from_iterable(some))).fetchall()
    return found
