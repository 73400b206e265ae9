"""What higher platforms want watched (布控): seen, taken up or refused by the data steward, and never the list itself.

Taking one up is an entry of the steward's own, tried and applied through the same door as any other.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from alerts.proposal import ProposalEvent
from console.lists.changes import ListChange, ListChanges
from console.lists.proposal_states import NOTHING_CAME_OF_IT, PROPOSAL_STATE_NAMES, ProposalState
from console.people.audit import AuditLog
from console.people.keys import ConsoleKeys
from console.reasons import says_nothing
from console.store.database import Database
from console.store.list_tables import ListChangeRow, ProposalRow
from console.types import SYSTEM, Actor, ConsoleError, NotFoundError, StepRefusedError
from riskdb.exporting import masked_plate

MOST_WAITING = 1000
"""What comes beyond is left, and that is said: nobody reads more."""
WAITS_FOR = timedelta(days=30)
KEPT_FOR = timedelta(days=90)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposal:
    row: ProposalRow
    change_state: str
    """Of the entry that it was taken up with; "" where there is none."""

    @property
    def source(self) -> str:
        """What an entry gives as its source, unless the steward writes another one."""
        return " ".join(part for part in ("上级布控", self.row.platform, self.row.reference) if part)[:200]


class Proposals:
    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        keys: ConsoleKeys,
        changes: ListChanges,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._audit = audit
        self._keys = keys
        self._changes = changes
        self._most_waiting = most_waiting

    def take(self, events: Sequence[ProposalEvent], now: datetime) -> None:
        """Keep what platforms ask, each once, whichever box it came to and however often.

        What was overruled by a later word, and is said anew after it, is asked anew.
        """
        left = 0
        with self._database.writing() as session:
            for event in events:
                if not self._is_standing(session, event, now):
                    left += not self._keep(session, event, now)
            if left:
                self._audit.append(session, SYSTEM, "proposal.left", "proposals", now, str(left))
        if left:
            _log.warning("console: %d proposals were left, %d wait already", left, self._most_waiting)

    def enter(self, proposal_id: int, cells: Sequence[str], actor: Actor, now: datetime) -> ListChange:
        """Try an entry for the vehicle: area, arrival, departure, source. It waits to be applied, as any other does.

        Raises ConsoleError; then the proposal goes on waiting.
        """
        with self._database.reading() as session:
            row = _waiting(session, proposal_id)
        if row.is_lift:
            raise StepRefusedError("这是撤控建议，不能录入。要移出名单，请到“单车查询”办理。")
        change = self._changes.enter((row.plate_text, row.plate_class, *cells), actor, now)
        try:
            self._decide(proposal_id, ProposalState.TAKEN, "", actor, now, change.change_id)
        except ConsoleError:  # another person was faster: there is one entry, theirs
            self._changes.refuse(change.change_id, "布控建议已由他人处理", actor, now)
            raise
        return change

    def refuse(self, proposal_id: int, answer: str, actor: Actor, now: datetime) -> None:
        """Refuse a proposal, or say what was done about one to lift. Raises ConsoleError without words."""
        if says_nothing(answer):
            raise ConsoleError("请写明理由。")
        self._decide(proposal_id, ProposalState.REFUSED, answer.strip()[:2000], actor, now)

    def recent(self, limit: int = 100) -> list[Proposal]:
        """Return those that wait, the oldest first, then the decided ones, the latest first."""
        state, waiting = ListChangeRow.state, ProposalRow.state == ProposalState.WAITING.value
        query = select(ProposalRow, state).outerjoin(ListChangeRow, ListChangeRow.change_id == ProposalRow.change_id)
        with self._database.reading() as session:
            found = [*session.execute(query.where(waiting).order_by(ProposalRow.proposal_id).limit(limit))]
            newest = (ProposalRow.decided_at.desc(), ProposalRow.proposal_id.desc())
            found += session.execute(query.where(~waiting).order_by(*newest).limit(limit))
        return [Proposal(row, change_state or "") for row, change_state in found]

    def waiting_count(self) -> int:
        with self._database.reading() as session:
            return _waiting_count(session)

    @property
    def most_waiting(self) -> int:
        return self._most_waiting

    def forget_old(self, now: datetime) -> None:
        """Let lapse what nobody decided on in time, or what its platform wanted until now; delete what is long over."""
        waiting = ProposalRow.state == ProposalState.WAITING.value
        is_over = (ProposalRow.received_at < now - WAITS_FOR) | (ProposalRow.until < now)
        with self._database.writing() as session:
            for row in session.scalars(select(ProposalRow).where(waiting, is_over)):
                self._settle(session, row, ProposalState.LAPSED, SYSTEM, now)
            session.execute(delete(ProposalRow).where(ProposalRow.decided_at < now - KEPT_FOR))

    def _likeness(self, event: ProposalEvent) -> str:
        words = event.model_dump_json(exclude={"event_id", "checkpoint", "arrived_at"})
        return self._keys.digest("proposal", words)

    def _subject(self, event: ProposalEvent, text: str) -> str:
        """Return the digest of one vehicle of a 布控; with "" as its text, of the 布控 itself."""
        return self._keys.digest("proposal-subject", json.dumps([event.platform, event.reference, text]))

    def _is_standing(self, session: Session, event: ProposalEvent, now: datetime) -> bool:
        """Return whether these very words are known already, and were not overruled since."""
        same = select(ProposalRow).where(ProposalRow.likeness == self._likeness(event))
        row = session.scalars(same.order_by(ProposalRow.proposal_id.desc()).limit(1)).first()
        if row is None:
            return False
        if row.overruled_at is not None:
            return event.arrived_at < row.overruled_at  # a late copy, by way of another box
        if row.state == ProposalState.LAPSED:
            return event.until is not None and event.until < now
        return row.state != ProposalState.WITHDRAWN

    def _keep(self, session: Session, event: ProposalEvent, now: datetime) -> bool:
        """Return False for one that is left. A platform's newer word takes the place of its older one."""
        older = self._of_one_reference(session, event)
        if event.is_lift and not self._has_something_to_lift(session, event):
            self._overrule(session, event, older, now)
            return True
        if not older and _waiting_count(session) >= self._most_waiting:
            return False
        self._overrule(session, event, older, now)
        row = ProposalRow(
            state=ProposalState.WAITING.value, likeness=self._likeness(event),
            subject=self._subject(event, event.text), platform=event.platform,
            checkpoint=event.checkpoint, reference=event.reference, is_lift=event.is_lift, plate_text=event.text,
            plate_class=event.plate_class, told=event.reason, office=event.office, begins_at=event.begins_at,
            until=event.until, received_at=now, answer="",
        )  # fmt: skip
        session.add(row)
        session.flush()
        self._audit.append(session, SYSTEM, "proposal.open", f"proposal:{row.proposal_id}", now)
        return True

    def _of_one_reference(self, session: Session, event: ProposalEvent) -> Sequence[ProposalRow]:
        """Return what waits of the same 布控: the same number, and the same vehicle where one is named."""
        if not event.reference:
            return ()
        query = select(ProposalRow).where(
            ProposalRow.state == ProposalState.WAITING.value,
            ProposalRow.platform == event.platform,
            ProposalRow.reference == event.reference,
            ProposalRow.is_lift.is_(False),
        )
        return session.scalars(query.where(ProposalRow.plate_text == event.text) if event.text else query).all()

    def _overrule(self, session: Session, event: ProposalEvent, waiting: Sequence[ProposalRow], now: datetime) -> None:
        """Withdraw what waits of a platform's earlier words; note that it takes back what it asked, or asks anew."""
        for row in waiting:
            row.overruled_at = event.arrived_at
            self._settle(session, row, ProposalState.WITHDRAWN, SYSTEM, now)
        opposite = ProposalRow.overruled_at.is_(None) & ProposalRow.is_lift.is_(not event.is_lift)
        session.execute(
            update(ProposalRow).where(opposite, self._is_about(event)).values(overruled_at=event.arrived_at)
        )

    def _is_about(self, event: ProposalEvent) -> ColumnElement[bool]:
        """Match what is about the same vehicle of the same 布控, or about all of its vehicles."""
        if not event.text:
            return (ProposalRow.platform == event.platform) & (ProposalRow.reference == event.reference)
        return ProposalRow.subject.in_([self._subject(event, event.text), self._subject(event, "")])

    def _has_something_to_lift(self, session: Session, event: ProposalEvent) -> bool:
        """Return whether a lift is for the steward: a vehicle that nobody here decided on is in no list by this way."""
        known = select(ProposalRow.state).where(self._is_about(event), ProposalRow.is_lift.is_(False))
        states = {*session.scalars(known)}
        return not states <= NOTHING_CAME_OF_IT if states else bool(event.text)

    def _decide(
        self,
        proposal_id: int,
        state: ProposalState,
        answer: str,
        actor: Actor,
        now: datetime,
        change_id: int | None = None,
    ) -> None:
        with self._database.writing() as session:
            row = _waiting(session, proposal_id)
            row.answer, row.change_id = answer, change_id
            self._settle(session, row, ProposalState.DONE if row.is_lift else state, actor, now)

    def _settle(self, session: Session, row: ProposalRow, state: ProposalState, actor: Actor, now: datetime) -> None:
        row.state, row.decided_by, row.decided_at = state.value, actor.name, now
        row.plate_text, row.told = masked_plate(row.plate_text) if row.plate_text else "", ""
        detail = f"list_change:{row.change_id}" if row.change_id else ""
        self._audit.append(session, actor, f"proposal.{state}", f"proposal:{row.proposal_id}", now, detail)
        session.flush()


def _waiting(session: Session, proposal_id: int) -> ProposalRow:
    row = session.get(ProposalRow, proposal_id, with_for_update=True)
    if row is None:
        raise NotFoundError("没有这条布控建议。")
    if row.state != ProposalState.WAITING:
        words = PROPOSAL_STATE_NAMES[ProposalState(row.state)]
        raise StepRefusedError(f"这条建议{words}（{row.decided_by}），不能再处理。")
    return row


def _waiting_count(session: Session) -> int:
    waiting = select(func.count()).select_from(ProposalRow).where(ProposalRow.state == ProposalState.WAITING.value)
    return session.scalar(waiting) or 0
