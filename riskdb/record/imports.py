"""What came in together, and how it is taken back together."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from riskdb.types import RiskRequestError

NOTE_REPETITION = """
INSERT OR IGNORE INTO repetition
SELECT incoming.digest, incoming.area_number, incoming.visited_from, incoming.visited_until, incoming.import_number
FROM incoming JOIN visit USING (digest, area_number, visited_from, visited_until)
WHERE incoming.row = ? AND incoming.import_number IS NOT NULL
    AND visit.import_number IS NOT incoming.import_number"""
"""An import that says again what is known: taking the first one back must not lose it."""
TAKE_BACK_WITHIN_DAYS = 28
"""As long as stays are kept at most."""
_TOGETHER_S = 86_400
"""What a feed sends within so long is taken back together."""
SAME_STAY = (
    "repetition.digest = visit.digest AND repetition.area_number = visit.area_number"
    " AND repetition.visited_from = visit.visited_from AND repetition.visited_until = visit.visited_until"
)


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """Files that were brought in together. Times are epoch seconds."""

    number: int
    at: int
    actor: str
    files: tuple[str, ...]
    stays: int
    """New ones."""
    taken_back_at: int | None
    taken_back_by: str | None


def begin_import(connection: sqlite3.Connection, now: int, actor: str) -> int:
    """Return the number of a new import; it stands only if the transaction does."""
    is_old = "import_number IN (SELECT import_number FROM import WHERE at < ?)"
    for table in ("repetition", "taken_back"):
        connection.execute(f"DELETE FROM {table} WHERE {is_old}", (now - TAKE_BACK_WITHIN_DAYS * 86_400,))
    added = connection.execute("INSERT INTO import (at, actor, files, stays) VALUES (?, ?, '[]', 0)", (now, actor))
    return int(added.lastrowid or 0)


def day_import(connection: sqlite3.Connection, now: int, actor: str) -> int:
    """Return the number under which a feed's records of these 24 hours stand together."""
    query = "SELECT MAX(import_number) FROM import WHERE actor = ? AND at > ? AND taken_back_at IS NULL"
    (number,) = connection.execute(query, (actor, now - _TOGETHER_S)).fetchone()
    if number is not None:
        return int(number)
    number = begin_import(connection, now, actor)
    end_import(connection, number, [actor], 0)
    return number


def grow_import(connection: sqlite3.Connection, number: int, stays: int) -> None:
    connection.execute("UPDATE import SET stays = stays + ? WHERE import_number = ?", (stays, number))


def end_import(connection: sqlite3.Connection, number: int, files: Sequence[str], stays: int) -> None:
    names = json.dumps(list(files)[:50], ensure_ascii=False)
    connection.execute("UPDATE import SET files = ?, stays = ? WHERE import_number = ?", (names, stays, number))


def recent_imports(connection: sqlite3.Connection, limit: int = 50) -> list[ImportEntry]:
    """Return the last imports, the newest first."""
    rows = connection.execute(
        "SELECT import_number, at, actor, files, stays, taken_back_at, taken_back_by FROM import"
        " ORDER BY import_number DESC LIMIT ?",
        (limit,),
    )
    return [ImportEntry(number, at, actor, tuple(json.loads(files)), *rest) for number, at, actor, files, *rest in rows]


def take_back(connection: sqlite3.Connection, number: int, now: int, actor: str, reason: str) -> list[bytes]:
    """Delete what an import brought, inside a transaction; return the digests of the vehicles.

    What another standing import said as well stays and is that one's from now on; what a correction took out stays
    out. Raises RiskRequestError.
    """
    row = connection.execute("SELECT taken_back_at FROM import WHERE import_number = ?", (number,)).fetchone()
    if row is None:
        raise RiskRequestError(f"没有编号为 {number} 的导入；用 kakou risk imports 查看")
    if row[0] is not None:
        raise RiskRequestError(f"第 {number} 次导入已经撤回过了")
    mine = {"number": number}
    connection.execute("DELETE FROM repetition WHERE import_number = :number", mine)
    connection.execute(
        f"UPDATE visit SET import_number = (SELECT MIN(import_number) FROM repetition WHERE {SAME_STAY})"
        f" WHERE import_number = :number AND EXISTS (SELECT 1 FROM repetition WHERE {SAME_STAY})",
        mine,
    )
    connection.execute(
        f"DELETE FROM repetition WHERE EXISTS (SELECT 1 FROM visit WHERE {SAME_STAY}"
        " AND visit.import_number = repetition.import_number)"
    )
    is_mine = "import_number = :number AND removed_at IS NULL"
    touched = [digest for (digest,) in connection.execute(f"SELECT DISTINCT digest FROM visit WHERE {is_mine}", mine)]
    # Whoever publishes must be able to tell a vehicle that was taken back from a record that was lost.
    connection.executemany("INSERT OR IGNORE INTO taken_back VALUES (?, ?)", ((digest, number) for digest in touched))
    connection.execute(f"DELETE FROM visit WHERE {is_mine}", mine)
    connection.execute(
        "UPDATE import SET taken_back_at = ?, taken_back_by = ?, taken_back_for = ? WHERE import_number = ?",
        (now, actor, reason, number),
    )
    return touched
