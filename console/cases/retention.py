"""Erases what identifies a vehicle or a household when a finished case has been kept long enough; counts stay."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.cases.kinds import kept_event, pictures_of
from console.cases.pictures import Pictures
from console.cases.steps import FINISHED
from console.people.audit import AuditLog
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.list_tables import CorrectionRow
from console.store.tables import CaseRow, EventRow, PhotoRow, StepRow
from console.types import SYSTEM

_BATCH = 100
_LONGEST_OPEN = timedelta(days=60)
"""Cases are open for hours. A picture that is older than this and what finished cases are kept for belongs to none."""


class Retention:
    def __init__(self, database: Database, audit: AuditLog, pictures: Pictures, settings: ConsoleSettings) -> None:
        self._database = database
        self._audit = audit
        self._pictures = pictures
        self._kept_for = timedelta(days=settings.evidence_days)

    def step(self, now: datetime) -> int:
        """Erase a batch of cases that are past their time; returns how many."""
        evidence: list[str] = []
        photos: list[str] = []
        with self._database.writing() as session:
            due = session.scalars(
                select(CaseRow)
                .where(
                    CaseRow.state.in_([state.value for state in FINISHED]),
                    CaseRow.finished_at < now - self._kept_for,
                    CaseRow.erased_at.is_(None),
                )
                .limit(_BATCH)
            ).all()
            for case in due:
                evidence += _erase_events(session, case)
                photos += _erase_photos(session, case.case_id)
                _erase_words(session, case.case_id)
                case.plate_text, case.door, case.erased_at = "", "", now
                case.previous_checkpoint = case.previous_at = None
                self._audit.append(session, SYSTEM, "case.erase", f"case:{case.case_id}", now)
        self._pictures.erase(evidence, photos)
        return len(due)

    def forget_stray_pictures(self, now: datetime) -> None:
        """Delete pictures of events that never became a case, or whose case was erased before they came."""
        self._pictures.forget_old(now, self._kept_for + _LONGEST_OPEN)


def _erase_events(session: Session, case: CaseRow) -> list[str]:
    paths: list[str] = []
    for row in session.scalars(select(EventRow).where(EventRow.case_id == case.case_id, EventRow.body != "")):
        event = kept_event(case.level, row.body)
        paths += pictures_of(event) if event else []
        row.body = ""
    return paths


def _erase_photos(session: Session, case_id: int) -> list[str]:
    rows = session.scalars(select(PhotoRow).where(PhotoRow.case_id == case_id)).all()
    for row in rows:
        session.delete(row)
    return [row.file_name for row in rows]


def _erase_words(session: Session, case_id: int) -> None:
    for step in session.scalars(select(StepRow).where(StepRow.case_id == case_id, StepRow.note != "")):
        step.note = ""
    for correction in session.scalars(select(CorrectionRow).where(CorrectionRow.case_id == case_id)):
        correction.plate_text = correction.answer = ""
