"""Stays as NumPy columns, read from the record."""

import sqlite3
from collections.abc import Collection, Iterable
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


def load_visits(
    record: RiskRecord, as_of: float, areas: Collection[int], digests: Iterable[bytes] | None = None
) -> VisitColumns:
    """Return the stays in some areas that no correction has taken out by `as_of`: all, or those of some digests."""
    connection, bound = record.connection, {"as_of": int(min(as_of, FAR_FUTURE))}
    is_wanted = _IS_WANTED + (_WAS_NOT_OUT if as_of < FAR_FUTURE else "")
    _fill(connection, "wanted_area (wanted INTEGER PRIMARY KEY)", sorted(set(areas)))
    if digests is None:
        return _columns(connection.execute(f"SELECT {_COLUMNS} FROM visit WHERE {is_wanted}", bound))
    # In the order of the key: a million in any other order take far longer.
    _fill(connection, "wanted_digest (wanted BLOB PRIMARY KEY) WITHOUT ROWID", sorted(set(digests)))
    # CROSS JOIN makes SQLite walk the few wanted digests, not the whole visit table.
    query = f"SELECT {_COLUMNS} FROM wanted_digest CROSS JOIN visit ON visit.digest = wanted WHERE {is_wanted}"
    return _columns(connection.execute(query, bound))


def _fill(connection: sqlite3.Connection, table: str, values: Collection[object]) -> None:
    """Make a temporary table of one column hold exactly some values."""
    name = table.split()[0]
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table}")
    connection.execute(f"DELETE FROM {name}")
    insert_rows(connection, f"INSERT INTO {name}", ((value,) for value in values))


def _columns(cursor: sqlite3.Cursor) -> VisitColumns:
    digests: list[bytes] = []
    numbers: list[NDArray[np.int64]] = []
    while rows := cursor.fetchmany(_CHUNK):
        digest_column, *number_columns = zip(*rows, strict=True)
        digests.append(b"".join(digest_column))
        numbers.append(np.array(number_columns, dtype=np.int64))
    table = np.concatenate(numbers, axis=1) if numbers else np.empty((5, 0), dtype=np.int64)
    return VisitColumns(digests_from_bytes(b"".join(digests)), *table)
