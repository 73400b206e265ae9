"""Counts by day, hour of the day and checkpoint, beside those of the time before: to be looked at, not to be read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console.cases.steps import CROSSING, Rejection, State
from console.store.database import Database
from console.store.tables import CaseRow, HourRow
from riskdb.types import BEIJING

_WRONG = (Rejection.MISREAD, Rejection.NOT_VEHICLE)


@dataclass(slots=True)
class Sums:
    """What one bar stands for."""

    passages: int = 0
    unchecked: int = 0
    hits: int = 0
    possibles: int = 0
    confirmed: int = 0
    misread: int = 0
    booth_closed: int = 0
    verify_s: list[float] = field(default_factory=list)
    close_s: list[float] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.hits + self.possibles

    @property
    def median_verify_s(self) -> float | None:
        return median(self.verify_s) if self.verify_s else None

    @property
    def median_close_s(self) -> float | None:
        """From the event's arrival to the end of the case, whatever its result; what only expired counts not."""
        return median(self.close_s) if self.close_s else None

    @property
    def verify_seconds(self) -> int:
        """For a bar: 0 where there is nothing to draw."""
        return round(self.median_verify_s or 0.0)

    @property
    def close_minutes(self) -> int:
        """For a bar; what took a moment is one minute, not nothing."""
        return 0 if self.median_close_s is None else max(1, round(self.median_close_s / 60))


@dataclass(frozen=True, slots=True)
class Trends:
    days: dict[date, Sums]
    """Every day of the span, Beijing time, in order."""
    hours: dict[int, Sums]
    """By hour of the day, 0 to 23."""
    checkpoints: dict[str, Sums]
    whole: Sums


def trends(database: Database, since: datetime, until: datetime, scope: str = "") -> Trends:
    """Return the sums of [since, until); cases of one area, passages of all checkpoints."""
    first, last = (each.astimezone(BEIJING).date() for each in (since, until - timedelta(microseconds=1)))
    days = {first + timedelta(days=number): Sums() for number in range((last - first).days + 1)}
    found = Trends(days, {hour: Sums() for hour in range(24)}, defaultdict(Sums), Sums())
    with database.reading() as session:
        _add_passages(session, found, since, until)
        _add_cases(session, found, since, until, scope)
    return Trends(found.days, found.hours, dict(sorted(found.checkpoints.items())), found.whole)


def _add_passages(session: Session, found: Trends, since: datetime, until: datetime) -> None:
    counted = func.sum(HourRow.clear + HourRow.flagged + HourRow.unchecked), func.sum(HourRow.unchecked)
    query = select(HourRow.checkpoint, HourRow.hour, *counted).where(HourRow.hour >= since, HourRow.hour < until)
    for checkpoint, hour, passages, unchecked in session.execute(query.group_by(HourRow.checkpoint, HourRow.hour)):
        for sums in _bars_of(found, hour, checkpoint):
            sums.passages += passages
            sums.unchecked += unchecked


def _add_cases(session: Session, found: Trends, since: datetime, until: datetime, scope: str) -> None:
    query = select(
        CaseRow.checkpoint, CaseRow.opened_at, CaseRow.level, CaseRow.confirmed_at, CaseRow.rejection,
        CaseRow.booth_result, func.coalesce(CaseRow.done_at, CaseRow.finished_at), CaseRow.state,
    ).where(
        CaseRow.level != CROSSING, CaseRow.opened_at >= since, CaseRow.opened_at < until,
        CaseRow.grid_code.startswith(scope),
    )  # fmt: skip
    for checkpoint, opened_at, level, confirmed_at, rejection, booth_result, done_at, state in session.execute(query):
        for sums in _bars_of(found, opened_at, checkpoint):
            sums.hits += level == "hit"
            sums.possibles += level != "hit"
            sums.confirmed += confirmed_at is not None
            sums.misread += rejection in _WRONG
            sums.booth_closed += booth_result is not None
            if confirmed_at is not None:
                sums.verify_s.append((confirmed_at - opened_at).total_seconds())
            if done_at is not None and state != State.EXPIRED:
                sums.close_s.append((done_at - opened_at).total_seconds())


def _bars_of(found: Trends, moment: datetime, checkpoint: str) -> tuple[Sums, ...]:
    local = moment.astimezone(BEIJING)
    return found.days[local.date()], found.hours[local.hour], found.checkpoints[checkpoint], found.whole


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart and the one it is compared with, as heights of 0 to 100."""

    label: str
    value: int
    before: int
    height: float
    height_before: float


def bars(labels: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[Bar]:
    """Return a bar for each label; `pairs`: its value, and the one before."""
    most = max((max(pair) for pair in pairs), default=0) or 1
    return [
        Bar(label, now, then, round(100 * now / most, 1), round(100 * then / most, 1))
        for label, (now, then) in zip(labels, pairs, strict=True)
    ]
