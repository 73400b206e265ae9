"""What the people at a checkpoint did becomes a step of their vehicle's case."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.handled import RESULT_WORDS, HandledEvent
from console.cases.desk import CaseDesk, StepRequest
from console.cases.steps import FINISHED, Action, Outcome, Rejection, State
from console.people.audit import AuditLog
from console.store.database import Database
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import Actor, Role, StepRefusedError

_OUTCOMES = {"passed": Outcome.PASSED, "turned_back": Outcome.TURNED_BACK, "isolated": Outcome.ISOLATED}

_log = logging.getLogger(__name__)


class BoothWords:
    """Closes cases as the booths say. A word that comes too late stands in the case's history and changes nothing."""

    def __init__(self, database: Database, audit: AuditLog, desk: CaseDesk) -> None:
        self._database = database
        self._audit = audit
        self._desk = desk

    def take(self, events: Sequence[HandledEvent], now: datetime) -> list[int]:
        """Take these words over, each once; returns the cases that the screens should show anew."""
        changed = []
        for event in events:
            with self._database.writing() as session:
                case = _case_of(session, event)
                if case is not None and not _is_known(session, event):
                    was_held = case.state == State.AT_BOOTH
                    self._take(session, case, event, now)
                    changed += [] if was_held else [case.case_id]
        return changed

    def _take(self, session: Session, case: CaseRow, event: HandledEvent, now: datetime) -> None:
        actor = Actor(account_id=None, name=event.by, role=Role.BOOTH, scope="")
        if case.booth_result is not None and State(case.state) in FINISHED:
            _amend(case, event)
            return self._note(session, case, event, actor, now)
        if case.latest_event_id != event.flagged_id and case.checkpoint != event.checkpoint:
            return self._note(session, case, event, actor, now)  # it has been seen elsewhere since
        is_misread = event.result == "misread"
        action = Action.REJECT if is_misread else Action.HANDLE
        reason = Rejection.MISREAD if is_misread else _OUTCOMES[event.result]
        step = StepRequest(case.case_id, action, None, reason, note=event.note, idempotency_key=event.event_id)
        try:
            self._desk.take(session, case, step, actor, now)
        except StepRefusedError:
            return self._note(session, case, event, actor, now)
        case.booth_result = event.result
        return None

    def _note(self, session: Session, case: CaseRow, event: HandledEvent, actor: Actor, now: datetime) -> None:
        session.add(
            StepRow(
                case_id=case.case_id, at=now, actor=actor.name, action="booth", source=case.state, target=case.state,
                note=f"{RESULT_WORDS[event.result]} {event.note}".strip(), idempotency_key=event.event_id,
            )
        )  # fmt: skip
        self._audit.append(session, actor, "case.booth", f"case:{case.case_id}", now, event.result)


def _amend(case: CaseRow, event: HandledEvent) -> None:
    """The booth takes its own word back."""
    is_misread = event.result == "misread"
    case.booth_result = event.result
    case.rejection = Rejection.MISREAD if is_misread else None
    case.outcome = None if is_misread else _OUTCOMES[event.result]
    case.state = (State.REJECTED if is_misread else State.CLOSED).value


def _case_of(session: Session, event: HandledEvent) -> CaseRow | None:
    row = session.get(EventRow, event.flagged_id)
    if row is None:
        _log.error("the booth of a checkpoint dealt with event %s, which never came here", event.flagged_id)
        return None
    return session.get(CaseRow, row.case_id, with_for_update=True)


def _is_known(session: Session, event: HandledEvent) -> bool:
    return session.scalar(select(StepRow.step_id).where(StepRow.idempotency_key == event.event_id)) is not None
