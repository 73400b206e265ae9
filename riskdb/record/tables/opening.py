"""Which reader a file needs: told by its first bytes, for names lie (a web page saved as .xls)."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from riskdb.record.tables.archive import read_archive
from riskdb.record.tables.books import read_book, read_ods
from riskdb.record.tables.ods_xml import is_ods
from riskdb.record.tables.sheets import Notice, Sheet, SheetReader, SourceFile
from riskdb.record.tables.text import read_text
from riskdb.record.tables.web_page import read_web_page
from riskdb.system_words import system_words
from riskdb.types import RiskFileError

_ADVICE = "请让来文单位给出表格文件（XLSX、XLS、CSV）"
_NO_TABLES = (
    (b"%PDF", "PDF 文件"),
    (b"\x89PNG", "图片（PNG）"),
    (b"\xff\xd8\xff", "图片（JPEG）"),
    (b"GIF8", "图片（GIF）"),
    (b"BM", "图片（BMP）"),
    (b"II*\0", "图片（TIFF）"),
    (b"MM\0*", "图片（TIFF）"),
    (b"RIFF", "图片或音像文件"),
    (b"Rar!", "RAR 压缩包，请改用 ZIP"),
    (b"7z\xbc\xaf", "7z 压缩包，请改用 ZIP"),
    (b"\x1f\x8b", "GZIP 压缩文件，请先解开"),
    (b"{\\rtf", "文字文件（RTF）"),
    (b"SQLite format 3", "数据库文件"),
    (b"%!PS", "打印文件"),
    (b"OFD", "OFD 文件"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURE_SUFFIXES = {".bmp", ".gif", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic"}


def read_sheets(path: Path, name: str, notice: Notice) -> Iterator[Sheet]:
    """Yield the sheets of a file, of each file of an archive too. Raises RiskFileError."""
    source = SourceFile(path, name)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise RiskFileError(f"{name}：无法读取：{system_words(error)}") from error
    if head[:2] == b"PK":
        yield from _read_zipped(source, notice)
        return
    yield from _reader_of(source, head)(source, notice)


def _reader_of(source: SourceFile, head: bytes) -> SheetReader:
    if not head:
        raise RiskFileError(f"{source.name}：文件是空的；请重新导出")
    if head.startswith(_OLE):
        return read_book
    if head.startswith(b"PAR1"):
        # Every command reads the list, few read a table of this kind: polars is slow to load.
        try:
            from riskdb.record.tables.parquet import read_parquet
        except ModuleNotFoundError as error:
            need = "本机没有装读 Parquet 的 polars：pip install 'kakou[tables]'，或改用 CSV、XLSX"
            raise RiskFileError(f"{source.name}：{need}") from error
        return read_parquet
    for start, what in _NO_TABLES:
        # Two letters begin many a text, too: BM counts where the name or a zero byte says so.
        if (head.startswith(start) and (len(start) > 3 or b"\0" in head[:64])) or _is_picture(source, head, start):
            raise RiskFileError(f"{source.name}：这是{what}，不能读出表格；{_ADVICE}")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<", b"mime-version:")) or head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<")):
        return read_web_page
    if source.path.suffix.lower() in {".xlsx", ".xlsm", ".parquet"} and b"\0" in head:
        kind = source.path.suffix[1:].upper()
        raise RiskFileError(f"{source.name}：不是可以读取的 {kind} 文件，可能已损坏；请重新导出或另存后再导入")
    return read_text


def _is_picture(source: SourceFile, head: bytes, start: bytes) -> bool:
    return head.startswith(start) and source.path.suffix.lower() in _PICTURE_SUFFIXES


def _read_zipped(source: SourceFile, notice: Notice) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(source.path) as archive:
            names, is_open_document = archive.namelist(), is_ods(archive)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, RuntimeError, zlib.error) as error:
        what = "XLSX 文件" if source.path.suffix.lower() in {".xlsx", ".xlsm", ".et"} else "压缩包"
        raise RiskFileError(f"{source.name}：不是可以读取的{what}，可能已损坏；请重新导出或另存后再导入") from error
    if "xl/workbook.bin" in names:  # its size is not known before it is in memory
        raise RiskFileError(f"{source.name}：二进制工作簿（XLSB）不能读取；请另存为 XLSX 后再导入")
    if any(entry.startswith("xl/") for entry in names):
        yield from read_book(source, notice)
    elif any(entry.endswith(".iwa") or entry == "Index.zip" for entry in names):
        raise RiskFileError(f"{source.name}：这是 Numbers 表格，不能读取；请在 Numbers 里导出为 Excel（XLSX）或 CSV")
    elif is_open_document:
        yield from read_ods(source, notice)
    elif any(entry.startswith(("word/", "ppt/")) for entry in names):
        raise RiskFileError(f"{source.name}：这是文字或演示文件，不能读出表格；{_ADVICE}")
    elif "mimetype" in names or "OFD.xml" in names:
        raise RiskFileError(f"{source.name}：这是文字、演示或版式文件（ODF、OFD），不能读取；请另存为 XLSX 后再导入")
    else:
        yield from read_archive(source, notice, read_sheets)
