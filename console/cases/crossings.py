"""Crossings of guarded doors become cases: for the micro-grid's workers at once, and one case a door while it is open.

No plate was read that eyes at the desk would have to check first: the household agreed that its worker is told.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.crossing import CrossingEvent
from console.cases.recipients import note_dispatch
from console.cases.rights import standing_of
from console.cases.steps import CROSSING, OPEN, Standing, State
from console.cases.timers import due_after_passage, due_at
from console.people.audit import AuditLog
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import SYSTEM

_log = logging.getLogger(__name__)


class CrossingIntake:
    def __init__(
        self, database: Database, audit: AuditLog, settings: ConsoleSettings, grid_of: Callable[[str], str]
    ) -> None:
        """`grid_of`: the grid code of a place that events name."""
        self._database = database
        self._audit = audit
        self._settings = settings
        self._grid_of = grid_of

    def take(self, events: Sequence[CrossingEvent], now: datetime) -> list[int]:
        """Store a batch, each event once; returns the cases that it opened or that it goes on with."""
        taken = []
        with self._database.writing() as session:
            for event in events:
                if session.get(EventRow, event.event_id) is None and self._is_agreed(session, event, now):
                    taken.append(self._take(session, event, now))
        return taken

    def _is_agreed(self, session: Session, event: CrossingEvent, now: datetime) -> bool:
        """Return whether the household's consent still holds; what a cut line kept up for too long opens nothing."""
        if max(now, event.arrived_at) < event.consent_until:
            return True
        _log.warning("console: a crossing came after the household's consent had ended, and was left")
        self._audit.append(session, SYSTEM, "crossing.left", f"event:{event.event_id}", now)
        return False

    def _take(self, session: Session, event: CrossingEvent, now: datetime) -> int:
        door = event.door.replace("\0", "\ufffd")  # PostgreSQL keeps no NUL in a text
        case = self._open_case(session, event.checkpoint, door, now)
        action = "open" if case is None else "attach"
        if case is None:
            case = self._new_case(event, door, now)
            session.add(case)
            session.flush()  # gives it its number
            note_dispatch(session, case, now)
        else:
            self._join(case, event, now)
        session.add_all(
            (
                EventRow(
                    event_id=event.event_id, case_id=case.case_id, captured_at=event.crossed_at, received_at=now,
                    body=event.model_dump_json(),
                ),
                StepRow(
                    case_id=case.case_id, at=now, actor=SYSTEM.name, action=action, source=case.state,
                    target=case.state,
                ),
            )
        )  # fmt: skip
        session.flush()
        self._audit.append(session, SYSTEM, f"case.{action}", f"case:{case.case_id}", now, event.event_id)
        return case.case_id

    def _open_case(self, session: Session, place: str, door: str, now: datetime) -> CaseRow | None:
        query = select(CaseRow).where(
            CaseRow.level == CROSSING,
            CaseRow.checkpoint == place,
            CaseRow.door == door,
            CaseRow.last_seen_at >= now - self._settings.attach_window,
            CaseRow.state.in_([state.value for state in OPEN]),
        )
        return session.scalars(query.order_by(CaseRow.case_id.desc()).limit(1)).first()

    def _new_case(self, event: CrossingEvent, door: str, now: datetime) -> CaseRow:
        grid_code = self._grid_of(event.checkpoint)
        standing = Standing(State.ASSIGNED, True, is_crossing=True)
        return CaseRow(
            version=1, state=standing.state.value, is_confirmed=True, level=CROSSING, plate_text="", plate_class="",
            door=door, checkpoint=event.checkpoint, grid_code=grid_code, owner_code=grid_code, also_in="",
            opened_at=now, changed_at=now, last_seen_at=now, passed_at=event.arrived_at, passages=1,
            latest_event_id=event.event_id, due_at=due_at(standing, grid_code, now, now, self._settings),
        )  # fmt: skip

    def _join(self, case: CaseRow, event: CrossingEvent, now: datetime) -> None:
        case.passages += 1
        case.last_seen_at = case.changed_at = now
        case.overdue_since = None
        case.due_at = due_after_passage(standing_of(case), case.owner_code, now, self._settings)
        if case.passed_at is None or event.arrived_at >= case.passed_at:
            case.passed_at, case.latest_event_id = event.arrived_at, event.event_id
