"""What a row of a travel record file means, or what is wrong with it."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

from riskdb.digest import ANY_CLASS
from riskdb.record.areas import normalise_area
from riskdb.rule import ListRule
from riskdb.types import PlateGrammar

EARLIEST_YEAR = 2000
"""An earlier year is a typing error such as 0021."""
CLASS_ALIASES = {"97": "51", "98": "52", "28": "52"}
"""Codes that some senders use for new-energy plates."""
FUTURE_TOLERANCE_S = 300
"""Senders' clocks may be ahead by this much."""
MAX_NAME_LENGTH = 200
"""Of a source or an area: it travels with every alert."""
REMEMBERED = 100_000
"""Spellings of one kind that a judge remembers."""


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


class TravelRecord(NamedTuple):
    """A row that made sense. Times are epoch seconds; `visited_until` is exclusive."""

    plate: str
    plate_class: str
    area: str
    visited_from: int
    visited_until: int
    source: str


class RowJudge:
    """Makes sense of rows. Files repeat plates, areas and times, so each spelling is judged once."""

    def __init__(self, grammar: PlateGrammar, rule: ListRule, utc_offset_hours: float, now: int) -> None:
        self.now = now
        self._grammar = grammar
        self._oldest = now - rule.lookback_s
        self._zone = timezone(timedelta(hours=utc_offset_hours))
        self._areas: dict[str, str] = {}
        self._times: dict[tuple[str, bool], int] = {}
        self._stays: dict[tuple[str, str], tuple[int, int]] = {}

    def judge(self, row: TravelRow) -> TravelRecord:
        """Return the row's meaning. Raises ValueError, saying what is wrong with which cell."""
        if row.problem:
            raise ValueError(row.problem)
        try:
            plate = self._grammar.normalise(row.plate)
        except ValueError as error:
            raise ValueError(f"plate: {error}" if row.plate.strip() else "plate: is missing") from error
        start, until = self._stays.get((row.visited_from, row.visited_until)) or self._stay(row)
        source = row.source.strip()
        if not source:
            raise ValueError("source: is missing; every entry says where it comes from")
        if len(source) > MAX_NAME_LENGTH:
            raise ValueError(f"source: has {len(source)} characters, at most {MAX_NAME_LENGTH} are kept")
        plate_class = self._plate_class(row.plate_class, plate) if row.plate_class else ANY_CLASS
        return TravelRecord(plate, plate_class, self._areas.get(row.area) or self._area(row.area), start, until, source)

    def is_expired(self, travel: TravelRecord) -> bool:
        return travel.visited_until <= self._oldest

    def _stay(self, row: TravelRow) -> tuple[int, int]:
        visited_from = self._time("from", row.visited_from, is_end=False)
        visited_until = self._time("to", row.visited_until, is_end=True)
        # A day as the end counts to its midnight, so a day too early ends where the stay begins.
        day_begins = self._time("to", row.visited_until, is_end=False)
        if visited_until < visited_from or day_begins < visited_from == visited_until:
            raise ValueError(f"to: {row.visited_until} is before from: {row.visited_from}")
        stay = visited_from, max(visited_until, visited_from + 1)
        if len(self._stays) < REMEMBERED:
            self._stays[row.visited_from, row.visited_until] = stay
        return stay

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
        try:
            area = normalise_area(text)
        except ValueError as error:
            raise ValueError(f"area: {error}") from error
        if len(self._areas) < REMEMBERED:
            self._areas[text] = area
        return area

    def _time(self, column: str, text: str, *, is_end: bool) -> int:
        found = self._times.get((text, is_end))
        if found is None:
            found = self._parse_time(column, text, is_end)
            if len(self._times) < REMEMBERED:
                self._times[text, is_end] = found
        return found

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


def parse_moment(text: str, utc_offset_hours: float, *, is_end: bool = False) -> datetime:
    """Return a time that a person wrote, in UTC. Raises ValueError."""
    try:
        moment = _moment(text.strip().replace("/", "-"), is_end)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time; write 2026-11-24 or 2026-11-24 08:30") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(hours=utc_offset_hours)))
    return moment.astimezone(UTC)
