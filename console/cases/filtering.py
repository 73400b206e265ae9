"""Which cases somebody wants to see: asked of the database, never sifted on a screen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, or_, tuple_

from console.cases.steps import DESK_OPEN, State
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow, EventRow, StepRow

_UNSEEN = frozenset({State.NEW, State.REOPENED})
_HANDED_OUT = frozenset({State.ASSIGNED, State.ACCEPTED, State.VERIFYING})


class Group(StrEnum):
    OPEN = "open"
    NEW = "new"
    """Nobody has looked at it yet."""
    OUT = "out"
    """Handed to somebody on the ground."""
    OVER = "over"
    """A limit has run out, and nobody has acted since."""
    DONE = "done"
    BOOTH = "booth"
    """The people at a checkpoint deal with it."""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Everything that is None or "" lets all cases through."""

    group: Group = Group.OPEN
    level: str | None = None
    checkpoint: str | None = None
    text: str = ""
    """Part of a plate, of a door, of a note, of a reason; a person's name; or a case's number."""
    since: datetime | None = None
    """Of the latest passage."""
    until: datetime | None = None
    """Exclusive."""
    after: tuple[datetime, int] | None = None
    """last_seen_at and case_id of the last row of the page before."""


def conditions_of(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on `cases`, joined with the latest event and the assignee."""
    conditions = [in_group(wanted.group), *(_holds(word) for word in wanted.text.split())]
    if wanted.level:
        conditions.append(CaseRow.level == wanted.level)
    if wanted.checkpoint:
        conditions.append(CaseRow.checkpoint == wanted.checkpoint)
    if wanted.since:
        conditions.append(CaseRow.last_seen_at >= wanted.since)
    if wanted.until:
        conditions.append(CaseRow.last_seen_at < wanted.until)
    if wanted.after:
        conditions.append(tuple_(CaseRow.last_seen_at, CaseRow.case_id) < wanted.after)
    return conditions


def in_group(group: Group) -> ColumnElement[bool]:
    escalated = CaseRow.state == State.ESCALATED.value
    groups: dict[Group, ColumnElement[bool]] = {
        Group.OPEN: _open_in(DESK_OPEN),
        Group.NEW: and_(_open_in(_UNSEEN | {State.ESCALATED}), or_(~escalated, ~CaseRow.is_confirmed)),
        Group.OUT: and_(_open_in(_HANDED_OUT | {State.ESCALATED}), or_(~escalated, CaseRow.is_confirmed)),
        Group.OVER: and_(CaseRow.overdue_since.is_not(None), _open_in(DESK_OPEN)),
        Group.DONE: CaseRow.finished_at.is_not(None),
        Group.BOOTH: CaseRow.state == State.AT_BOOTH.value,
    }
    return groups[group]


def _open_in(states: frozenset[State]) -> ColumnElement[bool]:
    """Say "open" and which states not, as the index of open cases does (`ix_cases_open_seen`).

    It gives them in the order of the list, so that a page costs a page. Asked for the states themselves, SQLite fetches
    and sorts all cases in them: with 20,000 open ones a page cost four times as much as with 2,000.
    """
    return and_(CaseRow.finished_at.is_(None), CaseRow.state.not_in(sorted(frozenset(State) - states)))


def _holds(word: str) -> ColumnElement[bool]:
    """One word of a search."""
    found = [
        CaseRow.plate_text.icontains(word, autoescape=True),
        CaseRow.door.icontains(word, autoescape=True),
        AccountRow.display_name.icontains(word, autoescape=True),
        exists().where(StepRow.case_id == CaseRow.case_id, StepRow.note.icontains(word, autoescape=True)),
    ]
    if not word.isascii():  # the event's own words: area, source, other readings; its field names are English
        found.append(EventRow.body.contains(word, autoescape=True))
    elif word.isdecimal() and len(word) < 10:
        found.append(CaseRow.case_id == int(word))
    return or_(*found)
