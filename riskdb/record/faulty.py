"""The faulty rows of an import as a spreadsheet in the layout in which they came, with a column 问题."""

from io import BytesIO
from pathlib import Path

import xlsxwriter

from riskdb.record.importing import JudgedRow
from riskdb.record.mapping.fields import Field
from riskdb.record.mapping.forms import Form
from riskdb.system_words import system_words
from riskdb.types import RiskFileError

MAX_KEPT = 20_000
_PROBLEM = "问题"
_SHEET_NAME_LENGTH = 31


class FaultyRows:
    """Collects faulty rows, the first of them with their cells."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: dict[Form, list[tuple[list[str], str]]] = {}

    def add(self, row: JudgedRow) -> None:
        self.count += 1
        if row.origin is not None and self.count <= MAX_KEPT:
            form = row.origin.form
            # Names, phones and identity numbers stay in the sender's file.
            pairs = zip(form.fields, row.origin.cells, strict=False)
            cells = ["" if field is Field.PERSONAL else cell for field, cell in pairs]
            self._rows.setdefault(form, []).append((cells, f"第 {row.number} 行：{row.detail}"))

    def as_xlsx(self) -> bytes:
        """Return a workbook with a sheet for each form; every cell is text, also one that looks like a formula."""
        buffer = BytesIO()
        with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
            bold = book.add_format({"bold": True})
            for number, (form, rows) in enumerate(self._rows.items(), start=1):
                sheet = book.add_worksheet(f"有误{number}"[:_SHEET_NAME_LENGTH])
                for column, header in enumerate((*form.headers, _PROBLEM)):
                    sheet.write_string(0, column, header, bold)
                for place, (cells, problem) in enumerate(rows, start=1):
                    for column, cell in enumerate([*cells, problem]):
                        sheet.write_string(place, column, cell[:32_000])
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """Raises RiskFileError."""
        try:
            path.touch(mode=0o600)
            path.write_bytes(self.as_xlsx())
        except OSError as error:
            raise RiskFileError(f"{path}：写不进去：{system_words(error)}") from error
