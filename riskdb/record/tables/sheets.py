"""What every reader gives: sheets of numbered rows of text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

MAX_UNPACKED_BYTES = 600_000_000
"""A sheet of 1,000,000 travel records unpacks to about 250 MB; more is a mistake or a zip bomb."""
MAX_ROWS = 5_000_000
MAX_CELLS = 20_000_000
"""Of one sheet, blank ones within its borders counted: the reader of spreadsheets holds them all, 32 bytes each."""
MAX_COLUMNS = 1_000

NumberedRow: TypeAlias = tuple[int, list[str]]
"""The row's number as a spreadsheet shows it, from 1, and its cells."""
Notice: TypeAlias = Callable[[str], None]
"""Takes a sentence about something in a file that was passed over or read in spite of being hidden."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a file. The rows can be read once."""

    file: str
    """The file's name for people; in an archive with the archive's name before it."""
    name: str
    """Empty where a file of this format is one table."""
    rows: Iterable[NumberedRow]
    delimiter: str = ""
    """What parts the cells in the file, empty where cells are parted by the format itself."""


class SheetReader(Protocol):
    """Reads one format."""

    def __call__(self, source: "SourceFile", notice: Notice) -> Iterator[Sheet]:
        """Yield the sheets. Raises RiskFileError, naming the file and what to do."""
        ...


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read, and its name for people."""

    path: Path
    name: str


def number_text(value: float) -> str:
    """Return a number cell as text; one with more digits than a spreadsheet keeps stays in its E notation."""
    if abs(value) >= 1e15:
        return f"{value:.14E}"
    return str(int(value)) if value == int(value) else repr(round(value, 10))
