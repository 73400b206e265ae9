"""What of a state folder is copied, and in which order, so that the copies fit together while all of it is in use.

The outbox goes before Redis: what is sent in between is sent again, and known again by its id. Redis goes before the
console's database: what is acknowledged there has its case here. Databases go before pictures: what they name is there.
"""

import contextlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatch
from pathlib import Path

from alerts.reserve import OutboxReserve, create_private
from kakou.backup.errors import BackupError
from kakou.state_format import RESTORING
from kakou.sunset.destroying import TARGETS

STAGE = "backup.part"
"""Here databases are copied to before they are sealed: inside the state folder, which may hold plates."""
OWN_KEY = "backup.key"
"""It opens the backups, and is in none of them."""
KEYS = TARGETS[0].patterns
OUTBOX, REDIS = "outbox.sqlite", "redis"
_NEVER = ("*.lock", "*.part", "*-wal", "*-shm", "outbox.reserve", "outbox.spare", "spool.slots", STAGE, RESTORING)
"""Made anew by whoever needs it, or folded into the copy of its database."""
_DATABASE = "*.sqlite"
_BUSY_S = 30.0
_REDIS_TRIES = 20


def files_of(state_dir: Path) -> list[str]:
    """Return what is to be copied, keys left aside. Links and sockets are not ours."""
    return sorted(name for name in _regular_files(state_dir) if not is_key(name) and not _matches(name, _NEVER))


def keys_of(state_dir: Path) -> list[str]:
    """Return the names of the keys, without that which opens the backups."""
    names = (path.name for path in state_dir.iterdir() if path.is_file() and not path.is_symlink())
    return sorted(name for name in names if is_key(name) and name != OWN_KEY and not name.endswith(".part"))


def is_key(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in KEYS)


def is_database(name: str) -> bool:
    return fnmatch(name, _DATABASE)


@contextmanager
def database_copied(path: Path, stage: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """Yield a copy of a database as it is at one moment, and the rows of its tables. Raises sqlite3.Error, OSError.

    Others write on meanwhile (SQLite's backup interface, in one step).
    """
    copy = stage / path.name
    create_private(copy)
    try:
        with contextlib.closing(sqlite3.connect(copy)) as target:
            with _source(path) as source:
                source.backup(target)
            rows = _checked_rows(target, path.name)
        yield copy, rows
    finally:
        for leftover in stage.glob(f"{path.name}*"):
            leftover.unlink(missing_ok=True)


def redis_linked(folder: Path, stage: Path) -> list[str]:
    """Link the embedded Redis's files, which belong together, into `stage`; return their names below the state folder.

    It may write its log anew while we look: then we look again. What it appends meanwhile does no harm.
    """
    for _ in range(_REDIS_TRIES):
        before = _redis_manifests(folder)
        shutil.rmtree(stage / folder.name, ignore_errors=True)
        names = [name for name in _regular_files(folder) if not _matches(name, _NEVER)]
        with contextlib.suppress(FileNotFoundError):  # it has just been written anew
            for name in names:
                linked = stage / folder.name / name
                linked.parent.mkdir(parents=True, exist_ok=True)
                os.link(folder / name, linked)
            if _redis_manifests(folder) == before:
                return [f"{folder.name}/{name}" for name in sorted(names)]
    raise BackupError("内置 Redis 一直在重写自己的日志，没有取得一致的副本；请稍后重试")


def _redis_manifests(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*.manifest")):
        with contextlib.suppress(FileNotFoundError):  # a new one bears another name for a moment
            found[str(path)] = path.read_bytes()
    return found


@contextmanager
def _source(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without taking anything from those that have it open, or from the outbox's reserve."""
    reserve = OutboxReserve(path, 0) if path.name == OUTBOX else None
    with reserve.opening() if reserve else nullcontext():
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_S)
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
    try:
        yield connection
    finally:
        with reserve.closing() if reserve else nullcontext():
            connection.close()


def _checked_rows(connection: sqlite3.Connection, name: str) -> dict[str, int]:
    [(answer,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"{name}: {answer}")
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    count = 'SELECT count(*) FROM "{}"'
    return {table: connection.execute(count.format(table)).fetchone()[0] for (table,) in tables.fetchall()}


def _regular_files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or not for us to look at
            if stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(folder).as_posix()


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    parts = name.split("/")
    return any(fnmatch(part, pattern) for part in parts for pattern in patterns)
