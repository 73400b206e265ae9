"""A form: the header of a sheet and what each of its columns means."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from riskdb.record.mapping.fields import AREA_PARTS, FIELD_NAMES, MANY, Field, SynonymTable
from riskdb.record.mapping.header_keys import header_key
from riskdb.record.mapping.plate_like import PLATE_LIKE
from riskdb.record.tables.sheets import MAX_COLUMNS, NumberedRow
from riskdb.types import RiskFileError

HEADER_WITHIN = 30
"""Rows at the top of a sheet among which the header stands."""
_IDLE = frozenset({Field.PERSONAL, Field.NUMBER, Field.NOTE, Field.VEHICLE_TYPE})
_JOINED = frozenset({Field.PLATE, Field.AREA, Field.AREA_CODE})
"""Of these, what two columns hold can be put together."""
HEADER_ROWS = 3
"""A header has this many rows at most: the names of groups above those of the columns."""
_CORE_AT_LEAST = 2

_WHENS = (Field.STAY, Field.FROM, Field.TO)
_TIMES_OF_DAY: Mapping[Field | None, Field] = {
    Field.FROM: Field.FROM_TIME,
    Field.TO: Field.TO_TIME,
    Field.STAY: Field.STAY_TIME,
}

Bindings = Mapping[str, "Field | None"]
"""What a steward said a header means, by `header_key` or `column_keys`; None passes the column over."""
_REST_OF_PLATE = frozenset({"号码", "序号码", "数字", "字母数字", "后缀", "尾号"})
_DOCUMENTED = frozenset(field.value for field in Field)


@dataclass(frozen=True, slots=True)
class Form:
    """The header of one sheet."""

    file: str
    sheet: str
    headers: tuple[str, ...]
    fields: tuple[Field | None, ...]
    """What each column means, None where nothing is known."""
    ends_at: int
    """Number of the header's last row."""
    delimiter: str = ""
    unread: tuple[int, ...] = ()
    """Columns that nobody reads, and of which no steward said so: a plate there is a vehicle that would be lost."""
    is_turned: bool = False
    """The names stand down the left side and each column is a record: its rows are counted from the left."""
    is_of_cards: bool = False
    """Each record is a card with its names beside its values; the header stands nowhere."""
    dated: date | None = None
    """The one day that stands above the header: of the letter, or of the list."""

    @property
    def fingerprint(self) -> str:
        """The same for every file of this form."""
        return fingerprint_of(self.headers)

    @property
    def is_documented(self) -> bool:
        """Whether every column bears its field's own name: there is nothing to ask about."""
        return all(not name or name.strip().lower() in _DOCUMENTED for name in self.headers)

    @property
    def place(self) -> str:
        """The file and the sheet, for people."""
        return f"{self.file} 工作表“{self.sheet}”" if self.sheet else self.file

    def columns(self, *fields: Field) -> tuple[int, ...]:
        """Return where columns of these meanings stand, in the order of `fields`."""
        return tuple(place for field in fields for place, found in enumerate(self.fields) if found is field)

    def has(self, *fields: Field) -> bool:
        return bool(self.columns(*fields))


@dataclass(frozen=True, slots=True)
class FormKind:
    """What a form is for: its synonyms, and what it cannot be without."""

    synonyms: SynonymTable
    key: Field
    """A header has this column."""
    needs: tuple[tuple[Field, ...], ...]
    """Of each group, one must be there."""


def fingerprint_of(headers: Sequence[str]) -> str:
    keys = "|".join(map(header_key, headers)).rstrip("|")
    return hashlib.sha256(keys.encode()).hexdigest()[:32]


def column_keys(headers: Sequence[str]) -> list[str]:
    """Return a name of each column by which it is remembered: one without a header, or with that of another, too."""
    keys: list[str] = []
    for place, header in enumerate(headers, start=1):
        key = header_key(header)
        keys.append(f"{key}#{place}" if not key or key in keys else key)
    return keys


def likely_header(rows: Sequence[NumberedRow]) -> Form | None:
    """Return the row that a steward should explain where no header is understood: the last one above the records."""
    named = [(number, cells) for number, cells in rows[:HEADER_WITHIN] if _is_header_like(cells) and len(cells) > 1]
    if not named:
        return None
    number, cells = max(named, key=lambda row: (sum(map(bool, map(str.strip, row[1]))), -row[0]))
    headers = tuple(cell.strip() for cell in cells)
    return Form("", "", headers, (None,) * len(headers), number)


def find_form(kind: FormKind, rows: Sequence[NumberedRow], bindings: Bindings) -> Form | None:
    """Return the form, its file and sheet left empty; None where no header is found."""
    for place, (number, cells) in enumerate(rows[:HEADER_WITHIN]):
        # No form; to look at a million headers takes minutes. A plate among the names is a value beside its name.
        if len(cells) > MAX_COLUMNS or any(PLATE_LIKE.match(cell.strip()) for cell in cells):
            continue
        single = _bound(kind, cells, bindings)
        if _core(single) < _CORE_AT_LEAST or kind.key not in single:
            continue
        headers, fields = [cell.strip() for cell in cells], single
        for below_number, below in rows[place + 1 : place + HEADER_ROWS]:
            longer = _joined(kind, headers, below)
            better = _bound(kind, longer, bindings)
            if _core(better) <= _core(fields) or not _is_header_like(below):
                break
            headers, fields, number = longer, better, below_number
        if place:
            headers = _named_above(headers, rows[place - 1][1])
        return Form("", "", tuple(headers), _bound(kind, headers, bindings), number)
    return None


def _named_above(headers: Sequence[str], above: Sequence[str]) -> list[str]:
    """Return the headers; a column without one bears that of the row above, where that row is no title."""
    if len({cell.strip() for cell in above} - {""}) < 2 or not _is_header_like(above):
        return list(headers)
    return [header or top for header, top in zip(headers, _padded(above, len(headers)), strict=False)]


def unread_columns(form: Form, said: Bindings, remembered: Bindings) -> tuple[int, ...]:
    """Return the columns that nobody reads. What was `remembered` of a column without a name, nobody looked at."""
    keys, left = column_keys(form.headers), (None, Field.NOTE)
    idle = [place for place, field in enumerate(form.fields) if field in left]
    explained = [place for place in idle if {keys[place], header_key(form.headers[place])} & said.keys()]
    explained += [place for place in idle if form.headers[place] and keys[place] in remembered]
    return tuple(place for place in idle if place not in explained)


def is_header(kind: FormKind, cells: Sequence[str]) -> bool:
    """Whether a row among records can only be the header of the next table."""
    if not _is_header_like(cells):
        return False
    fields = _bound(kind, cells, {})
    return kind.key in fields and _core(fields) > _CORE_AT_LEAST


def _core(fields: Sequence[Field | None]) -> int:
    return len({field for field in fields if field is not None and field not in _IDLE})


def _is_header_like(cells: Sequence[str]) -> bool:
    named = [cell for cell in cells if cell.strip()]
    return bool(named) and all(len(cell) <= 20 and not any(map(str.isdigit, cell)) for cell in named)


def _joined(kind: FormKind, above: Sequence[str], below: Sequence[str]) -> list[str]:
    """Return the headers of two rows: a group's name above counts for the columns to its right, too."""
    headers, group = [], ""
    width = max(len(above), len(below))
    for top, bottom in zip(_padded(above, width), _padded(below, width), strict=True):
        group = top or (group if bottom else "")
        whole = bottom if bottom == group else group + bottom
        fits = kind.synonyms.field_of(whole) or not kind.synonyms.field_of(bottom)
        headers.append(whole if fits else bottom)
    return headers


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [cell.strip() for cell in cells] + [""] * (width - len(cells))


def _bound(kind: FormKind, headers: Sequence[str], bindings: Bindings) -> tuple[Field | None, ...]:
    fields: list[Field | None] = []
    for header, place in zip(headers, column_keys(headers), strict=True):
        key = place if place in bindings else header_key(header)
        fields.append(bindings[key] if key in bindings else kind.synonyms.field_of(header))
    _name_rest_of_plate(headers, fields)
    return _parted_days_and_times(headers, fields)


def _name_rest_of_plate(headers: Sequence[str], fields: list[Field | None]) -> None:
    """号码 right of 省份 is a plate without its province, where no other column is the plate."""
    if Field.PLATE in fields:
        return
    for place in range(1, len(fields)):
        is_rest = fields[place] is None and header_key(headers[place]) in _REST_OF_PLATE
        if is_rest and fields[place - 1] in (Field.PROVINCE, Field.PLATE_PREFIX):
            fields[place - 1], fields[place] = Field.PLATE_PREFIX, Field.PLATE
            return


def _parted_days_and_times(headers: Sequence[str], fields: list[Field | None]) -> tuple[Field | None, ...]:
    """A day in one column and its time in the next are one moment; a day before two times is that of both."""
    days = [_is_day(header) for header in headers]
    for place in range(1, len(fields)):
        time_of_day = _TIMES_OF_DAY.get(fields[place - 1])
        if time_of_day and days[place - 1] and not days[place] and fields[place] in (fields[place - 1], Field.STAY):
            fields[place] = time_of_day
    for end in (Field.FROM, Field.TO):  # 到达日期, 离开日期, 到达时间, 离开时间
        places = [place for place, field in enumerate(fields) if field is end]
        if len(places) == 2 and days[places[0]] and not days[places[1]]:
            fields[places[1]] = _TIMES_OF_DAY[end]
    if Field.FROM not in fields and Field.TO in fields and fields.count(Field.STAY) == fields.count(Field.TO):
        # 到访时间 beside 离开时间 is the begin, though it can be a whole stay elsewhere.
        fields = [Field.FROM if field is Field.STAY else field for field in fields]
    if sorted(field for field in fields if field in _WHENS) == sorted(_WHENS):
        stay, *ends = (fields.index(field) for field in _WHENS)
        if days[stay] and not any(days[end] for end in ends):
            fields[stay] = Field.DAY
    return tuple(fields)


def _is_day(header: str) -> bool:
    return "日期" in header or "date" in header.lower()


def _is_one_wide_column(form: Form, places: Sequence[int]) -> bool:
    """Whether columns stand side by side under one name, as where the header's cells are merged.

    Of times nobody knows then which is the begin.
    """
    if form.fields[places[0]] not in _JOINED:
        return False
    names = {form.headers[place] for place in places}
    return len(names) == 1 and places[-1] - places[0] == len(places) - 1


def require_clear(kind: FormKind, form: Form) -> None:
    """Refuse a form that lacks a column, or of which two columns could mean the same. Raises RiskFileError."""
    for group in kind.needs:
        if not form.has(*group):
            names = "、".join(dict.fromkeys(FIELD_NAMES[field] for field in group if field not in AREA_PARTS))
            where = f"竖排的表（左起第 {form.ends_at} 列是列名）" if form.is_turned else f"表头（第 {form.ends_at} 行）"
            where = "卡片" if form.is_of_cards else where
            raise RiskFileError(f"{form.place}：{where}里缺少“{names}”列；请加上这一列，或指定哪一列是它")
    for field in dict.fromkeys(form.fields):
        places = form.columns(field) if field is not None and field not in MANY else ()
        if len(places) > 1 and not _is_one_wide_column(form, places):
            names = "”和“".join(form.headers[place] for place in places)
            raise RiskFileError(
                f"{form.place}：“{names}”两列都像{FIELD_NAMES[field or Field.NOTE]}；请指定用哪一列，略过另一列"
            )
