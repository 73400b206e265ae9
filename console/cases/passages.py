"""A vehicle that comes again: every passage of a listed vehicle alarms, where it passes."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.flagged import FlaggedEvent
from console.cases.rights import standing_of
from console.cases.steps import State
from console.cases.timers import due_after_passage
from console.settings import ConsoleSettings
from console.store.tables import CaseRow

Vehicle: TypeAlias = tuple[str, str]
"""Plate text and class."""

_WORD_FOLLOWS = timedelta(seconds=15)


def join_case(row: CaseRow, event: FlaggedEvent, grid_code: str, now: datetime, settings: ConsoleSettings) -> None:
    """Note another passage, at `grid_code`, in the open case: it goes to the top, and its limits start anew."""
    row.passages += 1
    row.last_seen_at = row.changed_at = now
    row.overdue_since = None
    held = held_until(event, now) if row.state == State.AT_BOOTH and event.checkpoint == row.checkpoint else None
    if held is None and row.state == State.AT_BOOTH:
        row.state = State.NEW.value  # it drove on, past a booth that did nothing: the desk's
    row.due_at = held or due_after_passage(standing_of(row), row.owner_code, now, settings)
    if grid_code not in (row.grid_code, *row.also_in.split()):
        row.also_in += f" {grid_code}"
    if event.level == "hit":
        row.level = "hit"
    if row.passed_at and event.arrived_at < row.passed_at:
        _note_earlier(row, event)  # its line was cut: what the case shows stays the latest passage
        return
    row.previous_checkpoint, row.previous_at, row.previous_result = row.checkpoint, row.passed_at, None
    row.checkpoint, row.passed_at, row.latest_event_id = event.checkpoint, event.arrived_at, event.event_id


def held_until(event: FlaggedEvent, now: datetime) -> datetime | None:
    """Return until when the people at the checkpoint deal with it; None where nobody looked there.

    By our clock, and never for longer than the box gave them: its own may be wrong. An event that was kept up by a cut
    line waits a moment, too: what they did comes right behind it.
    """
    if event.booth_until is None:
        return None
    latest = now + (event.booth_until - event.decided_at)
    return max(now + _WORD_FOLLOWS, min(event.booth_until, latest))


def latest_cases(session: Session, vehicles: Collection[Vehicle]) -> dict[Vehicle, CaseRow]:
    """Return the latest case of each vehicle that had one, open or not: one question for a whole batch."""
    if not vehicles:
        return {}
    vehicle = CaseRow.plate_text, CaseRow.plate_class
    newest_first = (CaseRow.last_seen_at.desc(), CaseRow.case_id.desc())
    place = func.row_number().over(partition_by=vehicle, order_by=newest_first).label("place")
    placed = (
        select(CaseRow.case_id, place).where(CaseRow.plate_text.in_({text for text, _ in vehicles})).subquery("placed")
    )
    rows = session.scalars(select(CaseRow).join(placed, placed.c.case_id == CaseRow.case_id).where(placed.c.place == 1))
    return {(row.plate_text, row.plate_class): row for row in rows}


def recall_earlier(row: CaseRow, earlier: CaseRow | None) -> None:
    """Note in a new case where its vehicle was flagged the time before, and how that ended."""
    if earlier is None:
        return
    row.previous_checkpoint, row.previous_at = earlier.checkpoint, earlier.passed_at or earlier.last_seen_at
    row.previous_result = earlier.rejection or earlier.outcome


def _note_earlier(row: CaseRow, event: FlaggedEvent) -> None:
    if row.previous_at is None or row.previous_at < event.arrived_at:
        row.previous_checkpoint, row.previous_at, row.previous_result = event.checkpoint, event.arrived_at, None
