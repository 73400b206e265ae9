"""Takes vehicles off the risk list whose entry was found wrong, and has the list's owner answer for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from console.lists.office import ListOffice
from console.lists.words import file_words
from console.people.audit import AuditLog
from console.store.database import Database
from console.store.list_tables import CorrectionRow
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


class Corrections:
    def __init__(self, database: Database, audit: AuditLog, office: ListOffice) -> None:
        self._database = database
        self._audit = audit
        self._office = office

    def step(self, now: datetime) -> int:
        """Try every correction that is not done yet; returns how many are done now. Failures are tried again."""
        with self._database.reading() as session:
            waiting = session.scalars(
                select(CorrectionRow).where(CorrectionRow.removed_at.is_(None), CorrectionRow.plate_text != "")
            ).all()
        return sum(self._remove(row, now) for row in waiting)

    def answer(self, correction_id: int, answer: str, actor: Actor, now: datetime) -> None:
        """Note what the list's owner found out. Raises ConsoleError."""
        if not answer.strip():
            raise ConsoleError("请写明核查结果。")
        with self._database.writing() as session:
            row = session.get(CorrectionRow, correction_id)
            if row is None:
                raise NotFoundError("没有这条更正。")
            row.answer, row.answered_by, row.answered_at = answer.strip()[:2000], actor.name, now
            self._audit.append(session, actor, "correction.answer", f"correction:{correction_id}", now)

    def recent(self, limit: int = 100) -> list[Correction]:
        query = select(CorrectionRow).order_by(CorrectionRow.correction_id.desc()).limit(limit)
        with self._database.reading() as session:
            return [_correction(row) for row in session.scalars(query)]

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
                subject = f"correction:{row.correction_id}"
                self._audit.append(
                    session, SYSTEM, "correction.removed", subject, now, f"{reason}，移出名单 {removed} 条行程"
                )
        return not problem


def _correction(row: CorrectionRow) -> Correction:
    return Correction(
        row.correction_id, row.case_id, row.opened_at, row.opened_by, row.removed_at, row.removed_rows,
        row.last_error, row.answer, row.answered_by or "",
    )  # fmt: skip
