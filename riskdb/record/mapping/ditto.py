"""Cells that say: as in the row above, or as in the cell at the left."""

from collections.abc import Sequence

from riskdb.record.mapping.fields import AREA_PARTS, Field

_WORDS = (
    "同上",
    "上同",
    "同前",
    "同上行",
    "同上一行",
    "同上格",
    "ditto",
    "Ditto",
    "DITTO",
    "do.",
    "〃",
    "″",
    "〞",
    '"',
    "''",
    '""',
    "＂",
    "”",
    "“",
)
_BRACKETED = [left + word + right for word in _WORDS[:4] for left, right in ("（）", "()")]
_BLANKS_BESIDE = [
    word for same in _WORDS[:4] for word in (f" {same}", f"{same} ", f" {same} ", f"　{same}", f"　　{same}")
]
DITTO = frozenset((*_WORDS, *_BRACKETED, *_BLANKS_BESIDE, "同上。", "——同上", "--〃--", "—〃—"))


_LEFT_WORDS = ("同左", "左同", "同左格", "同左列")
LEFT = frozenset((*_LEFT_WORDS, *(f"（{word}）" for word in _LEFT_WORDS), *(f"({word})" for word in _LEFT_WORDS)))
MARKS = DITTO | LEFT


def copied_down(cells: list[str], above: Sequence[str]) -> list[int]:
    """Put what stands above where cells say so, and return where that is; a mark with nothing above it stays."""
    marked = [place for place, cell in enumerate(cells) if cell in DITTO]
    for place in marked:
        cells[place] = (above[place] if place < len(above) else "") or cells[place]
    return marked


_AREAS = frozenset({Field.AREA, Field.AREA_CODE, *AREA_PARTS})
_ALIKE: tuple[frozenset[Field], ...] = (
    _AREAS,
    frozenset({Field.PLATE_CLASS, Field.VEHICLE_TYPE}),
    frozenset({Field.FROM, Field.TO, Field.STAY}),
    frozenset({Field.FROM_TIME, Field.TO_TIME, Field.STAY_TIME}),
)
"""Columns of which one can say the same as the one at its left."""


def copied_from_left(cells: list[str], fields: Sequence[Field | None]) -> list[int]:
    """Put what stands at the left where cells say so; return where that cannot be, for the left is another matter."""
    refused = []
    for place, field in enumerate(fields[: len(cells)]):
        if cells[place].strip() not in LEFT:
            continue
        pair = {field, fields[place - 1]} if place else set()
        if not any(pair <= alike for alike in _ALIKE) or not pair:
            refused.append(place)
        elif field in _AREAS:
            cells[place] = ""  # 东莞市, 同左: no county lies between it and its towns
        else:
            cells[place] = cells[place - 1]
    return refused
