"""The passages that boxes counted, hour by hour: kept in memory, written where they grew."""

import operator
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Insert, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from alerts.box_status import BoxStatus, HourCount
from console.store.database import Database
from console.store.tables import HourRow

MAX_HOURS = 48
"""Of one report; boxes send a day."""
_ASK_AGAIN_S = 600.0
"""Another console on the same database counts too."""
_ROWS_AT_ONCE = 100
"""Rows of one upsert and its transaction: a step of a case waits for so many at most (500 took 130 ms)."""


class Passed(NamedTuple):
    """passages == clear + flagged + unchecked."""

    clear: int = 0
    flagged: int = 0
    unchecked: int = 0


class HourBook:
    """What is known of each camera's last hours. Within an hour counters only grow: a late report does no harm.

    For one thread.
    """

    def __init__(self, database: Database, max_cameras: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._max = max_cameras
        self._monotonic = monotonic
        self._known: dict[str, dict[datetime, Passed]] = {}
        """By camera, whose report is the oldest first; a bounded number of hours each."""
        self._unwritten: dict[tuple[str, datetime], tuple[str, Passed]] = {}
        """The checkpoint beside the counts."""
        self._day: tuple[datetime, Passed, float] | None = None
        """Since when, what had passed when the database was asked, and when to ask it again."""
        self._grown_since = Passed()
        """Beside that, since it was asked."""

    def keep(self, statuses: Sequence[BoxStatus]) -> None:
        """Note and write at once."""
        self.note(statuses)
        self.write()

    def note(self, statuses: Sequence[BoxStatus]) -> None:
        """Take the counters of reports; the database is asked only about cameras that were not known."""
        stored = self._stored([status for status in statuses if status.camera_id not in self._known])
        for status in statuses:
            known = self._known.pop(status.camera_id, None) or stored.get(status.camera_id, {})
            self._known[status.camera_id] = self._grown(status, known)
        while len(self._known) > self._max:
            self._known.pop(next(iter(self._known)))

    def write(self) -> int:
        """Write what grew, a part at a time; returns how many rows. What cannot be written stays for the next time."""
        written = 0
        while some := dict(islice(self._unwritten.items(), _ROWS_AT_ONCE)):
            with self._database.writing() as session:
                session.execute(_upsert(session.get_bind().dialect.name, some))
            for key in some:
                del self._unwritten[key]
            written += len(some)
        return written

    def passed_since(self, since: datetime) -> Passed:
        """Return what passed since the start of an hour, the reports that came just now included."""
        if self._day is None or self._day[0] != since or self._monotonic() >= self._day[2]:
            self.write()
            columns = (func.sum(column) for column in (HourRow.clear, HourRow.flagged, HourRow.unchecked))
            with self._database.reading() as session:
                counts = session.execute(select(*columns).where(HourRow.hour >= since)).one()
            self._day = since, Passed(*(count or 0 for count in counts)), self._monotonic() + _ASK_AGAIN_S
            self._grown_since = Passed()
        return _sum(self._day[1], self._grown_since)

    def _grown(self, status: BoxStatus, known: Mapping[datetime, Passed]) -> dict[datetime, Passed]:
        hours: dict[datetime, Passed] = {}
        for count in status.hours[-MAX_HOURS:]:
            before = hours.get(count.hour) or known.get(count.hour)
            hours[count.hour] = now = _larger(count, before or Passed())
            if now != before:
                self._unwritten[status.camera_id, count.hour] = status.checkpoint, now
                if self._day is not None and count.hour >= self._day[0]:
                    self._grown_since = _sum(self._grown_since, _less(now, before or Passed()))
        return hours

    def _stored(self, statuses: Sequence[BoxStatus]) -> dict[str, dict[datetime, Passed]]:
        """Return what the database knows of the hours of these reports."""
        found: dict[str, dict[datetime, Passed]] = {}
        for start in range(0, len(statuses), _ROWS_AT_ONCE):
            some = [status for status in statuses[start : start + _ROWS_AT_ONCE] if status.hours]
            since = min((count.hour for status in some for count in status.hours[-MAX_HOURS:]), default=None)
            if since is None:
                continue
            wanted = HourRow.camera_id.in_([status.camera_id for status in some]), HourRow.hour >= since
            columns = HourRow.camera_id, HourRow.hour, HourRow.clear, HourRow.flagged, HourRow.unchecked
            with self._database.reading() as session:
                for camera_id, hour, *counts in session.execute(select(*columns).where(*wanted)):
                    found.setdefault(camera_id, {})[hour] = Passed(*counts)
        return found


def _upsert(dialect: str, some: Mapping[tuple[str, datetime], tuple[str, Passed]]) -> Insert:
    """One statement for all rows; another console may have written larger numbers meanwhile."""
    insert = (postgresql_insert if dialect == "postgresql" else sqlite_insert)(HourRow)
    larger = func.greatest if dialect == "postgresql" else func.max
    rows = [
        {"camera_id": camera_id, "hour": hour, "checkpoint": checkpoint, **passed._asdict()}
        for (camera_id, hour), (checkpoint, passed) in some.items()
    ]
    grown = {
        column.key: larger(column, insert.excluded[column.key])
        for column in (HourRow.clear, HourRow.flagged, HourRow.unchecked)
    }
    return insert.values(rows).on_conflict_do_update(index_elements=[HourRow.camera_id, HourRow.hour], set_=grown)


def _sum(one: Passed, other: Passed) -> Passed:
    return Passed(*map(operator.add, one, other))


def _less(one: Passed, other: Passed) -> Passed:
    return Passed(*map(operator.sub, one, other))


def _larger(count: HourCount, before: Passed) -> Passed:
    return Passed(
        max(count.clear, before.clear), max(count.flagged, before.flagged), max(count.unchecked, before.unchecked)
    )
