"""What became of a file, in words for whoever sent it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from riskdb.record.faulty import FaultyRows
from riskdb.record.importing import ImportResult, JudgedRow, RowOutcome

SHOWN_FAULTS = 50
OUTCOME_NAMES = {
    RowOutcome.ACCEPTED: "接受",
    RowOutcome.NORMALISED: "规范后接受",
    RowOutcome.DUPLICATE: "重复",
    RowOutcome.CONFLICT: "冲突（并存）",
    RowOutcome.REMOVED: "已更正移除（不计入）",
    RowOutcome.EXPIRED: "已过期",
    RowOutcome.INVALID: "无效",
}


@dataclass(slots=True)
class Receipt:
    """What became of one file."""

    name: str
    digest: str
    """SHA-256 of the file."""
    at: str
    """When, in words, with its zone."""
    result: ImportResult | None = None
    """None where the file could not be read."""
    problem: str = ""
    """Why nothing was taken over; empty where the file counts."""
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    faulty: FaultyRows = field(default_factory=FaultyRows)

    def add(self, row: JudgedRow) -> None:
        if row.outcome is not RowOutcome.INVALID:
            return
        self.faulty.add(row)
        if len(self.faults) < SHOWN_FAULTS:
            where = f"工作表“{row.sheet}” " if row.sheet else ""
            self.faults.append(f"{where}第 {row.number} 行：{row.detail}")

    def text(self) -> str:
        return "\n".join(
            [f"文件：{self.name}", f"校验：sha256 {self.digest}", f"时间：{self.at}", *self._outcome(), ""]
        )

    def _outcome(self) -> Sequence[str]:
        told = [f"结果：没有导入，名单没有改变。{self.problem}" if self.problem else "结果：已导入。"]
        if self.result is not None:
            counts = "，".join(f"{OUTCOME_NAMES[kind]} {count}" for kind, count in self.result.counts.items() if count)
            told += [f"行数：{counts or '没有记录'}", self.result.nobody_text()]
            if self.result.import_number is not None:
                told.append(f"编号：{self.result.import_number}（撤回：kakou risk undo {self.result.import_number}）")
        if self.faults:
            left = self.faulty.count - len(self.faults)
            more = f"（还有 {left} 行）" if left else ""
            told += [f"需要改正{more}：", *(f"  {fault}" for fault in self.faults)]
        if self.notices:
            told += ["文件是怎样读懂的：", *(f"  {notice}" for notice in self.notices[:SHOWN_FAULTS])]
        return [line for line in told if line]
