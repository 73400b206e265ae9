"""What `kakou risk import` says of single rows: the report, the first problems, the faulty rows as a spreadsheet."""

from pathlib import Path

import typer
from rich.console import Console

from kakou.exit_codes import ExitCode
from riskdb.exporting import CsvSheet
from riskdb.record.coverage import NOBODY_WORDS
from riskdb.record.faulty import FaultyRows
from riskdb.record.importing import ImportResult, JudgedRow, RowOutcome

SHOWN_INVALID = 20


class RowReporter:
    """Writes every row to the report and the first invalid ones to the messages."""

    def __init__(self, sheet: CsvSheet | None, console: Console) -> None:
        self._sheet = sheet
        self._console = console
        self._faulty = FaultyRows()

    def add(self, row: JudgedRow) -> None:
        if self._sheet is not None:
            why = "" if row.lists_nobody is None else f"目前不列任何车辆：{NOBODY_WORDS[row.lists_nobody]}"
            detail = "；".join(filter(None, (row.detail, why)))
            self._sheet.add((row.file, str(row.number), row.outcome.value, row.plate, detail))
        if row.outcome is RowOutcome.INVALID:
            self._faulty.add(row)
            if self._faulty.count <= SHOWN_INVALID:
                where = f" 工作表“{row.sheet}”" if row.sheet else ""
                told = f"{row.file}{where} 第 {row.number} 行无效：{row.detail}"
                self._console.print(told, soft_wrap=True, markup=False)

    def write_faulty(self, path: Path) -> None:
        """Write the faulty rows as they came, with a column that says what is wrong. Raises RiskFileError."""
        if self._faulty.count:
            self._faulty.write(path)
            self._console.print(f"有误的行已写入 {path}", soft_wrap=True, markup=False)

    def conclude(self, result: ImportResult) -> None:
        """End the command with exit code 3 when rows were invalid."""
        if not self._faulty.count:
            return
        verdict = "其余已导入" if result.is_applied else "未导入任何记录（--skip-invalid 可跳过无效行）"
        self._console.print(f"共 {self._faulty.count} 行无效，{verdict}")
        raise typer.Exit(ExitCode.UNREADABLE)
