"""Travel records of a file: its sheets, the header of each, and the rows below it as text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from riskdb.record.judging import TravelRow
from riskdb.record.layout import NO_TRAILER, Layout
from riskdb.record.mapping.body import EXAMPLE, RowsBelow, records, why_no_record
from riskdb.record.mapping.cards import MOST_ROWS, card_rows, with_said_above
from riskdb.record.mapping.fields import AREA_PARTS, FIELD_NAMES, TRAVEL_TABLE, Field
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
from riskdb.record.mapping.header_keys import header_key
from riskdb.record.mapping.plate_like import PLATE_LIKE, WHOLE_PLATES, names_a_plate
from riskdb.record.mapping.repeated import Part, parts_of, repeated_words
from riskdb.record.mapping.turned import describes_fields, turned_rows
from riskdb.record.tables.opening import read_sheets
from riskdb.record.tables.sheets import NumberedRow, Sheet
from riskdb.record.values.last_days import only_day
from riskdb.types import RiskFileError

_AREAS = (Field.AREA, Field.AREA_CODE, *AREA_PARTS)
_WHENS = (Field.FROM, Field.STAY)
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
        form, top, rows = _laid_out(sheet, reading)
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


def _laid_out(sheet: Sheet, reading: Reading) -> tuple[Form | None, list[NumberedRow], Iterator[NumberedRow]]:
    """Return the form of a sheet, its first rows and the rest: as they stand, as cards, or turned round."""
    rows = iter(sheet.rows)
    top, rows, said = with_said_above(TRAVEL_TABLE, list(islice(rows, _PEEK)), rows)
    if form := _form_of(sheet, top, reading):
        _look_above(form, top, reading)
        for name, value in said.items():
            reading.notice(f"{form.place}：表头上面写着“{name}：{value}”，下面每一条都照此读取")
        return form, top, rows
    more = list(islice(rows, MOST_ROWS))
    are_few = len(more) < MOST_ROWS and not describes_fields(top)
    cards = card_rows(TRAVEL_TABLE, [*top, *more]) if are_few else []
    if form := _form_of(sheet, cards, reading, is_of_cards=True):
        return form, cards, iter(())
    if len(top) < _PEEK:
        turned = turned_rows(top)
        if form := _form_of(sheet, turned, reading, is_turned=True):
            return form, turned, iter(())
    return None, top, chain(more, rows)


def _look_above(form: Form, top: Sequence[NumberedRow], reading: Reading) -> None:
    """Refuse plates above the header, which would be lost; say that a text there names some. Raises RiskFileError."""
    for number, cells in top:
        texts = [cell for cell in cells if number < form.ends_at and PLATE_LIKE.search(cell)]
        if not texts or any(map(EXAMPLE.match, cells)):
            continue
        if any(map(WHOLE_PLATES.fullmatch, texts)):
            raise RiskFileError(
                f"{form.place}：第 {number} 行有号牌，但它在表头（第 {form.ends_at} 行）上面；"
                "请把它移到表头下面，或另存为一个文件"
            )
        reading.notice(f"{form.place}：第 {number} 行的文字里写着号牌，没有读取；要列入的请各写一行")


def travel_form(reading: Reading) -> FormKind:
    needs: tuple[tuple[Field, ...], ...] = ((Field.PLATE,), _AREAS, _WHENS)
    return FormKind(TRAVEL_TABLE, Field.PLATE, needs if reading.source else (*needs, (Field.SOURCE,)))


def _form_of(
    sheet: Sheet,
    top: list[NumberedRow],
    reading: Reading,
    *,
    is_turned: bool = False,
    is_of_cards: bool = False,
) -> Form | None:
    kind = travel_form(reading)
    confirmed = _confirmed(kind, top, reading)
    found = find_form(kind, top, {**confirmed, **reading.bindings})
    if found is None:
        return None
    unread = unread_columns(found, reading.bindings, confirmed)
    known = replace(found, file=sheet.file, sheet=sheet.name, delimiter=sheet.delimiter)
    dated = only_day(cell for number, cells in top if number < found.ends_at for cell in cells)
    form = replace(known, unread=unread, is_turned=is_turned, is_of_cards=is_of_cards, dated=dated)
    reading.form_found(form)
    parts = parts_of(form)
    for part in parts:
        require_clear(kind, part.form)
    reading.notice(f"{form.place}：{understood(form)}{repeated_words(parts)}")
    return form


def _confirmed(kind: FormKind, top: list[NumberedRow], reading: Reading) -> Bindings:
    """Return what was confirmed of this form; one with two header rows is known by both."""
    guessed = find_form(kind, top, {})
    whole = [guessed.headers] if guessed else []
    kept = (reading.remembered(fingerprint_of(headers)) for headers in (*whole, *(cells for _, cells in top)))
    return next(filter(None, kept), {})


def understood(form: Form) -> str:
    """Return what was made of the header, and which columns nobody reads."""
    named = list(zip(form.fields, form.headers, strict=True))
    prefix = next((name for field, name in named if field is Field.PLATE_PREFIX), "")
    used = [(field, name) for field, name in named if _is_used(form, field) and field is not Field.PLATE_PREFIX]
    told = [
        f"号牌←{prefix}＋{name}（两列合成）" if prefix and field is Field.PLATE else f"{FIELD_NAMES[field]}←{name}"
        for field, name in used
        if field is not None
    ]
    words = "，".join(dict.fromkeys(told))
    left = "、".join(name for field, name in named if name and not _is_used(form, field))
    where = f"第 {form.ends_at} 行是表头"
    if form.is_of_cards:
        where = "一辆车一张卡片，名称在左、内容在右，下面说第几行就是号牌所在的行"
    if form.is_turned:
        where = f"竖排的表，左起第 {form.ends_at} 列是列名，一列一条记录，下面说第几行就是左起第几列"
    return f"{where}：{words}" + (f"；没有读取的列：{left}" if left else "")


def _is_used(form: Form, field: Field | None) -> bool:
    if field in (None, Field.PERSONAL, Field.NUMBER, Field.NOTE):
        return False
    if field is Field.STAY:
        return not form.has(Field.FROM)
    return field is not Field.ADDRESS or not form.has(Field.AREA, Field.AREA_CODE)


def _without_header(sheet: Sheet, top: list[NumberedRow], rows: Iterator[NumberedRow], reading: Reading) -> str:
    """Return that a sheet was passed over. Raises RiskFileError where it holds plates: they must not be lost."""
    place = f"{sheet.file} 工作表“{sheet.name}”" if sheet.name else sheet.file
    if describes_fields(top):
        return f"{place}：是各字段的说明，里面的号牌是示例，没有读取"
    for number, cells in chain(top, rows):
        if any(map(names_a_plate, cells)) and not any(map(EXAMPLE.match, cells)):
            if form := likely_header([row for row in top if row[0] < number]):
                reading.form_found(replace(form, file=sheet.file, sheet=sheet.name, delimiter=sheet.delimiter))
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
        parts = [(part, Layout(table, part.form, reading.source)) for part in parts_of(table)]
        found = records(table, rows, keys, reading.notice, begins_table)
        if len(parts) == 1:  # as nearly always, a million rows long
            row = parts[0][1].row
            for number, cells in found:
                yield row(number, cells)
        else:
            for number, cells in found:
                yield from _rows_beside(parts, number, cells, reading)
        if copied := sum(layout.copied_rows for _, layout in parts):
            reading.notice(f"{table.place}：{copied} 条记录写着“同上”之类，照上一条记录读取")
        if dated := sum(layout.dated_rows for _, layout in parts):
            reading.notice(f"{table.place}：{dated} 条记录写着“近几天”之类，按表头上面的日期 {table.dated} 为止读取")
        top = list(islice(rows, HEADER_ROWS))
        table = _form_of(sheet, top, reading) if top else None
        rows.give_back([row for row in top if table is None or row[0] > table.ends_at])


def _rows_beside(
    parts: Sequence[tuple[Part, Layout]], number: int, cells: list[str], reading: Reading
) -> Iterator[TravelRow]:
    """Yield the records of a row that holds several; those that were not filled in are none, but one has to be."""
    filled = [(part, layout) for part, layout in parts if _texts_of(part, cells)]
    for part, layout in filled or parts[:1]:
        header = [part.form.headers[place] for place in part.own]
        plates = [cells[place] for place in part.own if part.form.fields[place] is Field.PLATE and place < len(cells)]
        texts = _texts_of(part, cells)
        if part.has_plate and len(header) > 1 and texts and (why := why_no_record(texts, header, plates)):
            where = f"第 {number} 行“{header[0]}”（第 {part.own[0] + 1} 列起）"
            reading.notice(f"{part.form.place}：{where}{why}，没有读取")
        else:
            yield layout.row(number, list(cells))


def _texts_of(part: Part, cells: list[str]) -> list[str]:
    own = (cells[place].strip() for place in part.own if place < len(cells))
    return [text for text in own if text and text not in NO_TRAILER]


def bindings_of(said: Mapping[str, str]) -> dict[str, Field | None]:
    """Return what a steward said, by header key. Raises ValueError for a field that is none."""
    known = {field.value: field for field in Field} | {name: field for field, name in FIELD_NAMES.items()}
    bindings: dict[str, Field | None] = {}
    for header, meaning in said.items():
        if meaning not in known and meaning != "-":
            raise ValueError(f"“{meaning}”不是字段；可用：{'、'.join(FIELD_NAMES.values())}，或 - 表示略过这一列")
        bindings[header_key(header)] = known.get(meaning)
    return bindings
