"""A risk list small enough to read: a record, a key, a real Redis, and a clock that the test sets."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ocr.grammar import normalise_plate, plate_classes_of
from riskdb.clock import TimeSpan
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.publish import Publisher
from riskdb.hotset.redis_link import RedisLink, open_writer
from riskdb.hotset.tending import ListTender
from riskdb.keeper import RiskKeeper
from riskdb.match import MatchRule, match_plate
from riskdb.record.declaring import Declared
from riskdb.record.importing import ImportResult, JudgedRow
from riskdb.record.judging import TravelRow
from riskdb.record.record import RiskRecord
from riskdb.record.rotation import own_key
from riskdb.rule import ListRule
from riskdb.settings import RiskSettings
from riskdb.types import RiskMatch, RiskReason

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HUANGDAO = "370211"


class Grammar:
    def normalise(self, text: str) -> str:
        return normalise_plate(text)

    def classes_of(self, text: str) -> tuple[str, ...]:
        return plate_classes_of(text)


@dataclass(frozen=True, slots=True)
class Guess:
    """One reading of a plate."""

    text: str
    probability: float = 1.0
    plate_class: str = "02"


@dataclass(slots=True)
class Clock:
    now: datetime = NOON

    def __call__(self) -> float:
        return self.now.timestamp()

    def wall(self) -> float:
        return self()

    def look(self) -> TimeSpan:
        return TimeSpan.moment(self())

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(slots=True)
class RiskRig:
    """All parts of one list."""

    folder: Path
    url: str
    record: RiskRecord
    store: ListStore
    clock: Clock = field(default_factory=Clock)
    settings: RiskSettings = field(default_factory=RiskSettings)
    messages: list[str] = field(default_factory=list)

    @property
    def key_path(self) -> Path:
        return self.folder / "plate.key"

    @property
    def publisher(self) -> Publisher:
        own_key(self.record, self.key_path)
        return Publisher(self.record, self.store, ListRule.of(self.settings), self.clock)

    @property
    def keeper(self) -> RiskKeeper:
        key = own_key(self.record, self.key_path)
        return RiskKeeper(self.record, key, Grammar(), self.settings, self.publisher, self.clock)

    @property
    def tender(self) -> ListTender:
        return ListTender(self.record, self.publisher, self.settings, self.messages.append, self.clock)

    def hot_set(self, url: str | None = None) -> HotSet:
        """Return a reader with time to spare: tests share their machine."""
        link = RedisLink(url or self.url, timeout_s=5.0, connect_timeout_s=5.0)
        return HotSet(link, lambda: load_or_create_key(self.key_path), self.settings, self.clock)

    def travelled(self, *plates: str, area: str = HUANGDAO, days_ago: float = 2, hours: float = 5) -> ImportResult:
        """Import one stay for each plate."""
        start = self.clock.now - timedelta(days=days_ago)
        rows = [row(plate, area, start, start + timedelta(hours=hours)) for plate in plates]
        return self.keeper.import_rows(rows)[0]

    def imported(self, rows: Sequence[TravelRow], skip_invalid: bool = False) -> tuple[ImportResult, list[JudgedRow]]:
        judged: list[JudgedRow] = []
        result, _ = self.keeper.import_rows(rows, skip_invalid=skip_invalid, on_row=judged.append)
        return result, judged

    def declared(self, area: str = HUANGDAO, **more: datetime | str) -> None:
        level = str(more.get("level", "high"))
        start, end = more.get("valid_from"), more.get("valid_until")
        self.keeper.declare(
            [
                Declared(
                    area,
                    "high" if level == "high" else "medium",
                    source="通告",
                    valid_from=start if isinstance(start, datetime) else None,
                    valid_until=end if isinstance(end, datetime) else None,
                )
            ]
        )

    def match(self, *guesses: Guess, hot_set: HotSet | None = None) -> RiskMatch | None:
        rule = MatchRule.of(self.settings)
        return match_plate(guesses, hot_set or self.hot_set(), rule, self.clock.now)

    def is_listed(self, plate: str, plate_class: str = "02") -> bool:
        return bool(self.reasons(plate, plate_class))

    def reasons(self, plate: str, plate_class: str = "02") -> tuple[RiskReason, ...]:
        return self.hot_set().reasons_of([(plate_class, plate)], self.clock.now).reasons[0]


@contextmanager
def risk_rig(folder: Path, url: str, settings: RiskSettings | None = None) -> Iterator[RiskRig]:
    link = open_writer(url)
    try:
        with RiskRecord(folder / "risk.sqlite") as record:
            yield RiskRig(folder, url, record, ListStore(link), settings=settings or RiskSettings())
    finally:
        link.close()


_TABLES_SINCE = {
    2: ("import", "repetition", "taken_back"),
    3: ("removal",),
    4: ("feed_key", "feed_offset", "feed_hour", "feed_county", "feed_notice"),
    5: ("permit",),
}


def make_older(connection: sqlite3.Connection, version: int) -> None:
    """Make a record what an earlier kakou has left."""
    for since, tables in _TABLES_SINCE.items():
        for table in tables if since > version else ():
            connection.execute(f"DROP TABLE {table}")
    if version < 2:
        connection.execute("ALTER TABLE visit DROP COLUMN import_number")
    connection.execute(f"PRAGMA user_version={version}")


def row(
    plate: str,
    area: str,
    start: datetime,
    end: datetime,
    *,
    plate_class: str = "",
    source: str = "流调",
    number: int = 2,
) -> TravelRow:
    return TravelRow("rows.csv", number, plate, plate_class, area, start.isoformat(), end.isoformat(), source)
