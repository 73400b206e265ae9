"""Travel records from files into the record: every row is judged, and one bad row stops them all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import NamedTuple

from riskdb.areas import normalise_area
from riskdb.compute import ListRule
from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.record import Addition, RiskRecord, Visit
from riskdb.types import PlateGrammar

EARLIEST_YEAR = 2000
"""An earlier year is a typing error such as 0021."""
CLASS_ALIASES = {"97": "51", "98": "52", "28": "52"}
"""Codes that some senders use for new-energy plates."""
FUTURE_TOLERANCE_S = 300
"""Senders' clocks may be ahead by this much."""


class RowOutcome(StrEnum):
    ACCEPTED = "accepted"
    NORMALISED = "normalised"
    """Accepted; the plate was written in another way than plates are kept."""
    DUPLICATE = "duplicate"
    """Known already: changes nothing."""
    CONFLICT = "conflict"
    """Accepted beside a record of the same vehicle, area and start with another end: both count."""
    EXPIRED = "expired"
    """Too long ago to list anybody: not kept."""
    INVALID = "invalid"


class TravelRow(NamedTuple):
    """One row of a file as text; an absent cell is empty."""

    file: str
    number: int
    """As a spreadsheet counts: the header is row 1."""
    plate: str
    plate_class: str
    area: str
    visited_from: str
    visited_until: str
    source: str
    problem: str = ""
    """Why the row cannot be right whatever its cells say, or empty."""


class JudgedRow(NamedTuple):
    """What became of one row."""

    file: str
    number: int
    outcome: RowOutcome
    plate: str
    """As kept; as written where it is no plate."""
    detail: str


@dataclass(slots=True)
class ImportResult:
    """What became of all rows."""

    counts: dict[RowOutcome, int] = field(default_factory=lambda: dict.fromkeys(RowOutcome, 0))
    touched: list[bytes] = field(default_factory=list)
    """Digests of the vehicles whose stays changed, with repetitions."""
    is_applied: bool = False

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


class TravelRecord(NamedTuple):
    """A row that made sense. Times are epoch seconds; `visited_until` is exclusive."""

    plate: str
    plate_class: str
    area: str
    visited_from: int
    visited_until: int
    source: str


_OUTCOMES = {
    Addition.NEW: RowOutcome.ACCEPTED,
    Addition.KNOWN: RowOutcome.DUPLICATE,
    Addition.BESIDE_ANOTHER_END: RowOutcome.CONFLICT,
}


class _Rollback(Exception):
    """Ends a transaction that is not meant to count."""


def import_rows(
    record: RiskRecord,
    rows: Iterable[TravelRow],
    judge: "RowJudge",
    digester: PlateDigester,
    *,
    is_dry_run: bool = False,
    skip_invalid: bool = False,
    on_row: Callable[[JudgedRow], None] | None = None,
) -> ImportResult:
    """Bring rows into the record in one transaction and return what became of them.

    Nothing is applied in a dry run, nor when a row is invalid, unless `skip_invalid`. Raises RiskDBError.
    """
    result = ImportResult()
    writer = _RowWriter(record, digester, judge.now)
    try:
        with record.writing():
            for row in rows:
                judged = _import_row(row, judge, writer, result)
                result.counts[judged.outcome] += 1
                if on_row is not None:
                    on_row(judged)
            if is_dry_run or (result.counts[RowOutcome.INVALID] and not skip_invalid) or not result.touched:
                raise _Rollback
    except _Rollback:
        return result
    result.is_applied = True
    return result


def _import_row(row: TravelRow, judge: "RowJudge", writer: "_RowWriter", result: ImportResult) -> JudgedRow:
    try:
        travel = judge.judge(row)
    except ValueError as error:
        return JudgedRow(row.file, row.number, RowOutcome.INVALID, row.plate, str(error))
    if judge.is_expired(travel):
        return JudgedRow(row.file, row.number, RowOutcome.EXPIRED, travel.plate, "the stay ended before the look-back")
    outcome, digest = writer.write(travel)
    if outcome is not RowOutcome.DUPLICATE:
        result.touched.append(digest)
    if outcome is RowOutcome.ACCEPTED and travel.plate != row.plate:
        return JudgedRow(row.file, row.number, RowOutcome.NORMALISED, travel.plate, f"{row.plate} → {travel.plate}")
    detail = "the same stay is known with another end; both count" if outcome is RowOutcome.CONFLICT else ""
    return JudgedRow(row.file, row.number, outcome, travel.plate, detail)


class RowJudge:
    """Makes sense of rows. Files repeat plates, areas and times, so each spelling is judged once."""

    def __init__(self, grammar: PlateGrammar, rule: ListRule, utc_offset_hours: float, now: int) -> None:
        self.now = now
        self._grammar = grammar
        self._oldest = now - rule.lookback_s
        self._zone = timezone(timedelta(hours=utc_offset_hours))
        self._areas: dict[str, str] = {}
        self._times: dict[tuple[str, bool], int] = {}

    def judge(self, row: TravelRow) -> TravelRecord:
        """Return the row's meaning. Raises ValueError, saying what is wrong with which cell."""
        if row.problem:
            raise ValueError(row.problem)
        if not row.plate.strip():
            raise ValueError("plate: is missing")
        plate = _named("plate", self._grammar.normalise, row.plate)
        visited_from = self._time("from", row.visited_from, is_end=False)
        visited_until = self._time("to", row.visited_until, is_end=True)
        # A day as the end counts to its midnight, so a day too early ends where the stay begins.
        day_begins = self._time("to", row.visited_until, is_end=False)
        if visited_until < visited_from or day_begins < visited_from == visited_until:
            raise ValueError(f"to: {row.visited_until} is before from: {row.visited_from}")
        source = row.source.strip()
        if not source:
            raise ValueError("source: is missing; every entry says where it comes from")
        return TravelRecord(
            plate=plate,
            plate_class=self._plate_class(row.plate_class, plate),
            area=self._area(row.area),
            visited_from=visited_from,
            visited_until=max(visited_until, visited_from + 1),
            source=source,
        )

    def is_expired(self, travel: TravelRecord) -> bool:
        return travel.visited_until <= self._oldest

    def _plate_class(self, text: str, plate: str) -> str:
        code = text.strip()
        if not code:
            return ANY_CLASS
        code = CLASS_ALIASES.get(code.zfill(2), code.zfill(2))
        known = self._grammar.classes_of(plate)
        if code not in known:
            raise ValueError(f"plate_class: {text} does not go with plate {plate} (possible: {', '.join(known)})")
        return code

    def _area(self, text: str) -> str:
        if text not in self._areas:
            self._areas[text] = _named("area", normalise_area, text)
        return self._areas[text]

    def _time(self, column: str, text: str, *, is_end: bool) -> int:
        key = (text, is_end)
        if key not in self._times:
            self._times[key] = self._parse_time(column, text, is_end)
        return self._times[key]

    def _parse_time(self, column: str, text: str, is_end: bool) -> int:
        compact = text.strip().replace("/", "-")
        if not compact:
            raise ValueError(f"{column}: is missing")
        try:
            moment = _moment(compact, is_end)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{column}: {text!r} is not a time; write 2026-11-24 or 2026-11-24 08:30") from error
        if moment.year < EARLIEST_YEAR:
            raise ValueError(f"{column}: the year {moment.year:04d} is impossible")
        epoch_s = int((moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp())
        if epoch_s > self.now + FUTURE_TOLERANCE_S + (86_400 if is_end else 0):
            raise ValueError(f"{column}: {text} lies in the future")
        return epoch_s


def _moment(text: str, is_end: bool) -> datetime:
    if len(text) <= 10:
        day = date.fromisoformat("-".join(part.zfill(2) for part in text.split("-")))
        # A date as the end means the whole day.
        return datetime.combine(day, time(), tzinfo=None) + timedelta(days=1 if is_end else 0)
    return datetime.fromisoformat(text)


def _named(column: str, judge: Callable[[str], str], text: str) -> str:
    try:
        return judge(text)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from error


class _RowWriter:
    """Puts records into the visit table, inside a transaction."""

    def __init__(self, record: RiskRecord, digester: PlateDigester, now: int) -> None:
        self._record = record
        self._digester = digester
        self._now = now
        self._area_numbers: dict[str, int] = {}
        self._source_numbers: dict[str, int] = {}

    def write(self, travel: TravelRecord) -> tuple[RowOutcome, bytes]:
        """Return accepted, conflict or duplicate, and the vehicle's digest."""
        digest = self._digester.digest(travel.plate_class, travel.plate)
        if travel.area not in self._area_numbers:
            self._area_numbers |= self._record.number_areas([travel.area])
        if travel.source not in self._source_numbers:
            self._source_numbers |= self._record.number_sources([travel.source])
        visit = Visit(
            digest,
            self._area_numbers[travel.area],
            travel.visited_from,
            travel.visited_until,
            self._source_numbers[travel.source],
            self._now,
        )
        return _OUTCOMES[self._record.add_visit(visit)], digest


def parse_moment(text: str, utc_offset_hours: float, *, is_end: bool = False) -> datetime:
    """Return a time that a person wrote, in UTC. Raises ValueError."""
    try:
        moment = _moment(text.strip().replace("/", "-"), is_end)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time; write 2026-11-24 or 2026-11-24 08:30") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(hours=utc_offset_hours)))
    return moment.astimezone(UTC)
