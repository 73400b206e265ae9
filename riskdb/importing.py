"""Travel records from files into the record: every row is judged, and one bad row stops them all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from riskdb.digest import PlateDigester
from riskdb.judging import RowJudge, TravelRecord, TravelRow
from riskdb.record import RiskRecord
from riskdb.record_rows import Addition, Visit
from riskdb.types import RiskDBError

MAX_SOURCES = 65_535
"""A reason in Redis has two bytes for the number of its source."""


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
    judge: RowJudge,
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


def _import_row(row: TravelRow, judge: RowJudge, writer: "_RowWriter", result: ImportResult) -> JudgedRow:
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
            if self._source_numbers[travel.source] > MAX_SOURCES:
                raise RiskDBError(f"more than {MAX_SOURCES} different sources; name the office, not the case")
        visit = Visit(
            digest,
            self._area_numbers[travel.area],
            travel.visited_from,
            travel.visited_until,
            self._source_numbers[travel.source],
            self._now,
        )
        return _OUTCOMES[self._record.add_visit(visit)], digest
