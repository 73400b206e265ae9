"""The tables of the record, and how those of an older kakou become today's."""

import sqlite3
from pathlib import Path

from riskdb.types import NewerRecordError

_SCHEMA = """
CREATE TABLE area (area_number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE source (source_number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE visit (
    digest BLOB NOT NULL, area_number INTEGER NOT NULL, visited_from INTEGER NOT NULL, visited_until INTEGER NOT NULL,
    source_number INTEGER NOT NULL, received_at INTEGER NOT NULL, removed_at INTEGER,
    PRIMARY KEY (digest, area_number, visited_from, visited_until)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_by_area ON visit (area_number, visited_until);
CREATE TABLE area_window (
    window_number INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL,
    valid_from INTEGER NOT NULL, valid_until INTEGER, source TEXT NOT NULL,
    declared_at INTEGER NOT NULL, lifted_at INTEGER
) STRICT;
CREATE TABLE access (
    at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL, digest BLOB NOT NULL
) STRICT;
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
_IMPORTS = """
ALTER TABLE visit ADD COLUMN import_number INTEGER;
CREATE TABLE import (
    import_number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, files TEXT NOT NULL,
    stays INTEGER NOT NULL, taken_back_at INTEGER, taken_back_by TEXT, taken_back_for TEXT
) STRICT;
CREATE TABLE repetition (
    digest BLOB NOT NULL, area_number INTEGER NOT NULL, visited_from INTEGER NOT NULL, visited_until INTEGER NOT NULL,
    import_number INTEGER NOT NULL,
    PRIMARY KEY (digest, area_number, visited_from, visited_until, import_number)
) STRICT, WITHOUT ROWID;
CREATE TABLE taken_back (
    digest BLOB NOT NULL, import_number INTEGER NOT NULL, PRIMARY KEY (digest, import_number)
) STRICT, WITHOUT ROWID;
"""
"""Since version 2: what came in together can be taken back together."""
_REMOVALS = """
CREATE TABLE removal (
    digest BLOB NOT NULL, removed_at INTEGER NOT NULL, removed_by TEXT NOT NULL, removed_for TEXT NOT NULL,
    stays INTEGER NOT NULL, restored_at INTEGER, restored_by TEXT, restored_for TEXT
) STRICT;
CREATE INDEX removal_by_digest ON removal (digest);
INSERT INTO removal SELECT digest, removed_at, '', '', COUNT(*), NULL, NULL, NULL FROM visit
    WHERE removed_at IS NOT NULL GROUP BY digest, removed_at;
"""
"""Since version 3: who took a vehicle's stays out, and the way back."""

_FEEDS = """
CREATE TABLE feed_key (feed TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (feed, key))
    STRICT, WITHOUT ROWID;
CREATE TABLE feed_offset (
    topic TEXT NOT NULL, part INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (topic, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE feed_hour (
    feed TEXT NOT NULL, hour INTEGER NOT NULL, rows INTEGER NOT NULL, bad INTEGER NOT NULL,
    new_area_rows INTEGER NOT NULL, PRIMARY KEY (feed, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE feed_county (
    feed TEXT NOT NULL, county TEXT NOT NULL, first_hour INTEGER NOT NULL, PRIMARY KEY (feed, county)
) STRICT, WITHOUT ROWID;
CREATE TABLE feed_notice (
    feed TEXT NOT NULL, kind TEXT NOT NULL, hour INTEGER NOT NULL, begun_at INTEGER NOT NULL, told TEXT NOT NULL,
    PRIMARY KEY (feed, kind, hour)
) STRICT, WITHOUT ROWID;
"""
"""Since version 4: records that come as a stream, what was taken of it, and how it usually looks."""
_PERMITS = """
CREATE TABLE permit (
    digest BLOB NOT NULL, serial TEXT NOT NULL, is_trailer INTEGER NOT NULL, valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL, permit TEXT NOT NULL, received_at INTEGER NOT NULL, import_number INTEGER NOT NULL,
    PRIMARY KEY (digest, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX permit_by_serial ON permit (serial);
"""
"""Since version 5: permits, keyed digests of another kind than those of the list."""
_STEPS = (_SCHEMA, _IMPORTS, _REMOVALS, _FEEDS, _PERMITS)
"""What each version added."""
SCHEMA_VERSION = len(_STEPS)


def prepare_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """Make the tables, or bring those of an older kakou up to date; returns whether the record is new.

    Two processes may open a new record at once: the second one finds it done. Raises NewerRecordError.
    """
    found = _version(connection)
    if not 0 <= found <= SCHEMA_VERSION:
        raise NewerRecordError(
            f"{path} 由更新的版本写成（格式 {found}，本版本只认到 {SCHEMA_VERSION}）："
            "请装回该版本，或放回升级前的备份（kakou restore）。什么也没有改动"
        )
    if found == SCHEMA_VERSION:
        return False
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for statement in filter(str.strip, "".join(_STEPS[_version(connection) :]).split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # it did not come to its end
            connection.execute("ROLLBACK")
    return found == 0


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
