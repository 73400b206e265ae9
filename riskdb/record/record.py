"""The system of record: travel records and area declarations in SQLite. It holds digests, never plates.

visit        one stay of one vehicle in one area; removed_at is set when a correction takes it out
area_window  one declaration of an area; lifted_at is set when it is taken back
area, source names behind numbers
removal      one correction of a vehicle: who took its stays out and why, and who put them back
access       who looked at or corrected an entry, and why
import       one file or several brought in together; repetition says which stays later ones said again
state        counters: change (grows with every write), published (the change that Redis shows), version, key_id

All times are epoch seconds. A writer's transaction is all or nothing, also after kill -9.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from riskdb.own_file import open_lock
from riskdb.record.areas import area_prefix
from riskdb.record.bulk import insert_rows
from riskdb.record.imports import NOTE_REPETITION
from riskdb.record.rows import Addition, AreaWindow, Visit, what_becomes_of
from riskdb.record.schema import prepare_schema
from riskdb.system_words import system_words
from riskdb.types import RiskDBError

_INCOMING = """
CREATE TEMP TABLE IF NOT EXISTS incoming (
    row INTEGER PRIMARY KEY, digest BLOB, area_number INTEGER, visited_from INTEGER, visited_until INTEGER,
    source_number INTEGER, received_at INTEGER, import_number INTEGER
)"""
_INTO_INCOMING = """
INSERT INTO incoming (
    digest, area_number, visited_from, visited_until, source_number, received_at, import_number
)"""
_HELD_ENDS = """
SELECT (
    SELECT MAX((visit.visited_until = incoming.visited_until) * (1 + (visit.removed_at IS NOT NULL)))
    FROM visit WHERE visit.digest = incoming.digest
    AND visit.area_number = incoming.area_number AND visit.visited_from = incoming.visited_from
) FROM incoming ORDER BY row"""
"""Of each incoming stay: NULL when none begins so, 0 when it is there with other ends only, 1 when it is there, 2 when
it is there and was taken out."""
_TAKE_INCOMING = """
INSERT INTO visit SELECT digest, area_number, visited_from, visited_until, source_number, received_at, NULL,
    import_number FROM incoming ORDER BY row"""


class RiskRecord:
    """The open record. Use as a context manager; one thread only."""

    def __init__(self, path: Path) -> None:
        """Open the record at `path`, made on first use. Raises RiskDBError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self.connection = sqlite3.connect(path, timeout=30.0, isolation_level=None)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise RiskDBError(f"行程库 {path} 用不了（{system_words(error)}）：从备份放回") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-262144"):
            self.connection.execute(f"PRAGMA {pragma}")
        if prepare_schema(self.connection, self.path):
            self.path.chmod(0o600)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Everything inside happens together or not at all, and counts as one change. Raises RiskDBError."""
        with self.quiet_writing():
            yield
            self.set_state("change", str(self.change() + 1))

    @contextlib.contextmanager
    def quiet_writing(self) -> Iterator[None]:
        """As `writing`, for what changes no list. Raises RiskDBError."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise RiskDBError(f"另一个进程正在写行程库 {self.path}（{system_words(error)}）：稍后再试") from error
        try:
            with self._errors():
                yield
                self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:  # it did not come to its end; a full disk has rolled back already
                self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RiskDBError(f"行程库 {self.path} 写不了（{system_words(error)}）：核对磁盘空间和权限") from error

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Only one process at a time publishes the record or changes its key; the others wait here."""
        with open_lock(self.path.with_suffix(".publish.lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def require_key(self, key_id: str) -> None:
        """Refuse digests of another key than the record's. Raises RiskDBError."""
        if key_id != self.state("key_id", ""):
            raise RiskDBError(
                f"行程库 {self.path} 是用另一把号牌密钥写的：放回它原来的密钥文件（若正在更换密钥，稍后再试）"
            )

    # --- state

    def state(self, name: str, default: str = "0") -> str:
        row = self.connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def set_state(self, name: str, value: str) -> None:
        """Keep a value. Raises RiskDBError."""
        sql = "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        with self._errors():
            self.connection.execute(sql, (name, value))

    def change(self) -> int:
        return int(self.state("change"))

    # --- names behind numbers

    def number_areas(self, codes: Iterable[str]) -> dict[str, int]:
        return self._number("area", "code", codes)

    def number_sources(self, names: Iterable[str]) -> dict[str, int]:
        return self._number("source", "name", names)

    def _number(self, table: str, column: str, values: Iterable[str]) -> dict[str, int]:
        wanted = [(value,) for value in values]
        self.connection.executemany(f"INSERT INTO {table} ({column}) VALUES (?) ON CONFLICT DO NOTHING", wanted)
        query = f"SELECT {table}_number FROM {table} WHERE {column} = ?"
        return {value: self.connection.execute(query, (value,)).fetchone()[0] for (value,) in wanted}

    def area_codes(self) -> dict[int, str]:
        return dict(self.connection.execute("SELECT area_number, code FROM area"))

    def sources(self) -> dict[int, str]:
        return dict(self.connection.execute("SELECT source_number, name FROM source"))

    # --- visits

    def add_visits(self, visits: Sequence[Visit]) -> list[Addition]:
        """Keep stays and return what became of each, in order.

        One that is already there stays as it is, also when it was removed. Tens of thousands at a time are best: they
        go in in the order of the table, which is many times faster than one by one.
        """
        digests = [visit.digest for visit in visits]
        order = sorted(range(len(visits)), key=digests.__getitem__)
        execute, execute_many = self.connection.execute, self.connection.executemany
        execute(_INCOMING)
        execute("DELETE FROM incoming")
        insert_rows(self.connection, _INTO_INCOMING, (visits[place] for place in order))
        held: list[int | None] = [None] * len(visits)
        for place, (state,) in zip(order, execute(_HELD_ENDS), strict=True):
            held[place] = state
        additions = list(what_becomes_of(visits, held))
        is_there = (Addition.KNOWN, Addition.REMOVED)
        known = [(row,) for row, place in enumerate(order, start=1) if additions[place] in is_there]
        execute_many(NOTE_REPETITION, known)
        execute_many("DELETE FROM incoming WHERE row = ?", known)
        execute(_TAKE_INCOMING)
        return additions

    def digests_in_area(self, code: str, visited_after: int) -> list[bytes]:
        """Return the vehicles that were in the area, or a part of it, after a time."""
        rows = self.connection.execute(
            "SELECT DISTINCT visit.digest FROM area JOIN visit USING (area_number)"
            " WHERE area.code GLOB ? AND visit.visited_until > ?",
            (area_prefix(code) + "*", visited_after),
        )
        return [row[0] for row in rows]

    def count_visits(self) -> tuple[int, int, int]:
        """Return vehicles and stays that stand, and stays that a correction took out."""
        row = self.connection.execute(
            "SELECT COUNT(DISTINCT CASE WHEN removed_at IS NULL THEN digest END), COUNT(*) - COUNT(removed_at),"
            " COUNT(removed_at) FROM visit"
        ).fetchone()
        return int(row[0]), int(row[1]), int(row[2])

    def count_known(self, digests: Iterable[bytes]) -> int:
        """Return of how many different digests there is a stay, removed or not, or was one that was taken back."""
        seek = "SELECT 1 FROM visit WHERE digest = ?1 UNION ALL SELECT 1 FROM taken_back WHERE digest = ?1 LIMIT 1"
        return sum(self.connection.execute(seek, (digest,)).fetchone() is not None for digest in set(digests))

    def carry_over(self, change: Callable[[bytes], bytes]) -> None:
        """Replace every digest by what `change` makes of it."""
        self.connection.create_function("carried_over", 1, change, deterministic=True)
        for table in ("visit", "access", "repetition", "taken_back", "removal", "permit"):
            self.connection.execute(f"UPDATE {table} SET digest = carried_over(digest)")

    def purge_visits(self, before: int) -> int:
        """Delete stays that ended before a time; return how many. Raises RiskDBError."""
        seek = (
            "SELECT 1 FROM visit WHERE visited_until < ?1 UNION ALL SELECT 1 FROM removal WHERE removed_at < ?1 LIMIT 1"
        )
        if self.connection.execute(seek, (before,)).fetchone() is None:
            return 0
        with self.quiet_writing():
            self.set_state("purged_before", str(max(before, int(self.state("purged_before")))))
            self.connection.execute("DELETE FROM removal WHERE removed_at < ?", (before,))
            return self.connection.execute("DELETE FROM visit WHERE visited_until < ?", (before,)).rowcount

    # --- declarations

    def add_window(self, window: AreaWindow) -> AreaWindow:
        """Keep a declaration; its number is given here."""
        cursor = self.connection.execute(
            "INSERT INTO area_window (code, name, level, valid_from, valid_until, source, declared_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                window.code,
                window.name,
                window.level,
                window.valid_from,
                window.valid_until,
                window.source,
                window.declared_at,
            ),
        )
        return next(w for w in self.windows() if w.window_number == cursor.lastrowid)

    def lift_window(self, window_number: int, now: int) -> None:
        self.connection.execute("UPDATE area_window SET lifted_at = ? WHERE window_number = ?", (now, window_number))

    def windows(self) -> list[AreaWindow]:
        """Return all declarations ever made, oldest first."""
        rows = self.connection.execute(
            "SELECT window_number, code, name, level, valid_from, valid_until, source, declared_at, lifted_at"
            " FROM area_window ORDER BY window_number"
        )
        return [AreaWindow(*row) for row in rows]

    # --- accountability

    def log_access(self, at: int, actor: str, action: str, reason: str, digest: bytes) -> None:
        """Note who looked at or corrected an entry. Raises RiskDBError."""
        with self._errors():
            self.connection.execute("INSERT INTO access VALUES (?, ?, ?, ?, ?)", (at, actor, action, reason, digest))
