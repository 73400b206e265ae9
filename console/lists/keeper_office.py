"""The list office where the record of the risk list lies on this machine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from console.lists.office import FileReport, ReportedRow
from riskdb.keeper import RiskKeeper
from riskdb.record.importing import JudgedRow, RowOutcome
from riskdb.record.travel import read_travel_rows
from riskdb.types import RiskDBError

MAX_REPORTED_ROWS = 500

OUTCOME_WORDS = {
    RowOutcome.ACCEPTED: "接受",
    RowOutcome.NORMALISED: "接受（号牌写法已规范）",
    RowOutcome.DUPLICATE: "重复，不变",
    RowOutcome.CONFLICT: "与已有记录不同，两条都计",
    RowOutcome.EXPIRED: "已过期，不收",
    RowOutcome.INVALID: "有误",
}


class KeeperOffice:
    """The list whose record lies on this machine."""

    def __init__(self, open_keeper: Callable[[], AbstractContextManager[RiskKeeper]]) -> None:
        self._open_keeper = open_keeper

    def try_file(self, path: Path) -> FileReport:
        return self._import(path, is_dry_run=True)

    def apply_file(self, path: Path) -> FileReport:
        return self._import(path, is_dry_run=False)

    def remove(self, plate: str, actor: str, reason: str) -> int:
        try:
            with self._open_keeper() as keeper:
                removed, _ = keeper.remove(plate, actor=actor, reason=reason)
        except ValueError as error:
            raise RiskDBError(str(error)) from error
        return removed

    def _import(self, path: Path, is_dry_run: bool) -> FileReport:
        reported: list[ReportedRow] = []

        def note(row: JudgedRow) -> None:
            if row.outcome is not RowOutcome.ACCEPTED and len(reported) < MAX_REPORTED_ROWS:
                words, detail = OUTCOME_WORDS[row.outcome], row.detail[:300]
                reported.append(ReportedRow(number=row.number, outcome=words, detail=detail))

        with self._open_keeper() as keeper:
            result, _ = keeper.import_rows(read_travel_rows(path), is_dry_run=is_dry_run, on_row=note)
        changing = (RowOutcome.ACCEPTED, RowOutcome.NORMALISED, RowOutcome.CONFLICT)
        return FileReport(
            counts={OUTCOME_WORDS[outcome]: count for outcome, count in result.counts.items() if count},
            new_rows=sum(result.counts[outcome] for outcome in changing),
            invalid_rows=result.counts[RowOutcome.INVALID],
            rows=tuple(reported),
            is_applied=result.is_applied,
        )
