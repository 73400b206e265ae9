"""Travel records of a file: its sheets, the header of each, and the rows below it as text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

from riskdb.record.judging import RowOrigin, TravelRow
from riskdb.record.mapping.body import EXAMPLE, PLATE_LIKE, RowsBelow, fault_of, records, unread_plate
from riskdb.record.mapping.fields import AREA_PARTS, FIELD_NAMES, TRAVEL_TABLE, Field, header_key
from riskdb.record.mapping.forms import (
    HEADER_ROWS,
    HEADER_WITHIN,
    Bindings,
    Form,
    FormKind,
    find_form,
    fingerprint_of,
    is_header,
    likely_header,
    require_clear,
    unread_columns,
)
from riskdb.record.tables.opening import read_sheets
from riskdb.record.tables.sheets import NumberedRow, Sheet
from riskdb.record.values.day_of import is_clock
from riskdb.types import RiskFileError

_AREAS = (Field.AREA, Field.AREA_CODE, *AREA_PARTS)
_WHENS = (Field.FROM, Field.STAY)
_NO_TRAILER = frozenset({"无", "无挂", "无挂车", "没有", "空", "/", "-", "--", "—", "——", "\\"})
_PEEK = HEADER_WITHIN + 2


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read, and who is told what was found in them."""

    source: str = ""
    """Who says so, where the form has no column for it."""
    bindings: Bindings = field(default_factory=dict)
    """What the steward says that columns mean."""
    remembered: Callable[[str], Bindings | None] = lambda _: None
    """What was confirmed for a form before, by its fingerprint."""
    notice: Callable[[str], None] = lambda _: None
    """Takes what was passed over, or read in spite of being hidden."""
    form_found: Callable[[Form], None] = lambda _: None


def read_travel_rows(path: Path, reading: Reading | None = None, name: str = "") -> Iterator[TravelRow]:
    """Yield the travel records of a file. Raises RiskFileError when it cannot be read or understood."""
    reading = reading or Reading()
    name = name or path.name
    found, formless = 0, []
    for sheet in read_sheets(path, name, reading.notice):
        rows = iter(sheet.rows)
        top = list(islice(rows, _PEEK))
        form = _form_of(sheet, top, reading)
        if form is None:
            formless.append(_without_header(sheet, top, rows, reading))
            continue
        found += 1
        for notice in formless:
            reading.notice(notice)
        formless = []
        below = RowsBelow(row for row in chain(top, rows) if row[0] > form.ends_at)
        yield from _travel_rows(sheet, form, below, reading)
    for notice in formless:
        reading.notice(notice)
    if not found:
        raise RiskFileError(
            f"{name}：没有找到表头；要有号牌、地区、到达时间、离开时间、来源这几列的列名，或指定哪一列是什么"
        )


def travel_form(reading: Reading) -> FormKind:
    needs: tuple[tuple[Field, ...], ...] = ((Field.PLATE,), _AREAS, _WHENS)
    return FormKind(TRAVEL_TABLE, Field.PLATE, needs if reading.source else (*needs, (Field.SOURCE,)))


def _form_of(sheet: Sheet, top: list[NumberedRow], reading: Reading) -> Form | None:
    kind = travel_form(reading)
    confirmed = _confirmed(kind, top, reading)
    found = find_form(kind, top, {**confirmed, **reading.bindings})
    if found is None:
        return None
    unread = unread_columns(found, reading.bindings, confirmed)
    form = replace(found, file=sheet.file, sheet=sheet.name, delimiter=sheet.delimiter, unread=unread)
    reading.form_found(form)
    require_clear(kind, form)
    reading.notice(f"{form.place}：{understood(form)}")
    return form


def _confirmed(kind: FormKind, top: list[NumberedRow], reading: Reading) -> Bindings:
    """Return what was confirmed of this form; one with two header rows is known by both."""
    guessed = find_form(kind, top, {})
    whole = [guessed.headers] if guessed else []
    kept = (reading.remembered(fingerprint_of(headers)) for headers in (*whole, *(cells for _, cells in top)))
    return next(filter(None, kept), {})


def understood(form: Form) -> str:
    """Return what was made of the header, and which columns nobody reads."""
    used = [(field, name) for field, name in zip(form.fields, form.headers, strict=True) if _is_used(form, field)]
    words = "，".join(f"{FIELD_NAMES[field]}←{name}" for field, name in used if field is not None)
    pairs = zip(form.fields, form.headers, strict=True)
    left = "、".join(name for field, name in pairs if name and not _is_used(form, field))
    return f"第 {form.ends_at} 行是表头：{words}" + (f"；没有读取的列：{left}" if left else "")


def _is_used(form: Form, field: Field | None) -> bool:
    if field in (None, Field.PERSONAL, Field.NUMBER, Field.NOTE):
        return False
    if field is Field.STAY:
        return not form.has(Field.FROM)
    return field is not Field.ADDRESS or not form.has(Field.AREA, Field.AREA_CODE)


def _without_header(sheet: Sheet, top: list[NumberedRow], rows: Iterator[NumberedRow], reading: Reading) -> str:
    """Return that a sheet was passed over. Raises RiskFileError where it holds plates: they must not be lost."""
    for number, cells in chain(top, rows):
        if any(PLATE_LIKE.search(cell) for cell in cells) and not any(map(EXAMPLE.match, cells)):
            if form := likely_header([row for row in top if row[0] < number]):
                reading.form_found(replace(form, file=sheet.file, sheet=sheet.name, delimiter=sheet.delimiter))
            place = f"{sheet.file} 工作表“{sheet.name}”" if sheet.name else sheet.file
            raise RiskFileError(
                f"{place}：第 {number} 行有号牌，但这张表没有能认出的表头；"
                "请在第一行写上列名（车牌号、途经地区、到达时间、离开时间、来源），或删去这张表"
            )
    return f"{sheet.file}：{f'工作表“{sheet.name}”' if sheet.name else '文件'}里没有行程记录，没有读取"


def _travel_rows(sheet: Sheet, form: Form, rows: RowsBelow, reading: Reading) -> Iterator[TravelRow]:
    """Yield the records of a table, and of those that stand below it in the sheet with a header of their own."""
    begins_table = partial(is_header, travel_form(reading))
    table: Form | None = form
    while table is not None:
        keys = table.columns(Field.PLATE, Field.TRAILER)
        layout = _Layout(table, reading.source)
        for number, cells in records(table, rows, keys, reading.notice, begins_table):
            yield layout.row(number, cells)
        top = list(islice(rows, HEADER_ROWS))
        table = _form_of(sheet, top, reading) if top else None
        rows.give_back([row for row in top if table is None or row[0] > table.ends_at])


class _Layout:
    """Where the cells of a travel record stand in a row."""

    def __init__(self, form: Form, source: str) -> None:
        self._form = form
        self._source = source
        self._width = len(form.headers)
        self._plates = form.columns(Field.PLATE, Field.TRAILER)
        self._classes = form.columns(Field.PLATE_CLASS)
        self._types = form.columns(Field.VEHICLE_TYPE)
        self._codes, self._areas = form.columns(Field.AREA_CODE), form.columns(Field.AREA)
        self._parts = form.columns(*AREA_PARTS[:-1])
        self._addresses = () if self._areas or self._codes else form.columns(Field.ADDRESS)
        stay = form.columns(Field.STAY, Field.STAY_TIME)
        self._from = form.columns(Field.FROM, Field.FROM_TIME) or stay
        # A stay in one cell is begin and end at once; who judges it takes it apart.
        self._until = form.columns(Field.TO, Field.TO_TIME) if form.has(Field.FROM) else stay
        self._days = form.columns(Field.DAY)
        self._sources = form.columns(Field.SOURCE)
        self._pick = self._plain_pick()

    def row(self, number: int, cells: list[str]) -> TravelRow:
        form, width, joined = self._form, self._width, "".join(cells)
        problem = fault_of(form, cells, joined) if len(cells) > width or "\n" in joined or "\0" in joined else ""
        if form.unread and not problem:
            problem = unread_plate(form, cells)
        cells += [""] * (width + 1 - len(cells))
        if self._pick and "'" not in joined and "=" not in joined:
            plate, kind, area, begin, end, source = self._pick(cells)
            return TravelRow(form.file, number, plate, kind, area, begin, end, source, problem, RowOrigin(form, cells))
        return TravelRow(
            form.file, number, self._plate(cells), self._class(cells), self._area(cells),
            self._begin(cells), _text(cells, self._until), _text(cells, self._sources) or self._source, problem,
            RowOrigin(form, cells),
        )  # fmt: skip

    def _plain_pick(self) -> Callable[[list[str]], tuple[str, ...]] | None:
        """Return what takes all cells of a record at once, where each has one column and nothing is put together."""
        places = (self._plates, self._classes, (*self._codes, *self._areas), self._from, self._until, self._sources)
        if (
            self._types
            or self._parts
            or self._days
            or self._addresses
            or any(len(one) > 1 for one in places)
            or not self._sources
        ):
            return None
        # A column that the form lacks is read from the empty cell behind the last one.
        return itemgetter(*(one[0] if one else self._width for one in places))

    def _plate(self, cells: list[str]) -> str:
        main, *others = (plain(cells[place]) for place in self._plates)
        trailers = (text for text in others if text and text.strip() not in _NO_TRAILER)
        return "、".join(dict.fromkeys(filter(None, (main, *trailers))))

    def _begin(self, cells: list[str]) -> str:
        begin = _text(cells, self._from)
        return f"{_text(cells, self._days)} {begin}" if self._days and is_clock(begin) else begin

    def _class(self, cells: list[str]) -> str:
        said = _text(cells, self._classes, "/")
        kind = _text(cells, self._types, "/")
        return f"{said}~{kind}" if kind else said

    def _area(self, cells: list[str]) -> str:
        code, whole = _text(cells, self._codes), _text(cells, self._areas)
        parts = [cells[place].strip() for place in (*self._parts, *self._addresses) if cells[place].strip()]
        words = whole if parts and whole and parts[-1] in whole else "".join([*parts, whole])
        return f"{code} {words}".strip() if code else words


def _text(cells: list[str], places: tuple[int, ...], glue: str = " ") -> str:
    if len(places) == 1:
        return plain(cells[places[0]])
    return glue.join(dict.fromkeys(text for place in places if (text := plain(cells[place]))))


def plain(cell: str) -> str:
    """Return a cell without what spreadsheets put around a text to keep it one: '370211 and ="370211"."""
    if cell[:1] == "'":
        return cell[1:].removesuffix("'")
    return cell[2:-1] if cell[:2] == '="' and cell.endswith('"') and cell.count('"') == 2 else cell


def bindings_of(said: Mapping[str, str]) -> dict[str, Field | None]:
    """Return what a steward said, by header key. Raises ValueError for a field that is none."""
    known = {field.value: field for field in Field} | {name: field for field, name in FIELD_NAMES.items()}
    bindings: dict[str, Field | None] = {}
    for header, meaning in said.items():
        if meaning not in known and meaning != "-":
            raise ValueError(f"“{meaning}”不是字段；可用：{'、'.join(FIELD_NAMES.values())}，或 - 表示略过这一列")
        bindings[header_key(header)] = known.get(meaning)
    return bindings
