"""The list office where the record of the risk list lies on this machine."""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from console.lists.keeper_areas import KeeperAreas, KeeperVehicles
from console.lists.office import FileReport, FormReport, ReportedRow, SampleRow
from console.lists.words import file_words
from riskdb.exporting import masked_plate
from riskdb.feed.door import FeedDoor
from riskdb.keeper import RiskKeeper
from riskdb.record.faulty import FaultyRows
from riskdb.record.importing import JudgedRow, RowOutcome
from riskdb.record.judging import TravelRecord
from riskdb.record.mapping.fields import Field
from riskdb.record.mapping.forms import Form
from riskdb.record.permits import is_permit_file, read_permit_rows
from riskdb.record.places.table import area_name
from riskdb.record.travel import Reading, read_travel_rows
from riskdb.settings import FeedSettings
from riskdb.types import RiskDBError, RiskFileError

MAX_REPORTED_ROWS = 500
MAX_NOTICES = 100
FIRST_ROWS, DRAWN_ROWS = 5, 95
"""Of a try, for the eyes of whoever approves it."""

OUTCOME_WORDS = {
    RowOutcome.ACCEPTED: "接受",
    RowOutcome.NORMALISED: "接受（写法已规范）",
    RowOutcome.DUPLICATE: "重复，不变",
    RowOutcome.CONFLICT: "与已有记录不同，两条都计",
    RowOutcome.REMOVED: "已更正移除，不计入",
    RowOutcome.EXPIRED: "已过期，不收",
    RowOutcome.INVALID: "有误",
}


class KeeperOffice:
    """The list whose record lies on this machine."""

    def __init__(
        self, open_keeper: Callable[[], AbstractContextManager[RiskKeeper]], feeds: Sequence[FeedSettings] = ()
    ) -> None:
        self._open_keeper = open_keeper
        self.areas = KeeperAreas(open_keeper)
        self.vehicles = KeeperVehicles(open_keeper)
        self.feeds = FeedDoor(feeds, open_keeper)

    def try_file(self, path: Path, name: str, source: str = "") -> FileReport:
        forms: list[FormReport] = []
        if is_permit_file(path, name):
            return self._import_permits(path, name, is_dry_run=True)
        try:
            return self._import(path, name, forms, source, is_dry_run=True)
        except RiskFileError as error:
            if not forms:
                raise
            told = file_words(str(error))
            return FileReport(
                counts={}, new_rows=0, invalid_rows=0, problem=told, forms=tuple(_distinct(forms)), source=source
            )

    def apply_file(self, path: Path, name: str, actor: str, source: str = "") -> FileReport:
        if is_permit_file(path, name):
            return self._import_permits(path, name, is_dry_run=False, actor=actor)
        return self._import(path, name, [], source, is_dry_run=False, actor=actor)

    def confirm_forms(self, forms: Sequence[FormReport]) -> None:
        meanings = [tuple(Field(name) if name else None for name in form.fields) for form in forms]
        with self._open_keeper() as keeper:
            keeper.remember_forms(
                Form("", "", form.headers, fields, 0) for form, fields in zip(forms, meanings, strict=True)
            )

    def faulty_rows(self, path: Path, name: str, source: str = "") -> bytes:
        faulty = FaultyRows()

        def note(row: JudgedRow) -> None:
            if row.outcome is RowOutcome.INVALID:
                faulty.add(row)

        with self._open_keeper() as keeper:
            reading = Reading(source, remembered=keeper.remembered_form)
            keeper.import_rows(read_travel_rows(path, reading, name), is_dry_run=True, on_row=note)
        return faulty.as_xlsx()

    def take_back(self, import_number: int, actor: str, reason: str) -> int:
        with self._open_keeper() as keeper:
            return keeper.take_back(import_number, actor=actor, reason=reason).touched

    def remove(self, plate: str, actor: str, reason: str) -> int:
        try:
            with self._open_keeper() as keeper:
                removed, _ = keeper.remove(plate, actor=actor, reason=reason)
        except ValueError as error:
            raise RiskDBError(str(error)) from error
        return removed

    def restore(self, plate: str, removed_since: datetime, actor: str, reason: str) -> int:
        try:
            with self._open_keeper() as keeper:
                restored, _ = keeper.restore(plate, removed_since.timestamp(), actor=actor, reason=reason)
        except ValueError as error:
            raise RiskDBError(str(error)) from error
        return restored

    def _import_permits(self, path: Path, name: str, *, is_dry_run: bool, actor: str = "") -> FileReport:
        with self._open_keeper() as keeper:
            rows = read_permit_rows(path, name)
            result = keeper.permits.import_rows(rows, is_dry_run=is_dry_run, actor=actor, name=name)
        counts = {"通行证，新增或变更": result.new, "通行证，不变": result.known, "有误": len(result.invalid)}
        faults = result.invalid[:MAX_REPORTED_ROWS]
        return FileReport(
            counts={words: count for words, count in counts.items() if count},
            new_rows=result.new,
            invalid_rows=len(result.invalid),
            rows=tuple(ReportedRow(number=row.number, outcome="有误", detail=why[:300]) for row, why in faults),
            is_applied=result.is_applied,
            notices=("这是通行证，不是行程记录：只在过车时显示，不改变比对结果",),
            import_number=result.import_number,
        )

    def _import(
        self, path: Path, name: str, forms: list[FormReport], source: str, *, is_dry_run: bool, actor: str = ""
    ) -> FileReport:
        faulty: list[ReportedRow] = []
        others: list[ReportedRow] = []
        notices: list[str] = []
        sample = _Sample()

        def note(row: JudgedRow) -> None:
            kept = faulty if row.outcome is RowOutcome.INVALID else others
            if row.outcome is not RowOutcome.ACCEPTED and len(kept) < MAX_REPORTED_ROWS:
                kept.append(_reported(row))
            if is_dry_run and row.travel is not None:
                sample.note(row, row.travel)

        with self._open_keeper() as keeper:

            def found(form: Form) -> None:
                is_known = form.is_documented or keeper.remembered_form(form.fingerprint) is not None
                forms.append(_form_report(form, is_known))

            reading = Reading(source, {}, keeper.remembered_form, notices.append, found)
            rows = read_travel_rows(path, reading, name)
            result, _ = keeper.import_rows(rows, is_dry_run=is_dry_run, on_row=note, actor=actor)
        changing = (RowOutcome.ACCEPTED, RowOutcome.NORMALISED, RowOutcome.CONFLICT)
        listing = result.listing
        return FileReport(
            counts={OUTCOME_WORDS[outcome]: count for outcome, count in result.counts.items() if count},
            new_rows=sum(result.counts[outcome] for outcome in changing),
            invalid_rows=result.counts[RowOutcome.INVALID],
            rows=tuple([*faulty, *others][:MAX_REPORTED_ROWS]),
            sample=sample.rows(),
            is_applied=result.is_applied,
            notices=tuple(filter(None, [result.nobody_text(), *notices]))[:MAX_NOTICES],
            listing=(listing.added, listing.removed, listing.unchanged) if listing else None,
            import_number=result.import_number,
            forms=tuple(_distinct(forms)),
            source=source,
        )


def _form_report(form: Form, is_known: bool) -> FormReport:
    fields = tuple(field.value if field else "" for field in form.fields)
    return FormReport(place=form.place, headers=form.headers, fields=fields, is_known=is_known)


def _distinct(forms: Sequence[FormReport]) -> Iterable[FormReport]:
    """Yield the forms whose header is not that of an earlier one: a book repeats them sheet after sheet."""
    return {form.headers: form for form in reversed(forms)}.values()


def _reported(row: JudgedRow) -> ReportedRow:
    where = f"{row.sheet}：" if row.sheet else ""
    return ReportedRow(number=row.number, outcome=OUTCOME_WORDS[row.outcome], detail=(where + row.detail)[:300])


class _Sample:
    """The first rows of a file and others drawn by lot, each with the same chance: nobody knows before which."""

    def __init__(self) -> None:
        self._first: list[SampleRow] = []
        self._drawn: list[SampleRow] = []
        self._lot = random.SystemRandom()
        self._seen = 0

    def note(self, row: JudgedRow, travel: TravelRecord) -> None:
        self._seen += 1
        if len(self._first) < FIRST_ROWS:
            self._first.append(_sampled(row, travel))
        elif len(self._drawn) < DRAWN_ROWS:
            self._drawn.append(_sampled(row, travel))
        elif (place := self._lot.randrange(self._seen - FIRST_ROWS)) < DRAWN_ROWS:
            self._drawn[place] = _sampled(row, travel)

    def rows(self) -> tuple[SampleRow, ...]:
        return tuple(sorted((*self._first, *self._drawn), key=lambda row: row.number))


def _sampled(row: JudgedRow, travel: TravelRecord) -> SampleRow:
    arrived, left = (datetime.fromtimestamp(at, UTC) for at in (travel.visited_from, travel.visited_until))
    return SampleRow(
        number=row.number,
        plate=masked_plate(travel.plate),
        plate_class=travel.plate_class,
        area=travel.area,
        area_name=area_name(travel.area),
        arrived=arrived,
        left=left,
        source=travel.source,
        outcome=OUTCOME_WORDS[row.outcome],
    )
