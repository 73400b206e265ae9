"""What a row of a travel record file means, or what is wrong with it."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from riskdb.digest import ANY_CLASS
from riskdb.record.areas import area_prefix
from riskdb.record.places.finding import FoundArea, find_areas
from riskdb.record.values.classes import class_of, known_words, words_of
from riskdb.record.values.moments import read_moment
from riskdb.record.values.plates import WrittenPlate, read_plates
from riskdb.record.values.problem import CellProblem
from riskdb.record.values.short_days import are_short_days, written_out
from riskdb.record.values.short_days import is_short as is_short_day
from riskdb.record.values.stays import Stay, read_stay
from riskdb.record.values.year_source import YearSource
from riskdb.rule import ListRule
from riskdb.types import PlateGrammar

if TYPE_CHECKING:  # a row knows the form it stands in, only to be shown in it again
    from riskdb.record.mapping.forms import Form

EARLIEST_YEAR = 2000
"""An earlier year is a typing error such as 0021."""
FUTURE_TOLERANCE_S = 300
"""Senders' clocks may be ahead by this much."""
MAX_NAME_LENGTH = 200
"""Of a source or an area: it travels with every alert."""
MAX_MEANINGS = 40
"""Records that one row can stand for: plates times areas."""
REMEMBERED = 100_000
"""Spellings of one kind that a judge remembers."""
_DATED = re.compile(r"(20\d\d)\s*[-/.年]\s*(1[0-2]|0?[1-9])\s*[-/.月]\s*(3[01]|[12]\d|0?[1-9])")
_WITH_ZERO = re.compile(r"(?<![\d.])\d{1,2}\.[123]0(?![\d.])")


class RowOrigin(NamedTuple):
    """Where a row stands."""

    form: "Form"
    cells: Sequence[str]
    """As in the file; they may name people: shown to nobody, kept nowhere."""


class TravelRow(NamedTuple):
    """One row of a file as text; an absent cell is empty."""

    file: str
    number: int
    """As a spreadsheet counts: from 1, the rows of the header too."""
    plate: str
    plate_class: str
    """Codes, colours or kinds, parted by /; behind a ~ what the row says of the vehicle."""
    area: str
    visited_from: str
    visited_until: str
    source: str
    problem: str = ""
    """Why the row cannot be right whatever its cells say, or empty."""
    origin: RowOrigin | None = None


class TravelRecord(NamedTuple):
    """What a row says. Times are epoch seconds; `visited_until` is exclusive."""

    plate: str
    plate_class: str
    area: str
    visited_from: int
    visited_until: int
    source: str
    note: str = ""
    """What had to be decided to understand the row, for people."""


class RowJudge:
    """Makes sense of rows. Files repeat plates, areas and times, so each spelling is judged once."""

    def __init__(
        self, grammar: PlateGrammar, rule: ListRule, utc_offset_hours: float, now: int, within: Sequence[str] = ()
    ) -> None:
        """`within` names the areas that the sender may speak of; empty: all."""
        self.now = now
        self._grammar = grammar
        self._oldest = now - rule.lookback_s
        self._zone = timezone(timedelta(hours=utc_offset_hours))
        self._within = tuple(map(area_prefix, within))
        self._areas: dict[str, tuple[FoundArea, ...]] = {}
        self._stays: dict[tuple[str, str, str], tuple[int, int, str]] = {}
        self._sources: dict[str, str] = {}
        self._classes: dict[tuple[str, tuple[str, ...]], str] = {}
        self._years: dict[str, YearSource] = {}
        self._short: dict[str, bool] = {}
        self._ahead: Sequence[TravelRow] = ()

    def look_ahead(self, rows: Sequence[TravelRow]) -> None:
        """Take rows that will be judged: dates without a year are of the time of the others."""
        self._ahead = rows

    def judge(self, row: TravelRow) -> Sequence[TravelRecord]:
        """Return what the row says: one record, or several where it names several plates or areas.

        Raises ValueError, saying in Chinese what is wrong with which cell and what to do.
        """
        if row.problem:
            raise ValueError(row.problem)
        plates = self._plates(row)
        stay = self._stays.get((row.visited_from, row.visited_until, "")) or self._stay(row)
        source = self._sources.get(row.source) or self._source(row)
        areas = self._areas.get(row.area) or self._area(row.area)
        if len(plates) == len(areas) == 1:  # as in nearly every row
            return (_record(plates[0], areas[0], stay, source),)
        if len(plates) * len(areas) > MAX_MEANINGS:
            raise CellProblem("号牌", "", f"一行里有 {len(plates)} 个号牌、{len(areas)} 个地区", "请分成几行")
        return [_record(plate, area, stay, source) for plate in plates for area in areas]

    def is_expired(self, travel: TravelRecord) -> bool:
        return travel.visited_until <= self._oldest

    def _plates(self, row: TravelRow) -> list[tuple[str, str]]:
        """Return each plate of the row and its class."""
        said, _, kind = row.plate_class.partition("~")
        if not row.plate.isascii():
            # Files have a million of these: a plate and nothing else, spelt as it should be.
            try:
                is_plain = self._grammar.normalise(row.plate) == row.plate
            except ValueError:
                is_plain = False
            if is_plain:
                return [(row.plate, self._class(said, kind, row.plate) if row.plate_class else ANY_CLASS)]
        written = read_plates(row.plate, self._grammar, words_of(said))
        classes = [self._class_of_one(plate, said, kind, len(written) > 1) for plate in written]
        return [(plate.text, plate_class) for plate, plate_class in zip(written, classes, strict=True)]

    def _class_of_one(self, plate: WrittenPlate, said: str, kind: str, is_one_of_several: bool) -> str:
        beside = known_words(plate.class_words)
        words = "/".join((said, *beside)).strip("/")
        if not is_one_of_several:
            return self._class(words, kind, plate.text)
        try:
            return self._class(words, kind, plate.text)
        except CellProblem:  # the class column of a tractor and its trailer speaks of the tractor
            return self._class("/".join(beside), "", plate.text)

    def _class(self, said: str, kind: str, plate: str) -> str:
        known = self._grammar.classes_of(plate)
        key = f"{said}~{kind}", known
        found = self._classes.get(key)
        if found is None:
            found = class_of(words_of(said), words_of(kind), known, plate)
            if len(self._classes) < REMEMBERED:
                self._classes[key] = found
        return found

    def _area(self, text: str) -> tuple[FoundArea, ...]:
        areas = find_areas(text)
        if self._within and not all(area.code.startswith(self._within) for area in areas):
            raise CellProblem("地区", text, "不在这个来源可以报的范围里", "请联系管理员")
        if len(self._areas) < REMEMBERED:
            self._areas[text] = areas
        return areas

    def _source(self, row: TravelRow) -> str:
        source = row.source.strip()
        if not source:
            raise CellProblem("来源", "", "没有填写", "每条记录都要写明是谁提供的")
        if len(source) > MAX_NAME_LENGTH:
            raise CellProblem("来源", "", f"有 {len(source)} 个字，最多 {MAX_NAME_LENGTH} 个", "请写短一些")
        if len(self._sources) < REMEMBERED:
            self._sources[row.source] = source
        return source

    def _stay(self, row: TravelRow) -> tuple[int, int, str]:
        begin, end = row.visited_from, row.visited_until
        found = self._stays.get((begin, end, row.file))
        if found is None:
            now = datetime.fromtimestamp(self.now, self._zone).replace(tzinfo=None)
            is_short = (is_short_day(begin) or is_short_day(end)) and self._writes_short_days(row.file, now)
            ends = (written_out(begin), written_out(end)) if is_short else (begin, end)
            stay = read_stay(*ends, now, lambda: self._year_of(row.file, now), self._zone)
            found = self._in_time(stay, row)
            if len(self._stays) < REMEMBERED:
                self._stays[begin, end, row.file if stay.is_of_file or is_short else ""] = found
        return found

    def _in_time(self, stay: Stay, row: TravelRow) -> tuple[int, int, str]:
        """Return the stay in epoch seconds. Raises CellProblem where it lies in an impossible time."""
        for column, text, moment in (
            ("到达时间", row.visited_from, stay.begin),
            ("离开时间", row.visited_until, stay.end),
        ):
            if moment.year < EARLIEST_YEAR:
                raise CellProblem(column, text, f"年份 {moment.year:04d} 不可能", "请核对")
        start, until = (int(moment.replace(tzinfo=self._zone).timestamp()) for moment in (stay.begin, stay.end))
        if start > self.now + FUTURE_TOLERANCE_S:
            raise CellProblem("到达时间", row.visited_from, "在将来", "请核对；行程记录只记已经发生的")
        if until > self.now + FUTURE_TOLERANCE_S + 86_400:
            raise CellProblem("离开时间", row.visited_until or row.visited_from, "在将来", "仍在当地请写“至今”")
        return start, max(until, start + 1), stay.note

    def _writes_short_days(self, file: str, now: datetime) -> bool:
        """Return whether all of a file's dates are such as 261120."""
        if file not in self._short:
            texts = (text for row in self._ahead if row.file == file for text in (row.visited_from, row.visited_until))
            self._short[file] = are_short_days(texts, now + timedelta(days=1))
        return self._short[file]

    def _year_of(self, file: str, now: datetime) -> YearSource:
        """Return where a file's missing years come from: its other dates, or the time at which it comes in."""
        if file not in self._years:
            self._years[file] = _year_source((row for row in self._ahead if row.file == file), now)
        return self._years[file]


def glued(*notes: str) -> str:
    return "，".join(note for note in notes if note)


def _record(plate: tuple[str, str], area: FoundArea, stay: tuple[int, int, str], source: str) -> TravelRecord:
    start, until, when = stay
    note = f"{area.note}，{when}" if area.note and when else area.note or when
    return TravelRecord(*plate, area.code, start, until, source, note)


def _year_source(rows: Iterable[TravelRow], now: datetime) -> YearSource:
    latest = now + timedelta(days=1)
    dated, keeps_zeros = [], False
    for row in rows:
        for text in (row.visited_from, row.visited_until):
            dated += [day for found in _DATED.findall(text) if (day := _day_of(found))]
            keeps_zeros = keeps_zeros or _WITH_ZERO.search(text) is not None
    known = [day for day in dated if day <= latest]
    if known:
        return YearSource(max(known), "文件里的其他日期", latest, keeps_zeros)
    return YearSource(now, "导入时间", latest, keeps_zeros)


def _day_of(found: tuple[str, str, str]) -> datetime | None:
    year, month, day = map(int, found)
    try:
        return datetime(year, month, day)
    except ValueError:
        return None


def parse_moment(text: str, utc_offset_hours: float, *, is_end: bool = False) -> datetime:
    """Return a time that a person wrote, in UTC. Raises ValueError."""
    zone = timezone(timedelta(hours=utc_offset_hours))
    try:
        moment = read_moment(text, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"“{text}”不是时间；请写成 2026-11-24 或 2026-11-24 08:30") from error
    if moment.lacks_year or moment.month_first:
        raise ValueError(f"“{text}”不完整；请写成 2026-11-24 或 2026-11-24 08:30")
    return (moment.end if is_end else moment.begin).replace(tzinfo=zone).astimezone(UTC)
