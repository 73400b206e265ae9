"""Counts, nothing but counts: what passed, what was flagged, what people found."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console.people.grids import is_within
from console.situation.figures import Counts, figures_of, open_by_place, open_within, overdue_by_grid
from console.situation.hours import Passed
from console.store.database import Database
from console.store.tables import HourRow
from riskdb.types import BEIJING


class HeatCell(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    hour: AwareDatetime
    passages: int
    flagged: int


class Statistics:
    """What pages and the API ask for; open screens are told by `console.situation.state`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, since: datetime, until: datetime, scope: str = "") -> Counts:
        """Return the counts of [since, until), for cases of one area; passages are those of all checkpoints."""
        with self._database.reading() as session:
            return figures_of(session, since, until, scope).of(scope, _passages(session, since, until))

    def overdue(self, scope: str) -> int:
        """Return how many open cases are past a limit, whenever they were opened."""
        with self._database.reading() as session:
            return sum(count for code, count in overdue_by_grid(session).items() if is_within(code, scope))

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
        with self._database.reading() as session:
            return open_within(open_by_place(session), scope)


def local_day(now: datetime) -> datetime:
    """Return the start of the current day, Beijing time."""
    return now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)


def _passages(session: Session, since: datetime, until: datetime) -> Passed:
    sums = select(func.sum(HourRow.clear), func.sum(HourRow.flagged), func.sum(HourRow.unchecked))
    counts = session.execute(sums.where(HourRow.hour >= since, HourRow.hour < until)).one()
    return Passed(*(count or 0 for count in counts))
