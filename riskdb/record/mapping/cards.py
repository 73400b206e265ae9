"""Cards: names with their values at the right, a few of each in a row, a vehicle on each card; and what stands above a
table for all of its rows: 途经地区：青岛市黄岛区."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from riskdb.record.mapping.body import EXAMPLE
from riskdb.record.mapping.fields import AREA_PARTS, MANY, Field, SynonymTable
from riskdb.record.mapping.forms import HEADER_ROWS
from riskdb.record.mapping.plate_like import PLATE_LIKE
from riskdb.record.tables.sheets import MAX_COLUMNS, NumberedRow

MOST_ROWS = 3_000
"""A sheet with more is no sheet of cards."""
_NAME = re.compile(r"[^\d:：]{1,12}(?<![省市区县旗镇乡村道])")
"""A name of ours or of somebody else; no second part of an area."""
_NAMED = re.compile(r"\s*([^\d:：]{1,16})[:：]\s*(\S.*)", re.DOTALL)
_JOINING = frozenset({"至", "到", "-", "—", "~", "起", "止"})
_AREAS: frozenset[Field | None] = frozenset({Field.AREA, Field.AREA_CODE, *AREA_PARTS})
_TIMES: frozenset[Field | None] = frozenset({Field.FROM, Field.TO, Field.STAY, Field.DAY, Field.FROM_TIME})
_SOURCES: frozenset[Field | None] = frozenset({Field.SOURCE})
_FOR_ALL = _AREAS | _SOURCES | {Field.FROM, Field.TO, Field.STAY}
_OF_THE_STAY = re.compile(
    "途经|途径|涉疫|疫情|疫区|风险|停留|到访|旅居|逗留|滞留|经过|活动|轨迹|行程|经停|到达|抵达|离开|驶离"
)
"""Names that speak of the vehicles; 地区 or 时间 above a table may be those of the letter and of who writes it."""
_TWO_DAYS = re.compile(
    r"\d\s*日?\s*(?:至|到|[-~—–]+)\s*(?:20\d\d|\d{1,2}\s*[月日./-])|^最?近.+[天日周]|^过去.+[天日周]"
)


@dataclass(slots=True)
class _Card:
    """What one card says, by the name of the field as it is written."""

    number: int
    cells: dict[str, str] = field(default_factory=dict)


class _NoCardError(Exception):
    """The sheet is no sheet of cards."""


def card_rows(synonyms: SynonymTable, rows: Sequence[NumberedRow]) -> list[NumberedRow]:
    """Return a table of the cards, its header first; empty where the sheet is none of cards, or nobody can be sure."""
    if not any(PLATE_LIKE.search(cell) for _, cells in rows for cell in cells):
        return []
    try:
        cards = list(_cards(synonyms, rows))
    except _NoCardError:
        return []
    if not cards:
        return []
    names = list(dict.fromkeys(name for card in cards for name in card.cells))
    table = [(card.number, [card.cells.get(name, "") for name in names]) for card in cards]
    return [(0, names), *table]


def _cards(synonyms: SynonymTable, rows: Sequence[NumberedRow]) -> Iterator[_Card]:
    card: _Card | None = None
    known: set[Field | str] = set()
    for number, cells in rows:
        pairs = list(_pairs(synonyms, [cell.strip() for cell in cells]))
        kinds = [kind for kind, _, _ in pairs if isinstance(kind, Field) and kind not in MANY]
        if len(set(kinds)) < len(kinds):  # two cards side by side, or a header
            raise _NoCardError
        if card is not None and known & set(kinds):
            yield _whole(card, synonyms)
            card, known = None, set()
        for kind, name, value in pairs:
            card = card or _Card(number)
            card.cells[name] = value
            card.number = number if kind is Field.PLATE else card.number
            known.add(kind)
    if card is not None:
        yield _whole(card, synonyms)


def _whole(card: _Card, synonyms: SynonymTable) -> _Card:
    plates = [value for name, value in card.cells.items() if synonyms.field_of(name) is Field.PLATE]
    if not plates or not PLATE_LIKE.match(plates[0]) or EXAMPLE.match(plates[0]):
        raise _NoCardError
    return card


def _pairs(synonyms: SynonymTable, cells: Sequence[str]) -> Iterator[tuple[Field | str, str, str]]:
    """Yield field, name and value of what a row says; a row of a title or a signature says nothing."""
    parts = list(_parts(synonyms, cells))
    if not any(isinstance(kind, Field) for kind, _ in parts):
        if any(PLATE_LIKE.search(text) for _, text in parts):
            raise _NoCardError
        return
    place = 0
    while place < len(parts):
        kind, name = parts[place]
        value = ""
        if place + 1 < len(parts) and parts[place + 1][0] is None:
            value = parts[place + 1][1]
        if kind is None and (not _is_other_name(name, value) or (place and not value)):
            raise _NoCardError
        place += bool(value)
        if kind is not None:
            yield kind, name, value
        place += 1


def _is_other_name(name: str, value: str) -> bool:
    """Whether a text can be the name of what no list needs, and not the rest of the value before it."""
    return _NAME.fullmatch(name) is not None and name not in _JOINING and not PLATE_LIKE.search(value)


def _parts(synonyms: SynonymTable, cells: Sequence[str]) -> Iterator[tuple[Field | None, str]]:
    """Yield names, with their field, and what are none, from left to right; one that is merged over cells once."""
    before = ""
    for cell in cells:
        if not cell or cell == before:
            continue
        before = cell
        if (named := _NAMED.fullmatch(cell)) and (kind := synonyms.field_of(named[1])):
            yield kind, named[1].strip()
            yield None, named[2].strip()
        else:
            yield _field_of_name(synonyms, cell), cell.rstrip(":： ")


def _field_of_name(synonyms: SynonymTable, cell: str) -> Field | None:
    return None if any(map(str.isdigit, cell)) or len(cell) > 20 else synonyms.field_of(cell)


def with_said_above(
    synonyms: SynonymTable, top: list[NumberedRow], rows: Iterator[NumberedRow]
) -> tuple[list[NumberedRow], Iterator[NumberedRow], Mapping[str, str]]:
    """Return the rows with what stands above the header for all of them as further columns, and what that is."""
    below = [*(cells for _, cells in top[1:]), []]
    head = next((place for place, (_, cells) in enumerate(top) if _is_head(synonyms, cells, below[place])), None)
    said = _said_above(synonyms, top[:head]) if head else {}
    if not head or not said:
        return top, rows, {}
    kinds = {synonyms.field_of(cell) for _, cells in top[head : head + HEADER_ROWS] for cell in cells}
    said = {name: value for name, value in said.items() if not _is_there(synonyms.field_of(name), kinds)}
    if not said:
        return top, rows, {}
    names, values, width = list(said), list(said.values()), len(top[head][1])
    plates = [place for place, cell in enumerate(top[head][1]) if synonyms.field_of(cell) is Field.PLATE]

    def filled(row: NumberedRow) -> NumberedRow:
        number, cells = row
        has_plate = any(place < len(cells) and re.search(r"\d", cells[place]) for place in plates)
        return (number, [*cells, *[""] * (width - len(cells)), *values]) if has_plate else row

    header = (top[head][0], [*top[head][1], *names])
    return [*top[:head], header, *map(filled, top[head + 1 :])], map(filled, rows), said


def _is_head(synonyms: SynonymTable, cells: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row can only be the header of a table: it names plates and holds none. A title has one cell, too."""
    named = [cell for cell in cells if cell.strip()]
    return (
        len(named) < MAX_COLUMNS
        and (len(named) > 1 or any(map(PLATE_LIKE.match, below)))
        and any(synonyms.field_of(cell) is Field.PLATE for cell in named)
        and not any(PLATE_LIKE.search(cell) or ":" in cell or "：" in cell for cell in named)
    )


def _is_there(kind: Field | None, kinds: Set[Field | None]) -> bool:
    """Whether a table has columns for what stands above it, too."""
    return any(kind in alike and bool(kinds & alike) for alike in (_AREAS, _TIMES, _SOURCES))


def _said_above(synonyms: SynonymTable, rows: Sequence[NumberedRow]) -> dict[str, str]:
    """Return name and value of what these rows say of all records; of what is said twice, nothing."""
    found: dict[Field | None, list[tuple[str, str]]] = {}
    for _, cells in rows:
        for cell in dict.fromkeys(cell.strip() for cell in cells[:MAX_COLUMNS]):
            for part in re.split(r"\s{2,}|[;；\n]", cell):
                if (named := _NAMED.fullmatch(part)) and _is_of_all(
                    kind := synonyms.field_of(named[1]), *named.groups()
                ):
                    found.setdefault(kind, []).append((named[1].strip(), named[2].strip()))
    return dict(pairs[0] for pairs in found.values() if len(set(pairs)) == 1)


def _is_of_all(kind: Field | None, name: str, value: str) -> bool:
    if kind is Field.STAY and _TWO_DAYS.search(value):
        return True
    return kind is Field.SOURCE or (kind in _FOR_ALL and _OF_THE_STAY.search(name) is not None)
