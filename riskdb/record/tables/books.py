"""Spreadsheets: XLSX, ODS, and the older BIFF files of Excel (.xls) and WPS (.et)."""

import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from riskdb.record.tables.biff import begins_1904, is_cut, is_locked
from riskdb.record.tables.book_xml import BookXml, look_into
from riskdb.record.tables.merged import MergedCells, filled
from riskdb.record.tables.ods_xml import look_into_ods
from riskdb.record.tables.sheets import Notice, NumberedRow, Sheet, SourceFile, number_text
from riskdb.record.tables.trial import is_opened_safely
from riskdb.types import RiskFileError

_LOCKED = "有密码保护；请在表格软件中解除打开密码后再导入"
_OTHER_OLE = (
    ("EncryptedPackage", _LOCKED),
    ("WordDocument", "这是文字文件（Word），不能读出表格；请让来文单位给出表格文件（XLSX、XLS、CSV）"),
    ("PowerPoint Document", "这是演示文件，不能读出表格；请让来文单位给出表格文件（XLSX、XLS、CSV）"),
)
_CUT = "没有传完整（工作表到中途就断了，后面的行不在文件里）；请让来文单位重新发送"
_UNREADABLE = "不是可以读取的表格文件（XLSX、XLS），可能已损坏；请用表格软件打开，另存后再导入"


Cell: TypeAlias = float | bool | time | date | datetime | timedelta | str
_BEGIN_1900, _NO_DURATION = datetime(1899, 12, 30), timedelta(days=35_000)
_BEGIN_1904 = datetime(1904, 1, 1)
_DAYS_1904 = (35_064, 71_588)
"""2000 to 2099."""


def read_book(source: SourceFile, notice: Notice) -> Iterator[Sheet]:
    """Yield the sheets, hidden ones too, which is said. Raises RiskFileError."""
    with source.path.open("rb") as file:
        is_zipped = file.read(2) == b"PK"
    if is_zipped:
        yield from _sheets(source, look_into(source), notice)
        return
    content = source.path.read_bytes()
    _refuse_other_ole(source, content)
    if is_locked(content):
        raise RiskFileError(f"{source.name}：{_LOCKED}")
    if is_cut(content):
        raise RiskFileError(f"{source.name}：{_CUT}")
    if not is_opened_safely(source.path):
        raise RiskFileError(f"{source.name}：{_UNREADABLE}")
    yield from _sheets(source, BookXml({}, begins_1904=begins_1904(content)), notice)


def read_ods(source: SourceFile, notice: Notice) -> Iterator[Sheet]:
    """Yield the sheets of an OpenDocument spreadsheet. Raises RiskFileError."""
    yield from _sheets(source, look_into_ods(source), notice)


def _sheets(source: SourceFile, known: BookXml, notice: Notice) -> Iterator[Sheet]:
    book = _open(source)
    for metadata in book.sheets_metadata:
        if metadata.typ is not SheetTypeEnum.WorkSheet:
            continue
        if metadata.visible is not SheetVisibleEnum.Visible:
            notice(f"{source.name}：工作表“{metadata.name}”是隐藏的，也读取了")
        if count := known.hidden_rows.get(metadata.name, 0):
            notice(f"{source.name}：工作表“{metadata.name}”有 {count} 行是隐藏或筛选掉的，也读取了")
        if count := known.struck_cells.get(metadata.name, 0):
            notice(f"{source.name}：工作表“{metadata.name}”有 {count} 格画着删除线，也读取了；不该列入的请删去")
        yield _sheet(source, book, metadata, known)


def _open(source: SourceFile) -> CalamineWorkbook:
    try:
        # By the content, not by the name: XLSX files called .xls are common.
        with _without_panic_text():
            return CalamineWorkbook.from_filelike(io.BytesIO(source.path.read_bytes()))
    except PasswordError as error:
        raise RiskFileError(f"{source.name}：{_LOCKED}") from error
    except (CalamineError, OSError, ValueError) as error:
        says_locked = "password" in str(error).lower() or "encrypt" in str(error).lower()
        words = _LOCKED if says_locked else _UNREADABLE
        raise RiskFileError(f"{source.name}：{words}") from error
    except BaseException as error:
        raise _if_panic(error, source) from error


def _sheet(source: SourceFile, book: CalamineWorkbook, metadata: SheetMetadata, known: BookXml) -> Sheet:
    try:
        with _without_panic_text():
            sheet = book.get_sheet_by_name(metadata.name)
            merges = [MergedCells(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
            merges += known.merges.get(metadata.name, ())
    except (CalamineError, OSError, ValueError) as error:
        raise RiskFileError(f"{source.name}：工作表“{metadata.name}”{_UNREADABLE}") from error
    except BaseException as error:
        raise _if_panic(error, source) from error
    text = _text_1904 if known.begins_1904 else _text
    return Sheet(source.name, metadata.name, filled(_rows(sheet, text), merges))


@contextmanager
def _without_panic_text() -> Iterator[None]:
    """Keep the Rust reader's own trace of a damaged file from the terminal; what others write meanwhile is kept."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            aside.seek(0)
            written = aside.read()
            if b"panicked at" not in written:
                os.write(2, written)


def _if_panic(error: BaseException, source: SourceFile) -> BaseException:
    return RiskFileError(f"{source.name}：{_UNREADABLE}") if type(error).__name__ == "PanicException" else error


def _rows(sheet: CalamineSheet, text: Callable[[Cell], str]) -> Iterator[NumberedRow]:
    margin = [""] * (sheet.start[1] if sheet.start else 0)
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, margin + [cell if type(cell) is str else text(cell) for cell in cells]


def _text_1904(cell: Cell) -> str:
    """A number that can be a day is one: elsewhere it would count from 1900, four years before."""
    if isinstance(cell, float | int) and not isinstance(cell, bool) and _DAYS_1904[0] <= cell < _DAYS_1904[1]:
        return _text(_BEGIN_1904 + timedelta(days=cell))
    return _text(cell)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float | int):
        return number_text(cell)
    if isinstance(cell, datetime):
        text = _to_the_second(cell).isoformat(" ")
        return text.removesuffix(" 00:00:00")  # a day in a spreadsheet is a moment at midnight
    if isinstance(cell, timedelta) and cell >= _NO_DURATION:  # a moment in a cell that shows hours
        return _text(_BEGIN_1900 + cell)
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _to_the_second(moment: datetime) -> datetime:
    """Spreadsheets keep moments as fractions of a day, a little beside the second."""
    if not moment.microsecond:
        return moment
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def _refuse_other_ole(source: SourceFile, content: bytes) -> None:
    """The names of an OLE file's streams stand in it as UTF-16."""
    for stream, words in _OTHER_OLE:
        if stream.encode("utf-16-le") in content:
            raise RiskFileError(f"{source.name}：{words}")
