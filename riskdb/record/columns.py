"""Stays as NumPy columns, read from the record."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from riskdb.record.bulk import insert_rows
from riskdb.record.record import RiskRecord

Digests: TypeAlias = NDArray[np.uint64]
"""Shape (n, 2): the first and the last 8 bytes of each digest, big end first."""
EpochSeconds: TypeAlias = NDArray[np.int64]
"""Shape (n,)."""

FAR_FUTURE = 2**62
_CHUNK = 100_000
_COLUMNS = "visit.digest, area_number, visited_from, visited_until, source_number, received_at"
_WAS_NOT_OUT = (
    " AND NOT EXISTS (SELECT 1 FROM removal WHERE removal.digest = visit.digest AND removal.removed_at <= :as_of"
    " AND removal.restored_at > :as_of AND visit.received_at <= removal.removed_at)"
)
"""What was taken out at a past moment and put back since."""
_MOST = 3
"""The whole table is read faster than a third of its vehicles are sought in it one by one."""
_OF_WANTED = "wanted_digest CROSS JOIN visit ON visit.digest = wanted"
"""CROSS JOIN makes SQLite walk the few wanted digests, not the whole visit table."""
_IS_WANTED = (
    "(removed_at IS NULL OR removed_at > :as_of)"
    # The sign keeps SQLite from hopping through the index of areas: the table is read faster in its own order.
    " AND +area_number IN (SELECT wanted FROM wanted_area)"
)


@dataclass(frozen=True, slots=True)
class VisitColumns:
    """Stays, one row each; `visited_until` is exclusive."""

    digests: Digests
    area_numbers: NDArray[np.int64]
    visited_from: EpochSeconds
    visited_until: EpochSeconds
    source_numbers: NDArray[np.int64]
    received_at: EpochSeconds

    def __len__(self) -> int:
        return len(self.area_numbers)


def digests_from_bytes(raw: bytes) -> Digests:
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def digests_to_bytes(digests: Digests) -> bytes:
    return digests.astype(">u8").tobytes()


def each_digest(digests: Digests) -> Iterator[bytes]:
    raw = digests_to_bytes(digests)
    return (raw[start : start + 16] for start in range(0, len(raw), 16))


def load_visits(
    record: RiskRecord, as_of: float, areas: Collection[int], digests: Iterable[bytes] | None = None
) -> VisitColumns:
    """Return the stays in some areas that no correction has taken out by `as_of`: all, or those of some digests."""
    connection, bound = record.connection, {"as_of": int(min(as_of, FAR_FUTURE))}
    is_wanted = _IS_WANTED + (_WAS_NOT_OUT if as_of < FAR_FUTURE else "")
    _fill(connection, "wanted_area (wanted INTEGER PRIMARY KEY)", sorted(set(areas)))
    if digests is None:
        return _columns(connection.execute(f"SELECT {_COLUMNS} FROM visit WHERE {is_wanted}", bound))
    _want(connection, digests)
    return _columns(connection.execute(f"SELECT {_COLUMNS} FROM {_OF_WANTED} WHERE {is_wanted}", bound))


def load_visits_of_import(
    record: RiskRecord, areas: Collection[int], digests: Collection[bytes], import_number: int
) -> tuple[VisitColumns, VisitColumns]:
    """Return the stays of some digests as `load_visits` does, first those of one import, then the others.

    `digests` are those of the import's stays.
    """
    connection, wanted = record.connection, set(digests)
    (held,) = connection.execute("SELECT COUNT(*) FROM visit").fetchone()
    are_most = held < _MOST * len(wanted)
    _fill(connection, "wanted_area (wanted INTEGER PRIMARY KEY)", sorted(set(areas)))
    if not are_most:
        _want(connection, wanted)
    query = f"SELECT {_COLUMNS}, import_number IS :number FROM {'visit' if are_most else _OF_WANTED} WHERE {_IS_WANTED}"
    found, table = _read(connection.execute(query, {"as_of": FAR_FUTURE, "number": import_number}), 6)
    is_own = table[5].astype(bool)
    others = found[~is_own]
    is_of_wanted = np.fromiter(map(wanted.__contains__, each_digest(others)), dtype=bool, count=len(others))
    other_stays = table[:5, ~is_own][:, is_of_wanted]
    return VisitColumns(found[is_own], *table[:5, is_own]), VisitColumns(others[is_of_wanted], *other_stays)


def _want(connection: sqlite3.Connection, digests: Iterable[bytes]) -> None:
    # In the order of the key: a million in any other order take far longer.
    _fill(connection, "wanted_digest (wanted BLOB PRIMARY KEY) WITHOUT ROWID", sorted(set(digests)))


def _fill(connection: sqlite3.Connection, table: str, values: Collection[object]) -> None:
    """Make a temporary table of one column hold exactly some values."""
    name = table.split()[0]
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}")
    connection.execute(f"DELETE FROM {name}")
    insert_rows(connection, f"INSERT INTO {name}", ((value,) for value in values))


def _columns(cursor: sqlite3.Cursor) -> VisitColumns:
    digests, table = _read(cursor, 5)
    return VisitColumns(digests, *table)


def _read(cursor: sqlite3.Cursor, numbers: int) -> tuple[Digests, NDArray[np.int64]]:
    """Return the digests that stand in the first column, and the numbers behind, shape (numbers, n)."""
    digests: list[bytes] = []
    columns: list[NDArray[np.int64]] = []
    while rows := cursor.fetchmany(_CHUNK):
        digest_column, *number_columns = zip(*rows, strict=True)
        digests.append(b"".join(digest_column))
        columns.append(np.array(number_columns, dtype=np.int64))
    table = np.concatenate(columns, axis=1) if columns else np.empty((numbers, 0), dtype=np.int64)
    return digests_from_bytes(b"".join(digests)), table
