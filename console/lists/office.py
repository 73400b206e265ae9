"""The risk list as the console reaches it: try a file, apply a file, take a vehicle off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from console.lists.areas import AreaOffice
from console.lists.vehicles import VehicleOffice
from riskdb.feed.answers import FeedNotice, Taken
from riskdb.record.mapping.fields import FIELD_NAMES, OF_PERMITS, Field

COLUMN_MEANINGS = {
    field.value: FIELD_NAMES[field]
    for field in Field
    if field not in (Field.LEVEL, Field.NAME, Field.CODE) and field not in OF_PERMITS
}
"""What a column of travel records can mean, for people."""


class ReportedRow(BaseModel):
    """A row that somebody should look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    outcome: str
    detail: str


class SampleRow(BaseModel):
    """How a row was understood, and what it is against the list; the plate is masked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    plate: str
    plate_class: str
    area: str
    area_name: str = ""
    """From the province down; empty where the table of divisions lacks the area."""
    arrived: datetime
    left: datetime
    """Exclusive."""
    source: str
    outcome: str = ""


class FormReport(BaseModel):
    """What the columns of one form mean, as they were understood or as a steward says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str
    headers: tuple[str, ...]
    fields: tuple[str, ...]
    """Of each column its meaning, "" where it is passed over."""
    is_known: bool
    """A steward has confirmed it before, or its columns bear the documented names."""


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
    sample: tuple[SampleRow, ...] = ()
    """Of a try: the first rows that were understood, and others drawn by lot; all of them where they are few."""
    is_applied: bool = False
    notices: tuple[str, ...] = ()
    """What was understood of the file, and what was passed over."""
    listing: tuple[int, int, int] | None = None
    """Of a try: vehicles that the list would gain, lose and keep."""
    import_number: int | None = None
    """By which the record knows an applied file."""
    forms: tuple[FormReport, ...] = ()
    problem: str = ""
    """Why no row could be read before a steward says what the columns mean."""
    source: str = ""
    """Who says so, where the file has no column for it."""

    @property
    def is_understood(self) -> bool:
        """Whether every form in the file is known or confirmed."""
        return not self.problem and all(form.is_known for form in self.forms)


class FeedOffice(Protocol):
    def take(self, headers: Mapping[str, str], body: bytes) -> Taken:
        """Take a signed batch of travel records, once. Raises RiskDBError."""
        ...

    def notices(self) -> list[FeedNotice]:
        """Return what feeds did in the last day that is not usual. Raises RiskDBError."""
        ...


class ListOffice(Protocol):
    @property
    def areas(self) -> AreaOffice: ...
    @property
    def vehicles(self) -> VehicleOffice: ...
    @property
    def feeds(self) -> FeedOffice: ...

    def try_file(self, path: Path, name: str, source: str = "") -> FileReport:
        """Judge every row and change nothing. Raises RiskDBError."""
        ...

    def apply_file(self, path: Path, name: str, actor: str, source: str = "") -> FileReport:
        """Bring the file into the list, all of it or nothing. Raises RiskDBError."""
        ...

    def confirm_forms(self, forms: Sequence[FormReport]) -> None:
        """Remember what the columns of some forms mean. Raises RiskDBError."""
        ...

    def faulty_rows(self, path: Path, name: str, source: str = "") -> bytes:
        """Return the faulty rows as an XLSX file in their own layout, with what is wrong. Raises RiskDBError."""
        ...

    def take_back(self, import_number: int, actor: str, reason: str) -> int:
        """Take an applied file back as a whole; return how many vehicles that concerns. Raises RiskDBError."""
        ...

    def restore(self, plate: str, removed_since: datetime, actor: str, reason: str) -> int:
        """Undo what was taken off at or after a time; return how many stays that were. Raises RiskDBError."""
        ...

    def remove(self, plate: str, actor: str, reason: str) -> int:
        """Take a vehicle off the list everywhere; return how many stays that were. Raises RiskDBError."""
        ...
