"""Travel records from files into the record: every row is judged, and one bad row stops them all."""

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from riskdb.digest import PlateDigester
from riskdb.hotset.reason_store import chunks
from riskdb.record.coverage import NOBODY_WORDS, Coverage, ListsNobody
from riskdb.record.imports import begin_import, end_import
from riskdb.record.judging import RowJudge, RowOrigin, TravelRecord, TravelRow, glued
from riskdb.record.record import RiskRecord
from riskdb.record.removals import removed_digests
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
    REMOVED = "removed"
    """Known, and taken out by a correction: changes nothing, and the vehicle stays off the list."""
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
    origin: RowOrigin | None = None
    lists_nobody: ListsNobody | None = None
    """Why the row lists nobody now; None where it does, or where it was not kept at all."""
    travel: TravelRecord | None = None
    """How the row was understood; None where it was not."""

    @property
    def sheet(self) -> str:
        return self.origin.form.sheet if self.origin else ""


@dataclass(frozen=True, slots=True)
class ListingChange:
    """How many of the vehicles in a file the list would gain, lose and keep."""

    added: int
    removed: int
    unchanged: int


@dataclass(slots=True)
class ImportResult:
    """What became of all rows."""

    counts: dict[RowOutcome, int] = field(default_factory=lambda: dict.fromkeys(RowOutcome, 0))
    touched: list[bytes] = field(default_factory=list)
    """Digests of the vehicles whose stays changed, with repetitions."""
    is_applied: bool = False
    import_number: int | None = None
    """By which it can be taken back; None where nothing was applied."""
    listing: ListingChange | None = None
    """Of a dry run: what it would do to the list."""
    nobody: dict[ListsNobody, int] = field(default_factory=lambda: dict.fromkeys(ListsNobody, 0))
    """How many of the rows that were kept, or were known, list nobody now, and why."""

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    def nobody_text(self) -> str:
        """Return how many rows list nobody now, and why; empty where each lists its vehicle."""
        total = sum(self.nobody.values())
        why = "；".join(f"{NOBODY_WORDS[why]} {count} 行" for why, count in self.nobody.items() if count)
        return f"其中 {total} 行目前不列任何车辆：{why}" if total else ""

    def add(self, row: JudgedRow) -> None:
        self.counts[row.outcome] += 1
        if row.lists_nobody is not None:
            self.nobody[row.lists_nobody] += 1


_CHANGES_NOTHING = (Addition.KNOWN, Addition.REMOVED)
_OUTCOMES = {
    Addition.NEW: RowOutcome.ACCEPTED,
    Addition.KNOWN: RowOutcome.DUPLICATE,
    Addition.REMOVED: RowOutcome.REMOVED,
    Addition.BESIDE_ANOTHER_END: RowOutcome.CONFLICT,
}


class _Rollback(Exception):
    """Ends a transaction that is not meant to count."""


def import_rows(
    record: RiskRecord,
    rows: Iterable[TravelRow],
    judge: RowJudge,
    digester: PlateDigester,
    coverage: Coverage,
    *,
    is_dry_run: bool = False,
    skip_invalid: bool = False,
    on_row: Callable[[JudgedRow], None] | None = None,
    actor: str = "",
    change_of: Callable[[Collection[bytes], int], ListingChange] | None = None,
) -> ImportResult:
    """Bring rows into the record in one transaction and return what became of them.

    Nothing is applied in a dry run, nor when a row is invalid, unless `skip_invalid`. `change_of` says
    what the stays of some vehicles that came in with an import do to the list; a dry run asks it. Raises RiskDBError.
    """
    result, files = ImportResult(), dict[str, None]()
    try:
        with record.writing(), _no_search_for_cycles():
            record.require_key(digester.key_id)  # it may have been changed since the digester was made
            number = begin_import(record.connection, judge.now, actor)
            importer = BatchImporter(record, judge, digester, coverage, number)
            for batch in chunks(rows, BATCH):
                files.update(dict.fromkeys(row.file for row in batch))
                for judged in importer.take(batch, result.touched):
                    result.add(judged)
                    if on_row is not None:
                        on_row(judged)
            if is_dry_run and change_of:
                result.listing = change_of(result.touched, number)
            if is_dry_run or (result.counts[RowOutcome.INVALID] and not skip_invalid) or not result.touched:
                raise _Rollback
            end_import(record.connection, number, list(files), len(result.touched))
    except _Rollback:
        return result
    result.is_applied, result.import_number = True, number
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


class BatchImporter:
    """Judges rows and puts what they say into the visit table, inside a transaction."""

    def __init__(
        self, record: RiskRecord, judge: RowJudge, digester: PlateDigester, coverage: Coverage, number: int
    ) -> None:
        self._record = record
        self._judge = judge
        self._digester = digester
        self._coverage = coverage
        self._number = number
        self._removed = removed_digests(record.connection)
        self._area_numbers: dict[str, int] = {}
        self._source_numbers: dict[str, int] = {}

    def take(self, rows: Sequence[TravelRow], touched: list[bytes]) -> Iterator[JudgedRow]:
        """Yield what became of each row; the digests whose stays changed are added to `touched`."""
        self._judge.look_ahead(rows)
        meanings = [(row, meaning) for row in rows for meaning in self._meanings(row)]
        visits = self._visits([meaning for _, meaning in meanings if isinstance(meaning, TravelRecord)])
        additions = self._record.add_visits(visits)
        kept = list(zip(visits, additions, strict=True))
        touched += [visit.digest for visit, addition in kept if addition not in _CHANGES_NOTHING]
        each = iter(kept)
        for row, meaning in meanings:
            yield self._kept_row(row, meaning, *next(each)) if isinstance(meaning, TravelRecord) else meaning

    def _meanings(self, row: TravelRow) -> Sequence[TravelRecord | JudgedRow]:
        """Return what a row says, or what became of it where it says nothing to keep."""
        try:
            travels = self._judge.judge(row)
        except ValueError as error:
            where = f"左起第 {row.number} 列：" if row.origin and row.origin.form.is_turned else ""
            return [JudgedRow(row.file, row.number, RowOutcome.INVALID, row.plate, f"{where}{error}", row.origin)]
        if not self._judge.is_expired(travels[0]):  # the plates and areas of a row share its times
            return travels
        why = "停留在回溯期以前结束，不再计入"
        return [
            JudgedRow(row.file, row.number, RowOutcome.EXPIRED, travel.plate, why, row.origin) for travel in travels
        ]

    def _visits(self, travels: Sequence[TravelRecord]) -> list[Visit]:
        areas, sources, now, number = self._area_numbers, self._source_numbers, self._judge.now, self._number
        digests = self._digester.digests([(travel.plate_class, travel.plate) for travel in travels])
        return [
            Visit(
                digest,
                areas.get(travel.area) or self._number_area(travel.area),
                travel.visited_from,
                travel.visited_until,
                sources.get(travel.source) or self._number_source(travel.source),
                now,
                number,
            )
            for digest, travel in zip(digests, travels, strict=True)
        ]

    def _number_area(self, code: str) -> int:
        self._area_numbers |= self._record.number_areas([code])
        return self._area_numbers[code]

    def _number_source(self, name: str) -> int:
        self._source_numbers |= self._record.number_sources([name])
        if self._source_numbers[name] > MAX_SOURCES:
            raise RiskDBError(f"来源超过 {MAX_SOURCES} 种；来源请写单位，不要写每件事的编号")
        return self._source_numbers[name]

    def _kept_row(self, row: TravelRow, travel: TravelRecord, visit: Visit, addition: Addition) -> JudgedRow:
        if addition is Addition.NEW and not travel.note and travel.plate == row.plate:  # as nearly every row
            outcome, detail = RowOutcome.ACCEPTED, ""
        else:
            outcome, detail = _told(row, travel, addition)
        if outcome is RowOutcome.REMOVED:
            return JudgedRow(row.file, row.number, outcome, travel.plate, detail, row.origin)
        if visit.digest in self._removed and addition is not Addition.KNOWN:
            detail = glued(detail, "此车以前的行程曾更正移除；这一条是新的，照常计入")
        nobody = self._coverage.why_nobody(travel.area, travel.visited_from, travel.visited_until)
        return JudgedRow(row.file, row.number, outcome, travel.plate, detail, row.origin, nobody, travel)


def _told(row: TravelRow, travel: TravelRecord, addition: Addition) -> tuple[RowOutcome, str]:
    outcome, detail = _OUTCOMES[addition], travel.note
    if travel.plate != row.plate:
        detail = glued(f"{row.plate} → {travel.plate}", detail)
    if outcome is RowOutcome.CONFLICT:
        detail = glued("已有同一行程，结束时间不同；两条都计", detail)
    elif outcome is RowOutcome.REMOVED:
        detail = glued("同一行程已更正移除，不计入；恢复：kakou risk restore", detail)
    elif outcome is RowOutcome.ACCEPTED and detail:
        outcome = RowOutcome.NORMALISED
    return outcome, detail
