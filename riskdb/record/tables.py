"""Rows of text from CSV, XLSX or Parquet files that other people made."""

import codecs
import csv
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl

from riskdb.record.judging import TravelRow
from riskdb.types import RiskFileError

MAX_UNPACKED_BYTES = 600_000_000
"""A sheet of 1,000,000 travel records unpacks to about 250 MB; more is a mistake or a zip bomb."""
MAX_ROWS = 5_000_000
ENCODINGS = ("utf-8-sig", "gb18030")


class TableRow(NamedTuple):
    """One row; a cell that is not there is empty. A tuple, because files have a million of them."""

    file: str
    number: int
    """As a spreadsheet counts: the header is row 1."""
    cells: tuple[str, ...]
    """In the order of the columns asked for."""
    problem: str
    """Why the row cannot be right, or empty."""


TRAVEL_COLUMNS = {
    "plate": True,
    "plate_class": False,
    "area": True,
    "from": True,
    "to": True,
    "source": True,
    "note": False,
}
"""A note is accepted and not kept: it could hold anything."""


def read_travel_rows(path: Path) -> Iterator[TravelRow]:
    """Yield the travel records of a file. Raises RiskFileError when it cannot be read or has other columns."""
    for row in read_table(path, TRAVEL_COLUMNS):
        plate, plate_class, area, start, end, source, _ = row.cells
        yield TravelRow(row.file, row.number, plate, plate_class, area, start, end, source, row.problem)


def read_table(path: Path, columns: Mapping[str, bool]) -> Iterator[TableRow]:
    """Yield the rows of a file. `columns` says of each known column whether it must be there.

    Raises RiskFileError when the file cannot be read or has other columns.
    """
    readers = {".csv": _read_csv, ".txt": _read_csv, ".xlsx": _read_xlsx, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RiskFileError(f"{path}: unknown kind of file; give .csv, .xlsx or .parquet")
    table = reader(path)
    header = [cell.strip().lower() for cell in next(table, [])]
    positions = _positions(path, header, columns)
    # A column that the file lacks is read from the empty cell behind the last one.
    pick = itemgetter(*(len(header) if position is None else position for position in positions))
    name = path.name
    for number, cells in enumerate(table, start=2):
        if any(cells):
            problem = _problem(cells, header)
            cells += [""] * (len(header) + 1 - len(cells))
            yield TableRow(name, number, pick(cells), problem)


def _problem(cells: list[str], header: list[str]) -> str:
    if len(cells) > len(header):
        return f"the row has {len(cells)} cells, the header {len(header)}"
    joined = "".join(cells)
    if "\n" in joined and any("\n" in cell for cell, name in zip(cells, header, strict=False) if name != "note"):
        return "a cell holds several lines: is a quotation mark left open?"
    return "the row holds a NUL byte" if "\0" in joined else ""


def _positions(path: Path, header: list[str], columns: Mapping[str, bool]) -> list[int | None]:
    """Return where each known column stands in a row."""
    if unknown := sorted(set(header) - set(columns)):
        raise RiskFileError(f"{path}: unknown column {unknown[0]!r}; known: {', '.join(columns)}")
    if missing := [name for name, is_needed in columns.items() if is_needed and name not in header]:
        raise RiskFileError(f"{path}: column {missing[0]!r} is missing; the first row must name the columns")
    if twice := [name for name in columns if header.count(name) > 1]:
        raise RiskFileError(f"{path}: column {twice[0]!r} stands there twice")
    return [header.index(name) if name in header else None for name in columns]


def _read_csv(path: Path) -> Iterator[list[str]]:
    encoding = _encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, strict=True)  # lenient, an open quote swallows every row behind it
        try:
            yield from reader
        except csv.Error as error:
            raise RiskFileError(f"{path}: line {reader.line_num}: {error}") from error


def _encoding_of(path: Path) -> str:
    for encoding in ENCODINGS:
        try:
            _decode_all(path, encoding)
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise RiskFileError(f"{path}: cannot be read: {error.strerror}") from error
        return encoding
    raise RiskFileError(f"{path}: neither UTF-8 nor GB18030; save it as one of the two")


def _decode_all(path: Path, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            decoder.decode(block)
    decoder.decode(b"", final=True)


def _read_xlsx(path: Path) -> Iterator[list[str]]:
    _refuse_bomb(path)
    try:
        book = fastexcel.read_excel(path)
        frame = book.load_sheet(0, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise RiskFileError(f"{path}: not a readable XLSX file: {error}") from error
    return _frame_rows(frame)


def _refuse_bomb(path: Path) -> None:
    """Look at the sizes that the file claims, then unpack it once without keeping it: claims may be lies.

    Python stops unpacking at the claimed size, and the checksum gives the lie away.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise RiskFileError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES} bytes; split it")
            if damaged := archive.testzip():
                raise RiskFileError(f"{path}: not a readable XLSX file: {damaged} is damaged")
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise RiskFileError(f"{path}: not a readable XLSX file: {error}") from error


def _read_parquet(path: Path) -> Iterator[list[str]]:
    try:
        lazy = pl.scan_parquet(path)
        names = lazy.collect_schema().names()
        count = lazy.select(pl.len()).collect().item()
        if count > MAX_ROWS:
            raise RiskFileError(f"{path}: has {count} rows, at most {MAX_ROWS} are taken at once; split it")
        frame = lazy.select(pl.all().cast(pl.String)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RiskFileError(f"{path}: not a readable Parquet file: {error}") from error
    yield names
    yield from _frame_rows(frame)


def _frame_rows(frame: pl.DataFrame) -> Iterator[list[str]]:
    for cells in frame.iter_rows():
        # A day in a spreadsheet is a moment at midnight: as a day it means the whole of it.
        yield ["" if cell is None else cell.removesuffix(" 00:00:00") for cell in cells]
