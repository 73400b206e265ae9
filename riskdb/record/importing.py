"""Travel records from files into the record: every row is judged, and one bad row stops them all."""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from riskdb.digest import PlateDigester
from riskdb.hotset.reason_store import chunks
from riskdb.record.judging import RowJudge, TravelRecord, TravelRow
from riskdb.record.record import RiskRecord
from riskdb.record.rows import Addition, Visit
from riskdb.types import RiskDBError

BATCH = 50_000
"""Rows judged and kept at a time: some 30 MB."""
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
    importer = _BatchImporter(record, judge, digester)
    try:
        with record.writing(), _no_search_for_cycles():
            record.require_key(digester.key_id)  # it may have been changed since the digester was made
            for batch in chunks(rows, BATCH):
                for judged in importer.take(batch, result.touched):
                    result.counts[judged.outcome] += 1
                    if on_row is not None:
                        on_row(judged)
            if is_dry_run or (result.counts[RowOutcome.INVALID] and not skip_invalid) or not result.touched:
                raise _Rollback
    except _Rollback:
        return result
    result.is_applied = True
    return result


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Millions of rows, none in a cycle: looking for one again and again takes a sixth of an import."""
    was_searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_searching:
            gc.enable()


class _BatchImporter:
    """Judges rows and puts what they say into the visit table, inside a transaction."""

    def __init__(self, record: RiskRecord, judge: RowJudge, digester: PlateDigester) -> None:
        self._record = record
        self._judge = judge
        self._digester = digester
        self._area_numbers: dict[str, int] = {}
        self._source_numbers: dict[str, int] = {}

    def take(self, rows: Sequence[TravelRow], touched: list[bytes]) -> Iterator[JudgedRow]:
        """Yield what became of each row; the digests whose stays changed are added to `touched`."""
        meanings = [self._meaning(row) for row in rows]
        visits = [self._visit(meaning) for meaning in meanings if isinstance(meaning, TravelRecord)]
        additions = self._record.add_visits(visits)
        touched += [v.digest for v, addition in zip(visits, additions, strict=True) if addition is not Addition.KNOWN]
        kept = iter(additions)
        for row, meaning in zip(rows, meanings, strict=True):
            yield _kept_row(row, meaning, next(kept)) if isinstance(meaning, TravelRecord) else meaning

    def _meaning(self, row: TravelRow) -> TravelRecord | JudgedRow:
        """Return what a row says, or what became of it where it says nothing to keep."""
        try:
            travel = self._judge.judge(row)
        except ValueError as error:
            return JudgedRow(row.file, row.number, RowOutcome.INVALID, row.plate, str(error))
        if self._judge.is_expired(travel):
            why = "the stay ended before the look-back"
            return JudgedRow(row.file, row.number, RowOutcome.EXPIRED, travel.plate, why)
        return travel

    def _visit(self, travel: TravelRecord) -> Visit:
        area = self._area_numbers.get(travel.area) or self._number_area(travel.area)
        source = self._source_numbers.get(travel.source) or self._number_source(travel.source)
        digest = self._digester.digest(travel.plate_class, travel.plate)
        return Visit(digest, area, travel.visited_from, travel.visited_until, source, self._judge.now)

    def _number_area(self, code: str) -> int:
        self._area_numbers |= self._record.number_areas([code])
        return self._area_numbers[code]

    def _number_source(self, name: str) -> int:
        self._source_numbers |= self._record.number_sources([name])
        if self._source_numbers[name] > MAX_SOURCES:
            raise RiskDBError(f"more than {MAX_SOURCES} different sources; name the office, not the case")
        return self._source_numbers[name]


def _kept_row(row: TravelRow, travel: TravelRecord, addition: Addition) -> JudgedRow:
    outcome, detail = _OUTCOMES[addition], ""
    if outcome is RowOutcome.CONFLICT:
        detail = "the same stay is known with another end; both count"
    elif outcome is RowOutcome.ACCEPTED and travel.plate != row.plate:
        outcome, detail = RowOutcome.NORMALISED, f"{row.plate} → {travel.plate}"
    return JudgedRow(row.file, row.number, outcome, travel.plate, detail)
