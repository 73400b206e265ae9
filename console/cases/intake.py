"""Flagged events become cases: once per event, and one case per vehicle while it is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.flagged import FlaggedEvent
from console.cases.passages import Vehicle, held_until, join_case, latest_cases, recall_earlier
from console.cases.steps import OPEN, Standing, State
from console.cases.timers import due_at
from console.people.audit import AuditLog
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.tables import CaseRow, EventRow, StepRow
from console.types import SYSTEM

_OPEN_STATES = tuple(state.value for state in OPEN)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch of events did."""

    opened: tuple[int, ...]
    """Case ids, in order."""
    attached: tuple[int, ...]
    repeated: int
    """Events that were here before."""
    held: tuple[int, ...] = ()
    """Of all these cases, those that the people at a checkpoint deal with: no screen is told of them."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The case of an event."""

    row: CaseRow
    opened_by: str | None = None
    """The event of this batch that opened it; None for a case that was there."""


_OpenCases: TypeAlias = dict[Vehicle, _Found]


class CaseIntake:
    def __init__(self, database: Database, audit: AuditLog, settings: ConsoleSettings) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings
        self._grid_of = {place.name: place.grid_code for place in settings.checkpoint}

    def take(self, events: Sequence[FlaggedEvent], now: datetime) -> Taken:
        """Store a batch in one transaction; giving the same event again changes nothing."""
        events = [_storable(event) for event in events]
        with self._database.writing() as session:
            known = _known_events(session, events)
            fresh = list({event.event_id: event for event in events if event.event_id not in known}.values())
            open_cases = self._open_cases(session, fresh, now)
            earlier = latest_cases(session, {(event.text, event.plate_class) for event in fresh} - open_cases.keys())
            pairs = [(event, self._case_for(session, open_cases, earlier, event, now)) for event in fresh]
            session.flush()  # gives the new cases their numbers, all at once
            for event, found in pairs:
                self._note(session, event, found, now)
        opened = tuple(found.row.case_id for event, found in pairs if found.opened_by == event.event_id)
        attached = tuple(found.row.case_id for event, found in pairs if found.opened_by != event.event_id)
        held = tuple(found.row.case_id for _, found in pairs if found.row.state == State.AT_BOOTH)
        return Taken(opened, attached, len(events) - len(fresh), held)

    def grid_of(self, checkpoint: str) -> str:
        """Return where a checkpoint's cases belong; an unknown checkpoint's go to the county."""
        return self._grid_of.get(checkpoint, self._settings.county_code)

    def _open_cases(self, session: Session, events: Sequence[FlaggedEvent], now: datetime) -> _OpenCases:
        """Return the newest open case of each vehicle in `events`, where it is not too old to join."""
        rows = session.scalars(
            select(CaseRow)
            .where(
                CaseRow.plate_text.in_({event.text for event in events}),
                CaseRow.last_seen_at >= now - self._settings.attach_window,
                CaseRow.state.in_(_OPEN_STATES),
            )
            .order_by(CaseRow.case_id)
        ).all()
        return {(row.plate_text, row.plate_class): _Found(row) for row in rows}

    def _case_for(
        self,
        session: Session,
        cases: _OpenCases,
        earlier: Mapping[Vehicle, CaseRow],
        event: FlaggedEvent,
        now: datetime,
    ) -> _Found:
        """Return the open case that the event joins, else a new one."""
        vehicle = (event.text, event.plate_class)
        found = cases.get(vehicle)
        if found is None:
            found = cases[vehicle] = _Found(self._new_case(event, now), event.event_id)
            recall_earlier(found.row, earlier.get(vehicle))
            session.add(found.row)
            return found
        join_case(found.row, event, self.grid_of(event.checkpoint), now, self._settings)
        return found

    def _new_case(self, event: FlaggedEvent, now: datetime) -> CaseRow:
        grid_code = self.grid_of(event.checkpoint)
        held = held_until(event, now)
        state = State.AT_BOOTH if held else State.NEW
        return CaseRow(
            version=1, state=state.value, is_confirmed=False, level=event.level, plate_text=event.text,
            plate_class=event.plate_class, checkpoint=event.checkpoint, grid_code=grid_code, owner_code=grid_code,
            opened_at=now, changed_at=now, last_seen_at=now, passed_at=event.arrived_at, passages=1,
            also_in="", latest_event_id=event.event_id,
            due_at=held or due_at(Standing(State.NEW, False), grid_code, now, now, self._settings),
        )  # fmt: skip

    def _note(self, session: Session, event: FlaggedEvent, found: _Found, now: datetime) -> None:
        """Keep the event, and that it opened or joined the case."""
        case_id, action = found.row.case_id, "open" if found.opened_by == event.event_id else "attach"
        state = found.row.state
        session.add_all(
            (
                EventRow(
                    event_id=event.event_id, case_id=case_id, captured_at=event.captured_at, received_at=now,
                    body=event.model_dump_json(),
                ),
                StepRow(case_id=case_id, at=now, actor=SYSTEM.name, action=action, source=state, target=state),
            )
        )  # fmt: skip
        self._audit.append(session, SYSTEM, f"case.{action}", f"case:{case_id}", now, event.event_id)


def _storable(event: FlaggedEvent) -> FlaggedEvent:
    """PostgreSQL keeps no NUL in a text; one bad event must not keep all that come behind it waiting."""
    texts = {"text": event.text, "plate_class": event.plate_class, "checkpoint": event.checkpoint}
    return event.model_copy(update={name: text.replace("\0", "\ufffd") for name, text in texts.items()})


def _known_events(session: Session, events: Sequence[FlaggedEvent]) -> set[str]:
    given = [event.event_id for event in events]
    return set(session.scalars(select(EventRow.event_id).where(EventRow.event_id.in_(given))))
