"""Counts of cases by the area they belong to: asked once, summed for each screen's area."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from console.cases.filtering import Group, in_group
from console.cases.steps import CROSSING, DESK_OPEN, Rejection, State
from console.people.grids import is_within
from console.situation.hours import Passed
from console.store.tables import CaseRow, EventRow

_MEDIAN_OF = 5000
OPEN_STATES = [state.value for state in DESK_OPEN]
_Sums: TypeAlias = dict[str, int]


class Counts(BaseModel):
    """Sums over a span of time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passages: int
    """passages == clear + flagged + unchecked, as the boxes counted them"""
    clear: int
    flagged: int
    unchecked: int
    events: int
    """Flagged events that arrived here; differs from `flagged` only by what is still on its way."""
    cases: int
    hits: int
    possibles: int
    confirmed: int
    misread: int
    """Rejected as misread or as no vehicle."""
    rejected: int
    waiting: int
    """Cases that nobody has looked at yet."""
    open: int
    at_booth: int
    """Of all, those that a checkpoint's own people deal with now, and the desk need not look at yet."""
    booth_closed: int
    """Dealt with by them."""
    false_share: float | None
    """Misread cases among those that somebody looked at; None while there are none."""
    median_verify_s: float | None
    """From the case's opening to a person's yes."""
    crossings: int
    """Cases of guarded doors; of the sums above only `waiting` and `open` hold them."""


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """Of the cases that were opened in a span, by grid code."""

    by_grid: dict[str, _Sums]
    events: dict[str, int]
    verified: Sequence[tuple[str, float]]
    """Grid code, and how many seconds a person's yes took, of the latest ones."""

    def of(self, scope: str, passed: Passed) -> Counts:
        """Return the counts of an area; passages are those of all checkpoints."""
        sums = dict.fromkeys(_WHAT, 0)
        for code, of_grid in self.by_grid.items():
            if is_within(code, scope):
                sums = {name: sums[name] + of_grid[name] for name in sums}
        looked_at = sums.pop("looked_at")
        verify_s = [seconds for code, seconds in self.verified if is_within(code, scope)]
        return Counts(
            passages=sum(passed),
            **passed._asdict(),
            **sums,
            events=sum(count for code, count in self.events.items() if is_within(code, scope)),
            false_share=sums["misread"] / looked_at if looked_at else None,
            median_verify_s=median(verify_s) if verify_s else None,
        )


_VEHICLE = CaseRow.level != CROSSING
_CONFIRMED = and_(_VEHICLE, CaseRow.confirmed_at.is_not(None))
_WHAT: dict[str, ColumnElement[bool]] = {
    "cases": _VEHICLE,
    "hits": CaseRow.level == "hit",
    "possibles": CaseRow.level == "possible",
    "confirmed": _CONFIRMED,
    "crossings": CaseRow.level == CROSSING,
    "misread": CaseRow.rejection.in_([Rejection.MISREAD, Rejection.NOT_VEHICLE]),
    "rejected": and_(_VEHICLE, CaseRow.state == State.REJECTED.value),
    "waiting": in_group(Group.NEW),
    "open": CaseRow.state.in_(OPEN_STATES),
    "at_booth": in_group(Group.BOOTH),
    "booth_closed": CaseRow.booth_result.is_not(None),
    "looked_at": or_(_CONFIRMED, and_(_VEHICLE, CaseRow.rejection.is_not(None))),
}
"""The conditions of `Counts`, by name."""


def figures_of(session: Session, since: datetime, until: datetime, scope: str = "") -> CaseFigures:
    """Return the figures of [since, until), in two passes over what came in that span."""
    inside = [CaseRow.opened_at >= since, CaseRow.opened_at < until, CaseRow.grid_code.startswith(scope)]
    sums = [func.sum(case((condition, 1), else_=0)) for condition in _WHAT.values()]
    rows = session.execute(select(CaseRow.grid_code, *sums).where(*inside).group_by(CaseRow.grid_code))
    by_grid = {code: dict(zip(_WHAT, counts, strict=True)) for code, *counts in rows}
    received = [EventRow.received_at >= since, EventRow.received_at < until, CaseRow.grid_code.startswith(scope)]
    events = session.execute(
        select(CaseRow.grid_code, func.count())
        .select_from(EventRow)
        .join(CaseRow, CaseRow.case_id == EventRow.case_id)
        .where(*received, _VEHICLE)
        .group_by(CaseRow.grid_code)
    )
    query = select(CaseRow.grid_code, CaseRow.opened_at, CaseRow.confirmed_at).where(*inside, _CONFIRMED)
    latest = session.execute(query.order_by(CaseRow.case_id.desc()).limit(_MEDIAN_OF))
    verified = [(code, (done - opened).total_seconds()) for code, opened, done in latest if done]
    return CaseFigures(by_grid, {code: count for code, count in events}, verified)  # noqa: C416  Row is no pair to mypy


def overdue_by_grid(session: Session) -> dict[str, int]:
    query = select(CaseRow.grid_code, func.count()).where(in_group(Group.OVER)).group_by(CaseRow.grid_code)
    return {code: count for code, count in session.execute(query)}  # noqa: C416  Row is no pair to mypy


def open_by_place(session: Session) -> dict[tuple[str, str], int]:
    """Return the number of open cases by `grid_code` and `also_in`."""
    query = select(CaseRow.grid_code, CaseRow.also_in, func.count()).where(CaseRow.state.in_(OPEN_STATES))
    return {
        (code, also_in): count
        for code, also_in, count in session.execute(query.group_by(CaseRow.grid_code, CaseRow.also_in))
    }


def open_within(places: dict[tuple[str, str], int], scope: str) -> dict[str, int]:
    """Return the number of open cases of every grid that has some; where a vehicle passed twice, both have it."""
    found: dict[str, int] = {}
    for (belongs_to, also_in), cases in places.items():
        for code in (belongs_to, *also_in.split()):
            if is_within(code, scope):
                found[code] = found.get(code, 0) + cases
    return found
