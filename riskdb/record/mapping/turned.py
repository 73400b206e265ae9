"""Tables whose names stand down the left side, with a vehicle in each column."""

from collections.abc import Sequence
from itertools import zip_longest

from riskdb.record.mapping.body import EXAMPLE
from riskdb.record.mapping.plate_like import PLATE_LIKE
from riskdb.record.tables.sheets import NumberedRow

_OF_FIELDS = frozenset({"字段", "字段名", "字段名称", "列名", "数据项", "填写项"})
"""At the top of a sheet that says how to fill in another one: its plates are examples."""


def turned_rows(rows: Sequence[NumberedRow]) -> list[NumberedRow]:
    """Return the columns as rows, numbered from the left; none where no plate stands right of the first."""
    if describes_fields(rows):
        return []
    columns = [list(column) for column in zip_longest(*(cells for _, cells in rows), fillvalue="")]
    plates = (cell for column in columns[1:] for cell in column if PLATE_LIKE.match(cell.strip()))
    if not any(not EXAMPLE.match(plate) for plate in plates):
        return []
    return list(enumerate(columns, start=1))


def describes_fields(rows: Sequence[NumberedRow]) -> bool:
    """Whether a sheet says how to fill in another one."""
    return bool(rows and rows[0][1]) and rows[0][1][0].strip() in _OF_FIELDS
