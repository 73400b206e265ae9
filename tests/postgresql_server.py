"""A real PostgreSQL server for the tests: started in a folder of its own, on a unix socket, gone with the tests."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.store import list_tables, people_tables  # noqa: F401  fill the metadata
from console.store.database import Database
from console.store.tables import Base
from pipeline.parent_death import die_with_parent

INSTALL = "no PostgreSQL server found: apt-get install postgresql"
_START_TIMEOUT_S = 30.0
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200")
"""No TCP port; and nothing of a test has to survive a power cut."""
_SUPERUSER = "kakou"


def find_binaries() -> Path | None:
    """Return the folder with `initdb` and `postgres`; Debian keeps them off PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@contextlib.contextmanager
def postgresql_server() -> Iterator[str]:
    """Yield the folder of the server's socket; without a server the test is skipped, and fails where CI is set."""
    binaries = find_binaries()
    if binaries is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(INSTALL)
    user = _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="kakou-pg-") as folder:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        _run(user, binaries / "initdb", "-D", f"{folder}/data", "-U", _SUPERUSER, "-A", "trust", "-N", "-E", "UTF8",
             "--locale=C.UTF-8")  # fmt: skip
        options = [part for setting in (*_QUICK, f"unix_socket_directories={folder}") for part in ("-c", setting)]
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", f"{folder}/data", *options],
                user=user, cwd=folder, stdout=log, stderr=log, preexec_fn=lambda: die_with_parent(signal.SIGQUIT),
            )  # fmt: skip
        try:
            _wait_until_ready(server, folder)
            yield folder
        finally:
            server.send_signal(signal.SIGQUIT)  # at once, without a checkpoint
            server.wait(timeout=20)


def migrated_template(folder: str) -> None:
    """Make the databases `template` and `shared`, with the console's tables."""
    run_sql(folder, "CREATE DATABASE template")
    database = Database(url_of(folder, "template"))
    database.migrate()
    database.close()
    run_sql(folder, "CREATE DATABASE shared TEMPLATE template")


def url_of(folder: str, database: str) -> str:
    return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={folder}"


def emptied(folder: str) -> str:
    """Empty the tables of the one database that tests share; return its URL. One for each would take long to delete.

    TRUNCATE gives each table and index a new file: for a few rows it takes four times as long.
    """
    rows = "".join(f"DELETE FROM {table.name}; " for table in reversed(Base.metadata.sorted_tables))
    run_sql(folder, f"{rows}SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence", "shared")
    return url_of(folder, "shared")


def run_sql(folder: str, statement: str, database: str = "postgres") -> None:
    """Run one statement outside any transaction, as CREATE DATABASE wants it."""
    with psycopg.connect(host=folder, user=_SUPERUSER, dbname=database, autocommit=True) as connection:
        connection.execute(statement.encode())


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(user: str | None, *command: str | Path) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _wait_until_ready(server: "subprocess.Popen[bytes]", folder: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            run_sql(folder, "SELECT 1")
        except psycopg.OperationalError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.05)
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {Path(folder, 'log').read_text(encoding='utf-8')}")
        else:
            return
