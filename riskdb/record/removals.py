"""Corrections: a vehicle's stays are taken out of the list, visibly, and put back."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from riskdb.record.imports import SAME_STAY


@dataclass(frozen=True, slots=True)
class Removal:
    """One correction. Times are epoch seconds."""

    removed_at: int
    removed_by: str
    """Empty where an earlier version did not keep it."""
    removed_for: str
    stays: int
    restored_at: int | None
    restored_by: str | None
    restored_for: str | None


def remove_stays(connection: sqlite3.Connection, digests: Sequence[bytes], now: int, actor: str, reason: str) -> int:
    """Take all stays of these digests out of the list; return how many."""
    stand = f"digest IN ({_marks(digests)}) AND removed_at IS NULL"
    connection.execute(
        f"INSERT INTO removal SELECT digest, ?, ?, ?, COUNT(*), NULL, NULL, NULL FROM visit WHERE {stand}"
        " GROUP BY digest",
        (now, actor, reason, *digests),
    )
    return connection.execute(f"UPDATE visit SET removed_at = ? WHERE {stand}", (now, *digests)).rowcount


def restore_stays(
    connection: sqlite3.Connection, digests: Sequence[bytes], since: int, now: int, actor: str, reason: str
) -> int:
    """Put back what was taken out at or after a time; return how many stays.

    What came in with an import that was itself taken back since stays out, unless another import says it too.
    """
    out = f"digest IN ({_marks(digests)}) AND removed_at >= ?"
    is_taken_back = "import_number IN (SELECT import_number FROM import WHERE taken_back_at IS NOT NULL)"
    said_again = f"SELECT MIN(repetition.import_number) FROM repetition WHERE {SAME_STAY}"
    connection.execute(
        f"UPDATE visit SET import_number = ({said_again}) WHERE {out} AND {is_taken_back}"
        f" AND EXISTS (SELECT 1 FROM repetition WHERE {SAME_STAY})",
        (*digests, since),
    )
    stays = connection.execute(
        f"UPDATE visit SET removed_at = NULL WHERE {out} AND (import_number IS NULL OR NOT {is_taken_back})",
        (*digests, since),
    ).rowcount
    if stays:
        connection.execute(
            f"UPDATE removal SET restored_at = ?, restored_by = ?, restored_for = ? WHERE {out}"
            " AND restored_at IS NULL",
            (now, actor, reason, *digests, since),
        )
    return stays


def removals_of(connection: sqlite3.Connection, digests: Sequence[bytes]) -> list[Removal]:
    """Return the corrections of a vehicle, the latest first."""
    rows = connection.execute(
        "SELECT removed_at, removed_by, removed_for, stays, restored_at, restored_by, restored_for FROM removal"
        f" WHERE digest IN ({_marks(digests)}) ORDER BY removed_at DESC",
        tuple(digests),
    )
    return [Removal(*row) for row in rows]


def removed_digests(connection: sqlite3.Connection) -> set[bytes]:
    """Return the digests of which stays are out now."""
    return {digest for (digest,) in connection.execute("SELECT digest FROM removal WHERE restored_at IS NULL")}


def _marks(digests: Sequence[bytes]) -> str:
    return ",".join("?" * len(digests))
