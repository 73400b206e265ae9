"""What `kakou risk import` says of single rows: the report, the first problems, the faulty rows as a spreadsheet."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from kakou.commands.risk_output import ZoneTimes
from kakou.exit_codes import ExitCode
from riskdb.exporting import CsvSheet, masked_plate
from riskdb.record.coverage import NOBODY_WORDS
from riskdb.record.faulty import FaultyRows
from riskdb.record.importing import ImportResult, JudgedRow, RowOutcome
from riskdb.record.receipts import OUTCOME_NAMES

SHOWN_INVALID = 20
SHOWN_SAMPLE = 5
REPORT_HEADER = ("文件", "工作表", "行", "结果", "号牌", "说明")


class RowReporter:
    """Writes every row to the report and the first invalid ones to the messages."""

    def __init__(self, sheet: CsvSheet | None, console: Console) -> None:
        self._sheet = sheet
        self._console = console
        self._faulty = FaultyRows()
        self._sample: list[JudgedRow] = []

    def add(self, row: JudgedRow) -> None:
        if self._sheet is not None:
            why = "" if row.lists_nobody is None else f"目前不列任何车辆：{NOBODY_WORDS[row.lists_nobody]}"
            detail = "；".join(filter(None, (row.detail, why)))
            self._sheet.add((row.file, row.sheet, str(row.number), OUTCOME_NAMES[row.outcome], row.plate, detail))
        if row.outcome is RowOutcome.INVALID:
            self._faulty.add(row)
            if self._faulty.count <= SHOWN_INVALID:
                where = f" 工作表“{row.sheet}”" if row.sheet else ""
                told = f"{row.file}{where} 第 {row.number} 行无效：{row.detail}"
                self._console.print(told, soft_wrap=True, markup=False)

        elif row.travel is not None and len(self._sample) < SHOWN_SAMPLE:
            self._sample.append(row)

    def show_sample(self, times: ZoneTimes | None) -> None:
        """Show how the first rows were understood, so that a person sees a column taken for another one."""
        if times is None or not self._sample:
            return
        head = ("行", "号牌", "种类", "地区", "到达", "离开（不含）", "来源")
        table = Table(*head, title=f"前 {len(self._sample)} 行读成这样（时间为 {times.label}）")
        for row in self._sample:
            if (travel := row.travel) is not None:
                stay = times.of_epoch(travel.visited_from), times.of_epoch(travel.visited_until)
                table.add_row(
                    str(row.number), masked_plate(travel.plate), travel.plate_class, travel.area, *stay, travel.source
                )
        self._console.print(table)

    def write_faulty(self, path: Path | None) -> None:
        """Write the faulty rows as they came, with a column that says what is wrong. Raises RiskFileError."""
        if path is not None and self._faulty.count:
            self._faulty.write(path)
            self._console.print(f"有误的行已写入 {path}", soft_wrap=True, markup=False)

    def conclude(self, result: ImportResult) -> None:
        """End the command with exit code 3 when rows were invalid."""
        if not self._faulty.count:
            return
        verdict = "其余已导入" if result.is_applied else "未导入任何记录（--skip-invalid 可跳过无效行）"
        self._console.print(f"共 {self._faulty.count} 行无效，{verdict}")
        raise typer.Exit(ExitCode.UNREADABLE)
