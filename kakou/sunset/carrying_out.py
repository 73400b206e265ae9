"""One destruction, from the first key to the report."""

import contextlib
import csv
import hashlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError

from console.parts import AUDIT_ANCHORS, database_url
from console.people.audit import AuditLog
from console.people.keys import load_keys
from console.store.database import Database
from console.store.people_tables import AuditRow
from console.types import Actor, ConsoleError
from kakou.settings import Settings
from kakou.sunset import destroying
from kakou.sunset.report import AuditKept, DestructionReport, write_report
from kakou.sunset.state import REPORTS_FOLDER, SunsetState, mark_begun, save_state

log = logging.getLogger(__name__)
_AUDIT_COLUMNS = ("seq", "at", "actor", "role", "action", "subject", "reason", "previous", "digest")


def plan(settings: Settings) -> list[destroying.Destroyed]:
    """Return what a destruction would destroy, in its order; changes nothing."""
    found = [destroying.survey(settings, target) for target in destroying.TARGETS]
    elsewhere = (
        destroying.survey_redis(settings, is_ours=destroying.is_home(settings)),
        destroying.survey_database(settings),
    )
    return [*found, *(each for each in elsewhere if each is not None)]


def carry_out(settings: Settings, state: SunsetState, now: Callable[[], datetime]) -> None:
    """Destroy everything and write the report. Raises OSError when the report cannot be written."""
    begun_at = now()
    if not state.begun_at:
        mark_begun(settings.state_dir, state, begun_at)
    last = state.decisions[-1]
    by, reason = (last.by, last.reason) if last.what == "end" else ("系统", "授权期已到（日落）")
    folder = settings.state_dir / REPORTS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = begun_at.strftime("%Y%m%dT%H%M%S%fZ")
    # The audit log tells what people did, and is owed for half a year: it is checked while its key is there.
    audit = _keep_audit(settings, folder / f"{stamp}-audit.csv")
    is_home = destroying.is_home(settings) or bool(left_over(settings))  # once more, when its files have gone
    keys, *others = destroying.TARGETS
    done = [destroying.destroy(settings, keys, now())]
    if is_home:
        done += [each for each in (destroying.destroy_redis(settings, now()),) if each]
    elif settings.redis_url:
        done += [each for each in (destroying.survey_redis(settings, is_ours=False),) if each]
    done += [destroying.destroy(settings, target, now()) for target in others]
    done += [each for each in (destroying.destroy_database(settings, now()),) if each]
    report = DestructionReport(
        begun_at=begun_at, ended_at=now(), by=by, reason=reason, decisions=state.decisions, destroyed=tuple(done),
        audit=audit, untouched=tuple(destroying.untouched(settings)),
    )  # fmt: skip
    sha256 = write_report(report, folder, stamp)
    ended = {"begun_at": begun_at, "destroyed_at": report.ended_at, "report_sha256": sha256}
    save_state(settings.state_dir, state.model_copy(update=ended))


def left_over(settings: Settings) -> list[destroying.Destroyed]:
    """Return what the last destruction could not reach, such as a database that was away. Raises OSError."""
    reports = sorted((settings.state_dir / REPORTS_FOLDER).glob("*.json"))
    if not reports:
        return []
    last = DestructionReport.model_validate_json(reports[-1].read_bytes())
    return [each for each in last.destroyed if each.note.startswith(destroying.FAILED)]


def note_in_audit(settings: Settings, by: str, action: str, reason: str, now: datetime) -> bool:
    """Write a decision into the console's audit log, where this is a centre; return whether it stands there.

    A database that is away, or damaged, keeps nobody from deciding: `sunset.json` holds the decision, too.
    """
    try:
        with _opened_audit(settings) as opened:
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


def _keep_audit(settings: Settings, path: Path) -> AuditKept | None:
    try:
        with _opened_audit(settings, needs_key=not left_over(settings)) as opened:
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
def _opened_audit(settings: Settings, *, needs_key: bool = True) -> Iterator[tuple[Database, AuditLog | None] | None]:
    key_path, url = settings.state_dir / "console.key", database_url(settings.console, settings.state_dir)
    has_key = key_path.exists()
    if not has_key and (needs_key or url.startswith("sqlite")):
        yield None
        return
    with contextlib.closing(Database(url)) as database:
        with database.reading() as session:
            is_there = inspect(session.connection()).has_table(AuditRow.__tablename__)
        yield (database, AuditLog(load_keys(key_path)) if has_key else None) if is_there else None
