"""What a sunset has to do with the console: its audit log, and its tables in a PostgreSQL.

Loaded only where there is a console: a box has none of these libraries.
"""

import contextlib
import csv
import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from console.parts import AUDIT_ANCHORS, database_url
from console.people.audit import AuditLog
from console.people.keys import load_keys
from console.store.database import Database
from console.store.people_tables import AuditRow
from console.store.tables import Base, CaseRow
from console.types import Actor, ConsoleError
from kakou.settings import Settings
from kakou.sunset.audit_kept import AuditKept
from kakou.sunset.state import DatabaseAwayError

log = logging.getLogger(__name__)
_AUDIT_COLUMNS = ("seq", "at", "actor", "role", "action", "subject", "reason", "previous", "digest")


def cases_in_database(settings: Settings, *, is_destroying: bool) -> int:
    """Return the number of cases in the console's PostgreSQL, and drop its tables. Raises DatabaseAwayError."""
    try:
        url = database_url(settings.console, settings.state_dir)
        with contextlib.closing(Database(url)) as database, database.writing() as session:
            connection = session.connection()
            if not inspect(connection).has_table(CaseRow.__tablename__):
                return 0
            count = session.scalars(select(func.count()).select_from(CaseRow)).one()
            if is_destroying:
                Base.metadata.drop_all(connection)
                connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
            return count
    except (SQLAlchemyError, ConsoleError) as error:
        raise DatabaseAwayError(type(error).__name__) from error


def append_to_audit(settings: Settings, by: str, action: str, reason: str, now: datetime) -> bool:
    """Write a decision into the audit log; return whether it stands there."""
    try:
        with _opened_audit(settings, needs_key=True) as opened:
            if opened is None:
                return False
            database, audit = opened
            assert audit is not None
            with database.writing() as session:
                audit.append(session, Actor(None, by, None, ""), action, "sunset", now, reason)
    except (ConsoleError, SQLAlchemyError) as error:
        log.error("the audit log cannot be written: %s", type(error).__name__)
        return False
    return True


def keep_audit(settings: Settings, path: Path, *, needs_key: bool) -> AuditKept | None:
    """Write the audit log as CSV, checked where its key is there; None where there is none."""
    try:
        with _opened_audit(settings, needs_key=needs_key) as opened:
            if opened is None:
                return None
            database, audit = opened
            with database.reading() as session:
                faults = (
                    [fault.problem for fault in audit.verify(session, settings.state_dir / AUDIT_ANCHORS)]
                    if (audit)
                    else ["密钥已先销毁，链条未能核对"]
                )
                rows = session.scalars(select(AuditRow).order_by(AuditRow.seq)).all()
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(_AUDIT_COLUMNS)
                writer.writerows([getattr(row, column) for column in _AUDIT_COLUMNS] for row in rows)
            path.chmod(0o600)
    except (ConsoleError, SQLAlchemyError, OSError) as error:
        return AuditKept(file="", rows=0, sha256="", faults=(f"审计日志无法读出：{type(error).__name__}",))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return AuditKept(file=path.name, rows=len(rows), sha256=sha256, faults=tuple(faults))


@contextlib.contextmanager
def _opened_audit(settings: Settings, *, needs_key: bool) -> Iterator[tuple[Database, AuditLog | None] | None]:
    key_path, url = settings.state_dir / "console.key", database_url(settings.console, settings.state_dir)
    has_key = key_path.exists()
    if not has_key and (needs_key or url.startswith("sqlite")):
        yield None
        return
    with contextlib.closing(Database(url)) as database:
        with database.reading() as session:
            is_there = inspect(session.connection()).has_table(AuditRow.__tablename__)
        yield (database, AuditLog(load_keys(key_path)) if has_key else None) if is_there else None
