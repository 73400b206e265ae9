"""Counts, nothing but counts: what passed, what was flagged, what people found."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from alerts.box_status import BoxStatus, HourCount
from console.cases.filtering import Group, in_group
from console.cases.steps import DESK_OPEN, Rejection, State
from console.people.grids import is_within
from console.store.database import Database
from console.store.tables import CaseRow, EventRow, HourRow
from riskdb.types import BEIJING

_MEDIAN_OF = 5000
_OPEN_STATES = [state.value for state in DESK_OPEN]


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


class HeatCell(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    hour: AwareDatetime
    passages: int
    flagged: int


class Statistics:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_hours(self, statuses: Sequence[BoxStatus]) -> None:
        """Store the boxes' counters; within an hour they only grow, so a late or repeated report does no harm."""
        with self._database.writing() as session:
            for status in statuses:
                for count in status.hours:
                    _keep(session, status, count)

    def counts(self, since: datetime, until: datetime, scope: str = "") -> Counts:
        """Return the counts of [since, until), for cases of one area; passages are those of all checkpoints."""
        with self._database.reading() as session:
            clear, flagged, unchecked = _passages(session, since, until)
            inside = [CaseRow.opened_at >= since, CaseRow.opened_at < until, CaseRow.grid_code.startswith(scope)]
            misread = _count(session, *inside, CaseRow.rejection.in_([Rejection.MISREAD, Rejection.NOT_VEHICLE]))
            confirmed = _count(session, *inside, CaseRow.confirmed_at.is_not(None))
            rejected = _count(session, *inside, CaseRow.state == State.REJECTED.value)
            looked_at = _count(session, *inside, CaseRow.confirmed_at.is_not(None) | CaseRow.rejection.is_not(None))
            events = session.scalar(
                select(func.count())
                .select_from(EventRow)
                .join(CaseRow, CaseRow.case_id == EventRow.case_id)
                .where(EventRow.received_at >= since, EventRow.received_at < until, CaseRow.grid_code.startswith(scope))
            )
            return Counts(
                passages=clear + flagged + unchecked,
                clear=clear,
                flagged=flagged,
                unchecked=unchecked,
                events=events or 0,
                cases=_count(session, *inside),
                hits=_count(session, *inside, CaseRow.level == "hit"),
                possibles=_count(session, *inside, CaseRow.level == "possible"),
                confirmed=confirmed,
                misread=misread,
                rejected=rejected,
                waiting=_count(session, *inside, in_group(Group.NEW)),
                open=_count(session, *inside, CaseRow.state.in_(_OPEN_STATES)),
                at_booth=_count(session, *inside, in_group(Group.BOOTH)),
                booth_closed=_count(session, *inside, CaseRow.booth_result.is_not(None)),
                false_share=misread / looked_at if looked_at else None,
                median_verify_s=_median_verify_s(session, inside),
            )

    def overdue(self, scope: str) -> int:
        """Return how many open cases are past a limit, whenever they were opened."""
        with self._database.reading() as session:
            return _count(session, CaseRow.grid_code.startswith(scope), in_group(Group.OVER))

    def heat(self, since: datetime, until: datetime) -> list[HeatCell]:
        """Return passages per checkpoint and hour."""
        query = (
            select(
                HourRow.checkpoint,
                HourRow.hour,
                func.sum(HourRow.clear + HourRow.flagged + HourRow.unchecked),
                func.sum(HourRow.flagged),
            )
            .where(HourRow.hour >= since, HourRow.hour < until)
            .group_by(HourRow.checkpoint, HourRow.hour)
            .order_by(HourRow.checkpoint, HourRow.hour)
        )
        with self._database.reading() as session:
            return [
                HeatCell(checkpoint=checkpoint, hour=hour, passages=passages, flagged=flagged)
                for checkpoint, hour, passages, flagged in session.execute(query)
            ]

    def open_by_grid(self, scope: str) -> dict[str, int]:
        """Return the number of open cases of every grid that has some; where a vehicle passed twice, both have it."""
        query = (
            select(CaseRow.grid_code, CaseRow.also_in, func.count())
            .where(CaseRow.state.in_(_OPEN_STATES))
            .group_by(CaseRow.grid_code, CaseRow.also_in)
        )
        found: dict[str, int] = {}
        with self._database.reading() as session:
            for belongs_to, also_in, cases in session.execute(query):
                for code in (belongs_to, *also_in.split()):
                    if is_within(code, scope):
                        found[code] = found.get(code, 0) + cases
        return found


def local_day(now: datetime) -> datetime:
    """Return the start of the current day, Beijing time."""
    return now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(CaseRow).where(*conditions)) or 0


def _passages(session: Session, since: datetime, until: datetime) -> tuple[int, int, int]:
    sums = select(func.sum(HourRow.clear), func.sum(HourRow.flagged), func.sum(HourRow.unchecked))
    clear, flagged, unchecked = session.execute(sums.where(HourRow.hour >= since, HourRow.hour < until)).one()
    return clear or 0, flagged or 0, unchecked or 0


def _median_verify_s(session: Session, inside: Sequence[ColumnElement[bool]]) -> float | None:
    query = select(CaseRow.opened_at, CaseRow.confirmed_at).where(*inside, CaseRow.confirmed_at.is_not(None))
    pairs = session.execute(query.order_by(CaseRow.case_id.desc()).limit(_MEDIAN_OF)).all()
    return median((done - opened).total_seconds() for opened, done in pairs if done) if pairs else None


def _keep(session: Session, status: BoxStatus, count: HourCount) -> None:
    row = session.get(HourRow, (status.camera_id, count.hour))
    if row is None:
        row = HourRow(camera_id=status.camera_id, hour=count.hour, checkpoint=status.checkpoint,
                      clear=0, flagged=0, unchecked=0)  # fmt: skip
        session.add(row)
    row.clear = max(row.clear, count.clear)
    row.flagged = max(row.flagged, count.flagged)
    row.unchecked = max(row.unchecked, count.unchecked)
