"""The risk list as the console reaches it: try a file, apply a file, take a vehicle off."""

from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict


class ReportedRow(BaseModel):
    """A row that somebody should look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    outcome: str
    detail: str


class FileReport(BaseModel):
    """What a file of travel records would do, or did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: dict[str, int]
    """Words of the outcome -> rows; only those that occur."""
    new_rows: int
    """Rows that change the list."""
    invalid_rows: int
    rows: tuple[ReportedRow, ...] = ()
    """The first rows that are not simply accepted."""
    is_applied: bool = False


class ListOffice(Protocol):
    def try_file(self, path: Path) -> FileReport:
        """Judge every row and change nothing. Raises RiskDBError."""
        ...

    def apply_file(self, path: Path) -> FileReport:
        """Bring the file into the list, all of it or nothing. Raises RiskDBError."""
        ...

    def remove(self, plate: str, actor: str, reason: str) -> int:
        """Take a vehicle off the list everywhere; return how many stays that were. Raises RiskDBError."""
        ...
