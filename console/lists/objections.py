"""What a driver says against being stopped: a case reference and words, answered by the list's owner in time.

Nothing about the list or the case is told to the driver: the answer is the same whatever stands there.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from alerts.flagged import FlaggedEvent
from console.people.audit import AuditLog
from console.people.keys import ConsoleKeys
from console.people.throttle import TooManyTriesError, network_of
from console.reasons import says_nothing
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.list_tables import CorrectionRow, ObjectionRow
from console.store.tables import CaseRow, EventRow
from console.types import Actor, ConsoleError, NotFoundError

MAX_WORDS = 1000
PER_PLACE_AN_HOUR, PER_DAY = 5, 500
_RECEIPT_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Objection:
    objection_id: int
    receipt: str
    reference: str
    told: str
    created_at: datetime
    due_at: datetime
    answer: str
    answered_by: str
    is_granted: bool
    plate_text: str
    """"" where there is no such case, or it was erased."""
    event: FlaggedEvent | None
    """The latest passage of the case: why the vehicle was stopped."""

    def is_late(self, now: datetime) -> bool:
        return not self.answered_by and now > self.due_at


class Objections:
    def __init__(self, database: Database, audit: AuditLog, keys: ConsoleKeys, settings: ConsoleSettings) -> None:
        self._database = database
        self._audit = audit
        self._keys = keys
        self._answered_within = timedelta(hours=settings.objection_hours)

    def submit(self, reference: str, told: str, address: str, now: datetime) -> str:
        """Keep what a driver says; return the receipt. Raises ConsoleError, TooManyTriesError."""
        reference, told = reference.strip(), told.strip()
        if not (reference.isascii() and reference.isdigit() and len(reference) <= 10):
            raise ConsoleError("请填写事件单编号（数字）：岗位人员可以告诉您。")
        if not 4 <= len(told) <= MAX_WORDS or says_nothing(told):
            raise ConsoleError(f"请写明情况（4 至 {MAX_WORDS} 个字），例如：这辆车这几天一直停在本地。")
        place = self._keys.digest("objection", network_of(address))
        receipt = "".join(secrets.choice(_RECEIPT_LETTERS) for _ in range(8))
        with self._database.writing() as session:
            _require_pace(session, place, now)
            row = ObjectionRow(
                receipt=receipt, reference=reference, told=told, place=place, created_at=now,
                due_at=now + self._answered_within, answer="", is_granted=False,
            )  # fmt: skip
            session.add(row)
        return receipt

    def recent(self, limit: int = 100) -> list[Objection]:
        """Return those that wait, the oldest first, then the answered ones, the latest first."""
        with self._database.reading() as session:
            waiting = select(ObjectionRow).where(ObjectionRow.answered_at.is_(None))
            rows = [*session.scalars(waiting.order_by(ObjectionRow.due_at).limit(limit))]
            done = select(ObjectionRow).where(ObjectionRow.answered_at.is_not(None))
            rows += session.scalars(done.order_by(ObjectionRow.answered_at.desc()).limit(limit))
            return [_objection(session, row) for row in rows]

    def answer(self, objection_id: int, answer: str, is_granted: bool, actor: Actor, now: datetime) -> None:
        """The list's owner answers; where the driver is right the vehicle is taken off. Raises ConsoleError."""
        if says_nothing(answer):
            raise ConsoleError("请写明核查结果。")
        with self._database.writing() as session:
            row = session.get(ObjectionRow, objection_id)
            if row is None or row.answered_at is not None:
                raise NotFoundError("没有这条待答复的申诉。")
            row.answer, row.answered_by, row.answered_at = answer.strip()[:2000], actor.name, now
            row.is_granted = is_granted
            if is_granted:
                self._correct(session, row, actor, now)
            action = "objection.grant" if is_granted else "objection.refuse"
            self._audit.append(session, actor, action, f"objection:{objection_id}", now)

    def forget_old(self, now: datetime) -> None:
        """Delete what drivers wrote, long after it was written."""
        with self._database.writing() as session:
            session.execute(delete(ObjectionRow).where(ObjectionRow.created_at < now - _KEPT_FOR))

    def _correct(self, session: Session, row: ObjectionRow, actor: Actor, now: datetime) -> None:
        case = session.get(CaseRow, int(row.reference)) if int(row.reference) < 2**31 else None
        if case is None or not case.plate_text:
            raise ConsoleError("没有这个事件单，或已按规定删除，不能据此更正；可以在“单车查询”里办理。")
        session.add(
            CorrectionRow(
                case_id=case.case_id, plate_text=case.plate_text, plate_class=case.plate_class, opened_at=now,
                opened_by=actor.name, confirmed_at=now, answer=row.answer, answered_by=actor.name, answered_at=now,
            )
        )  # fmt: skip
        self._audit.append(session, actor, "correction.open", f"case:{case.case_id}", now)


def _require_pace(session: Session, place: str, now: datetime) -> None:
    """Raises TooManyTriesError; then nothing is counted."""
    count = select(func.count()).select_from(ObjectionRow)
    here = count.where(ObjectionRow.place == place, ObjectionRow.created_at > now - timedelta(hours=1))
    everywhere = count.where(ObjectionRow.created_at > now - timedelta(days=1))
    if (session.scalar(here) or 0) >= PER_PLACE_AN_HOUR or (session.scalar(everywhere) or 0) >= PER_DAY:
        raise TooManyTriesError("提交太频繁，请稍后再试，或请岗位人员代为转达。")


def _objection(session: Session, row: ObjectionRow) -> Objection:
    case = session.get(CaseRow, int(row.reference)) if int(row.reference) < 2**31 else None
    latest = session.get(EventRow, case.latest_event_id) if case and case.latest_event_id else None
    event = FlaggedEvent.model_validate_json(latest.body) if latest and latest.body else None
    return Objection(
        row.objection_id, row.receipt, row.reference, row.told, row.created_at, row.due_at, row.answer,
        row.answered_by or "", row.is_granted, case.plate_text if case else "", event,
    )  # fmt: skip
