"""Takes vehicles off the risk list whose entry was found wrong, and has the list's owner answer for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from alerts.flagged import FlaggedEvent
from console.cases.steps import REMARK, Outcome
from console.lists.office import ListOffice
from console.lists.words import file_words
from console.people.audit import AuditLog
from console.reasons import says_nothing
from console.store.database import Database
from console.store.list_tables import CorrectionRow
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import SYSTEM, Actor, ConsoleError, NotFoundError
from riskdb.types import RiskDBError


@dataclass(frozen=True, slots=True)
class Correction:
    correction_id: int
    case_id: int
    opened_at: datetime
    opened_by: str
    removed_at: datetime | None
    removed_rows: int
    last_error: str
    answer: str
    answered_by: str
    plate_text: str
    """"" once the case was erased."""
    evidence: str
    """What the person on the spot wrote."""
    event: FlaggedEvent | None
    """The latest passage: its pictures, and the stays with their sources that had listed the vehicle."""
    restore_at: datetime | None
    restored_at: datetime | None
    confirmed_at: datetime | None


class Corrections:
    def __init__(self, database: Database, audit: AuditLog, office: ListOffice, hours: float) -> None:
        self._database = database
        self._audit = audit
        self._office = office
        self._confirmed_within = timedelta(hours=hours)

    def step(self, now: datetime) -> int:
        """Try every correction that is not done yet; returns how many are done now. Failures are tried again."""
        with self._database.reading() as session:
            waiting = session.scalars(
                select(CorrectionRow).where(CorrectionRow.removed_at.is_(None), CorrectionRow.plate_text != "")
            ).all()
            unconfirmed = session.scalars(
                select(CorrectionRow).where(
                    CorrectionRow.restore_at <= now,
                    CorrectionRow.restored_at.is_(None),
                    CorrectionRow.removed_at.is_not(None),
                    CorrectionRow.plate_text != "",
                )
            ).all()
        return sum(self._remove(row, now) for row in waiting) + sum(self._restore(row, now) for row in unconfirmed)

    def confirm(self, correction_id: int, answer: str, actor: Actor, now: datetime) -> None:
        """The list's owner agrees: the vehicle stays off. Raises ConsoleError."""
        with self._database.writing() as session:
            row = _answered(session, correction_id, answer, actor, now)
            row.confirmed_at, row.restore_at = now, None
            self._audit.append(session, actor, "correction.confirm", f"correction:{correction_id}", now)

    def restore(self, correction_id: int, answer: str, actor: Actor, now: datetime) -> None:
        """The list's owner disagrees, then or later: the vehicle comes back at once. Raises ConsoleError."""
        with self._database.writing() as session:
            row = _answered(session, correction_id, answer, actor, now)
            row.confirmed_at, row.restore_at = None, now
            self._audit.append(session, actor, "correction.restore", f"correction:{correction_id}", now)

    def recent(self, limit: int = 100) -> list[Correction]:
        with self._database.reading() as session:
            return _corrections(session, _NEWEST.limit(limit))

    def find(self, correction_id: int) -> Correction:
        """Raises NotFoundError."""
        with self._database.reading() as session:
            found = _corrections(session, _NEWEST.where(CorrectionRow.correction_id == correction_id))
        if not found:
            raise NotFoundError("没有这条更正。")
        return found[0]

    def _restore(self, waiting: CorrectionRow, now: datetime) -> bool:
        reason = f"更正 {waiting.correction_id} " + ("被名单管理员否定" if waiting.answered_at else "到期无人确认")
        who = waiting.answered_by or SYSTEM.name
        try:
            restored = self._office.restore(waiting.plate_text, waiting.opened_at, who, reason)
            problem = ""
        except RiskDBError as error:
            restored, problem = 0, file_words(str(error))
        with self._database.writing() as session:
            row = session.get_one(CorrectionRow, waiting.correction_id)
            row.last_error = problem
            if not problem:
                row.restored_at = now
                subject, detail = f"correction:{row.correction_id}", f"{reason}，恢复 {restored} 条行程"
                self._audit.append(session, SYSTEM, "correction.restored", subject, now, detail)
        return not problem

    def _remove(self, waiting: CorrectionRow, now: datetime) -> bool:
        reason = f"事件单 {waiting.case_id} 核实为名单有误"
        try:
            removed = self._office.remove(waiting.plate_text, waiting.opened_by, reason)
            problem = ""
        except RiskDBError as error:
            removed, problem = 0, file_words(str(error))
        with self._database.writing() as session:
            row = session.get_one(CorrectionRow, waiting.correction_id)
            row.attempts += 1
            row.last_error = problem
            if not problem:
                row.removed_at, row.removed_rows = now, removed
                if not row.confirmed_at:
                    row.restore_at = row.restore_at or now + self._confirmed_within
                subject = f"correction:{row.correction_id}"
                self._audit.append(
                    session, SYSTEM, "correction.removed", subject, now, f"{reason}，移出名单 {removed} 条行程"
                )
        return not problem


_NEWEST: Select[CorrectionRow, str | None] = (
    select(CorrectionRow, EventRow.body)
    .join(CaseRow, CaseRow.case_id == CorrectionRow.case_id)
    .outerjoin(EventRow, EventRow.event_id == CaseRow.latest_event_id)
    .order_by(CorrectionRow.correction_id.desc())
)


def _answered(session: Session, correction_id: int, answer: str, actor: Actor, now: datetime) -> CorrectionRow:
    if says_nothing(answer):
        raise ConsoleError("请写明核查结果。")
    row = session.get(CorrectionRow, correction_id)
    if row is None:
        raise NotFoundError("没有这条更正。")
    if row.restored_at is not None:
        raise ConsoleError("这辆车已经恢复到名单。如仍有误，请在新的事件单中更正。")
    row.answer, row.answered_by, row.answered_at = answer.strip()[:2000], actor.name, now
    return row


def _corrections(session: Session, query: Select[CorrectionRow, str | None]) -> list[Correction]:
    return [_correction(session, row, body or "") for row, body in session.execute(query)]


def _correction(session: Session, row: CorrectionRow, body: str) -> Correction:
    notes = select(StepRow.note).where(
        StepRow.case_id == row.case_id, StepRow.reason == Outcome.LIST_ERROR.value, StepRow.action != REMARK
    )
    return Correction(
        row.correction_id, row.case_id, row.opened_at, row.opened_by, row.removed_at, row.removed_rows,
        row.last_error, row.answer, row.answered_by or "", row.plate_text,
        session.scalars(notes.order_by(StepRow.step_id.desc())).first() or "",
        FlaggedEvent.model_validate_json(body) if body else None, row.restore_at, row.restored_at, row.confirmed_at,
    )  # fmt: skip
