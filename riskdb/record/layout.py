"""Where the cells of a travel record stand in a row: in one column, in two, or in the row above."""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter

from riskdb.record.judging import RowOrigin, TravelRow
from riskdb.record.mapping.body import fault_of, unread_fault
from riskdb.record.mapping.ditto import DITTO, MARKS, copied_down, copied_from_left
from riskdb.record.mapping.fields import AREA_PARTS, Field
from riskdb.record.mapping.forms import Form
from riskdb.record.values.day_of import is_clock
from riskdb.record.values.joined_plate import is_prefix, joined_plate
from riskdb.record.values.last_days import spelt_out
from riskdb.record.values.problem import CellProblem

_AREA_LIKE = re.compile("[省市区县旗州盟镇乡村]$|街道|社区")
_IDLE = (None, Field.PERSONAL, Field.NUMBER, Field.NOTE)
NO_TRAILER = frozenset({"无", "无挂", "无挂车", "没有", "空", "是", "否", "有", "/", "-", "--", "—", "——", "\\"})


class Layout:
    """Where the cells of a travel record stand in a row."""

    def __init__(self, whole: Form, form: Form, source: str) -> None:
        """`form` is `whole` or the part of it that makes one record of a row."""
        self._form = whole
        self._source = source
        self._width = len(form.headers)
        self._above: Sequence[str] = ()
        self.copied_rows = 0
        """In which 同上 was read."""
        self._dated = form.dated
        self.dated_rows = 0
        """In which 近14天 was read."""
        self._used = frozenset(place for place, field in enumerate(form.fields) if field not in _IDLE)
        self._prefixes, self._rest = _plate_parts(form)
        self._plates = form.columns(Field.PLATE, Field.TRAILER)
        self._classes = form.columns(Field.PLATE_CLASS)
        self._types = form.columns(Field.VEHICLE_TYPE)
        self._codes, self._areas = form.columns(Field.AREA_CODE), form.columns(Field.AREA)
        self._parts = form.columns(*AREA_PARTS[:-1])
        self._parts_of_area = frozenset(self._parts)
        self._rest_of_area = _unnamed_right_of(form, (*self._areas, *self._parts))
        lower = frozenset(form.columns(Field.STREET, Field.VILLAGE))
        self._has_lower_parts_only = bool(self._areas) and 0 < len(self._parts) == len(lower)
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
            problem = unread_fault(form, cells)
        cells += [""] * (width + 1 - len(cells))
        if not MARKS.isdisjoint(cells):
            problem = problem or self._copied(cells)
        if self._dated and ("近" in joined or "过去" in joined or "内" in joined):
            self._spell_out_days(cells)
        self._above = cells
        if self._pick and "'" not in joined and "=" not in joined:
            plate, kind, area, begin, end, source = self._pick(cells)
            return TravelRow(form.file, number, plate, kind, area, begin, end, source, problem, RowOrigin(form, cells))
        try:
            plate = self._plate(cells)
        except CellProblem as error:
            plate, problem = "", problem or str(error)
        return TravelRow(
            form.file, number, plate, self._class(cells), self._area(cells),
            self._begin(cells), _text(cells, self._until), _text(cells, self._sources) or self._source, problem,
            RowOrigin(form, cells),
        )  # fmt: skip

    def _plain_pick(self) -> Callable[[list[str]], tuple[str, ...]] | None:
        """Return what takes all cells of a record at once, where each has one column and nothing is put together."""
        places = (self._plates, self._classes, (*self._codes, *self._areas), self._from, self._until, self._sources)
        if (
            self._types
            or self._prefixes
            or self._rest
            or self._parts
            or self._days
            or self._addresses
            or self._rest_of_area
            or any(len(one) > 1 for one in places)
            or not self._sources
        ):
            return None
        # A column that the form lacks is read from the empty cell behind the last one.
        return itemgetter(*(one[0] if one else self._width for one in places))

    def _copied(self, cells: list[str]) -> str:
        """Put what cells speak of that say 同上 or 同左; return what is wrong where nothing stands there."""
        marked = [place for place in copied_down(cells, self._above) if place in self._used]
        self.copied_rows += bool(marked)
        for place in marked:
            if cells[place] in DITTO:
                return f"{self._form.headers[place]}“{cells[place]}”：上面没有可以照抄的格；请写出来"
        for place in copied_from_left(cells, self._form.fields):
            if place in self._used:
                return f"{self._form.headers[place]}“{cells[place]}”：左边一列是另一回事，不能照抄；请写出来"
        return ""

    def _spell_out_days(self, cells: list[str]) -> None:
        """Write 近14天 as its days, until the one that stands above the header."""
        for place in dict.fromkeys((*self._from, *self._until)):
            if self._dated and (days := spelt_out(cells[place], self._dated)) != cells[place]:
                cells[place] = days
                self.dated_rows += 1

    def _plate(self, cells: list[str]) -> str:
        main, *others = (plain(cells[place]) for place in self._plates)
        for place in self._prefixes:
            # 河南 in a column of provinces speaks of the area as likely; 豫 does not, where the plate lacks it.
            if place not in self._parts_of_area or (is_prefix(cells[place]) and main.isascii()):
                main = joined_plate(cells[place], main)
        if is_prefix(main) and (others or self._rest):
            rest = others.pop(0) if others else plain(cells[self._rest or 0])
            main = joined_plate(main, rest)
        trailers = (text for text in others if text and text.strip() not in NO_TRAILER)
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
        of_plate = [place for place in self._prefixes if is_prefix(cells[place]) and cells[self._plates[0]].isascii()]
        places = [place for place in (*self._parts, *self._addresses) if place not in of_plate]
        parts = [cells[place].strip() for place in places if cells[place].strip()]
        if self._has_lower_parts_only:  # a street lies in the area beside it
            parts, whole = [whole, *parts], ""
        words = whole if parts and whole and parts[-1] in whole else "".join([*parts, whole])
        words += "".join(rest for place in self._rest_of_area if _AREA_LIKE.search(rest := cells[place].strip()))
        return f"{code} {words}".strip() if code else words


def _plate_parts(form: Form) -> tuple[tuple[int, ...], int | None]:
    """Return where the first characters of a plate may stand, and where the rest of one that is cut in two."""
    plate = form.columns(Field.PLATE)[0]
    before = plate > 0 and form.fields[plate - 1] is Field.PROVINCE
    behind = plate + 1 if plate + 1 < len(form.fields) and not form.headers[plate + 1] else None
    return (*form.columns(Field.PLATE_PREFIX), *((plate - 1,) if before else ())), behind


def _unnamed_right_of(form: Form, places: Sequence[int]) -> tuple[int, ...]:
    """Return the columns without a name beside these: 地区 over two columns, of which a text file keeps one name."""
    right = (place + 1 for place in places if place + 1 < len(form.headers))
    return tuple(place for place in right if not form.headers[place] and form.fields[place] is None)


def _text(cells: list[str], places: tuple[int, ...], glue: str = " ") -> str:
    if len(places) == 1:
        return plain(cells[places[0]])
    return glue.join(dict.fromkeys(text for place in places if (text := plain(cells[place]))))


def plain(cell: str) -> str:
    """Return a cell without what spreadsheets put around a text to keep it one: '370211 and ="370211"."""
    if cell[:1] == "'":
        return cell[1:].removesuffix("'")
    return cell[2:-1] if cell[:2] == '="' and cell.endswith('"') and cell.count('"') == 2 else cell
