"""What one shift hands to the next: what is open, what is overdue, what happened, and what it wants to say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from console.cases.filtering import CaseFilter, Group
from console.cases.kinds import LEVEL_NAMES
from console.cases.reader import CaseReader
from console.cases.steps import REMARK
from console.cases.views import STEP_WORDS, CaseView
from console.people.audit import AuditLog
from console.reasons import says_nothing
from console.store.database import Database
from console.store.people_tables import ShiftNoteRow
from console.store.tables import CaseRow, StepRow
from console.types import Actor, ConsoleError

HOURS = 12
_OVER = 500
_KEPT = timedelta(days=30)
_LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class ShiftNote:
    at: datetime
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Shift:
    since: datetime
    until: datetime
    overdue: list[CaseView]
    open: list[CaseView]
    """The rest of what is open."""
    happened: dict[str, int]
    """Steps in words -> how many were taken."""
    opened: dict[str, int]
    """Level of a case (hit, possible, crossing) -> how many were opened."""
    notes: list[ShiftNote]
    remarked: list[CaseView]
    """Cases, over or not, of which a worker told something after they had left his hands."""


class Shifts:
    def __init__(self, database: Database, audit: AuditLog, cases: CaseReader) -> None:
        self._database = database
        self._audit = audit
        self._cases = cases

    def now(self, actor: Actor, now: datetime) -> Shift:
        since = now - timedelta(hours=HOURS)
        overdue = self._cases.found(actor, CaseFilter(Group.OVER), _OVER)
        late = {view.case_id for view in overdue}
        waiting = self._cases.found(actor, CaseFilter(Group.OPEN), _OVER)
        with self._database.reading() as session:
            counted = (
                select(StepRow.action, func.count())
                .join(CaseRow, CaseRow.case_id == StepRow.case_id)
                .where(StepRow.at >= since, StepRow.at <= now, CaseRow.grid_code.startswith(actor.scope))
                .group_by(StepRow.action)
            )
            happened = {STEP_WORDS.get(action, action): count for action, count in session.execute(counted)}
            levels = (
                select(CaseRow.level, func.count())
                .where(CaseRow.opened_at >= since, CaseRow.opened_at <= now, CaseRow.grid_code.startswith(actor.scope))
                .group_by(CaseRow.level)
            )
            counts: dict[str, int] = {level: count for level, count in session.execute(levels)}  # noqa: C416  Row is no pair to mypy
            late_words = select(StepRow.case_id).where(StepRow.action == REMARK, StepRow.at >= since, StepRow.at <= now)
            remarked = session.scalars(late_words.distinct()).all()
            rows = session.scalars(
                select(ShiftNoteRow)
                .where(ShiftNoteRow.at >= now - 2 * timedelta(hours=HOURS), ShiftNoteRow.scope == actor.scope)
                .order_by(ShiftNoteRow.note_id.desc())
            ).all()
            notes = [ShiftNote(row.at, row.author, row.text) for row in rows]
        opened = {level: counts[level] for level in LEVEL_NAMES if level in counts}
        rest = [view for view in waiting if view.case_id not in late]
        return Shift(since, now, overdue, rest, happened, opened, notes, self._cases.some(actor, remarked))

    def leave_note(self, text: str, actor: Actor, now: datetime) -> None:
        """Raises ConsoleError."""
        if says_nothing(text):
            raise ConsoleError("请先写下要交接的话。")
        with self._database.writing() as session:
            session.execute(delete(ShiftNoteRow).where(ShiftNoteRow.at < now - _KEPT))
            note = ShiftNoteRow(at=now, author=actor.name, scope=actor.scope, text=text.strip()[:_LONGEST_NOTE])
            session.add(note)
            session.flush()
            self._audit.append(session, actor, "shift.note", f"shift:{note.note_id}", now)
