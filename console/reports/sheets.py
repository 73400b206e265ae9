"""Sheets for Excel and WPS. Every text cell is text, whatever it looks like: a formula in a note runs nowhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TypeAlias

import xlsxwriter

from riskdb.types import BEIJING

Cell: TypeAlias = str | int | float | datetime | None
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_CHARACTERS = 32_000
_AS_TEXT = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    head: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """Return the sheets as one XLSX file; times are in Beijing time."""
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer, _AS_TEXT) as book:
        bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name[:31])
            page.freeze_panes(1, 0)
            for column, words in enumerate(sheet.head):
                page.write_string(0, column, words, bold)
                page.set_column(column, column, max(10, 2 * len(words) + 2))
            for line, row in enumerate(sheet.rows, start=1):
                for column, cell in enumerate(row):
                    _write(page, line, column, cell, moment)
    return buffer.getvalue()


def _write(page: xlsxwriter.worksheet.Worksheet, line: int, column: int, cell: Cell, moment: object) -> None:
    if isinstance(cell, datetime):
        page.write_datetime(line, column, cell.astimezone(BEIJING).replace(tzinfo=None), moment)
    elif isinstance(cell, str):
        page.write_string(line, column, cell[:_MOST_CHARACTERS])
    elif cell is not None:
        page.write_number(line, column, cell)
