"""CSV files for people, who open them in spreadsheets."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from riskdb.system_words import system_words
from riskdb.types import RiskFileError
from riskdb.whole_file import PRIVATE, whole_file

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Writer(Protocol):
    def writerow(self, row: Iterable[str], /) -> object: ...


def escape_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP ASVS 1.2.10)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def masked_plate(plate: str) -> str:
    """Return what tells a plate from another column, where others look on: 粤B***00."""
    return f"{plate[:2]}***{plate[-2:]}"


class CsvSheet:
    """A CSV file under construction."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer

    def add(self, cells: Sequence[str]) -> None:
        self._writer.writerow(escape_cell(cell) for cell in cells)


@contextmanager
def csv_sheet(path: Path, header: Sequence[str]) -> Iterator[CsvSheet]:
    """Yield a sheet that is at `path`, readable by its owner only, once the context closes without an error.

    Raises RiskFileError.
    """
    try:
        # Excel takes a file without the mark for GBK.
        with (
            whole_file(path, mode=PRIVATE) as partial,
            partial.open("w", encoding="utf-8-sig", newline="") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(header)
            yield CsvSheet(writer)
    except OSError as error:
        raise RiskFileError(f"{path}：写不了（{system_words(error)}）：核对路径、权限和磁盘空间") from error
