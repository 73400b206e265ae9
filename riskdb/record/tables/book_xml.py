"""What an XLSX file's own XML says before a reader opens it: sizes, hidden rows, how far its cells reach."""

import html
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from riskdb.record.tables.merged import MergedCells
from riskdb.record.tables.sheets import MAX_CELLS, MAX_UNPACKED_BYTES, SourceFile
from riskdb.types import RiskFileError

_CHUNK = 1 << 20
_OVERLAP = 2_000
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*>")
_ROW_NUMBER = re.compile(rb'\br="(\d{1,9})"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_COLUMN = re.compile(rb'<(?:\w+:)?c (?:[^>]*? )??r="([A-Z]{1,3})\d')
_STRIKE = re.compile(rb'<(?:\w+:)?strike(?: val="(?:1|true)")?\s*/>')
_SHEET_TAG = re.compile(r"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b[^>]*>")


@dataclass(frozen=True, slots=True)
class BookXml:
    hidden_rows: dict[str, int]
    """Of each sheet that has any."""
    struck_cells: Mapping[str, int] = field(default_factory=dict)
    """Cells with a line through them, of each sheet that has any."""
    begins_1904: bool = False
    """Days are counted from 1904, as Excel for the Mac once did."""
    merges: Mapping[str, Sequence[MergedCells]] = field(default_factory=dict)
    """Of each sheet that has any, where the reader does not know them."""


def look_into(source: SourceFile) -> BookXml:
    """Unpack the file once without keeping it: its claims about sizes may be lies. Raises RiskFileError.

    Python stops unpacking at the claimed size, and the checksum gives the lie away.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            if any(entry.flag_bits & 1 for entry in archive.infolist()):
                raise RiskFileError(f"{source.name}：有密码保护；请解除密码后再导入")
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise RiskFileError(f"{source.name}：解开后超过 {MAX_UNPACKED_BYTES // 1_000_000} MB；请拆分后再导入")
            struck = _struck_styles(archive)
            seen = {entry.filename: _scan(source, archive, entry, struck) for entry in archive.infolist()}
            of_sheet = {name: seen.get(part, (0, 0)) for name, part in _parts(archive)}
            hidden, lines = ({name: counts[which] for name, counts in of_sheet.items()} for which in (0, 1))
            return BookXml(hidden, lines, _begins_1904(archive))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise RiskFileError(f"{source.name}：不是可以读取的 XLSX 文件，可能已损坏；请重新导出或另存后再导入") from error


def _scan(
    source: SourceFile, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, struck: re.Pattern[bytes] | None
) -> tuple[int, int]:
    """Read one part to its end and return its hidden rows and struck cells.

    Raises RiskFileError where its cells reach too far.
    """
    is_sheet = entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml")
    hidden, lines, rows, columns, rest = 0, 0, 0, {b""}, b""
    with archive.open(entry) as part:
        while chunk := part.read(_CHUNK):
            if not is_sheet:
                continue
            text = rest + chunk
            cut = text.rfind(b"<", max(0, len(text) - _OVERLAP))
            rest, text = (text[cut:], text[:cut]) if cut > 0 else (b"", text)
            for tag in _ROW.findall(text):
                hidden += _HIDDEN.search(tag) is not None
                if number := _ROW_NUMBER.search(tag):
                    rows = max(rows, int(number[1]))
            columns.update(_COLUMN.findall(text))
            lines += len(struck.findall(text)) if struck else 0
    width = max(map(_column_number, columns))
    if rows * width > MAX_CELLS:
        raise RiskFileError(
            f"{source.name}：工作表的单元格一直到第 {rows} 行、第 {width} 列，超出能读的范围；"
            "请删去数据以外的空行空列后另存"
        )
    return hidden, lines


def _struck_styles(archive: zipfile.ZipFile) -> re.Pattern[bytes] | None:
    """Return what finds the cells whose font has a line through it; None where no style of the book has one."""
    styles = archive.read("xl/styles.xml") if "xl/styles.xml" in archive.namelist() else b""
    fonts = re.findall(rb"<(?:\w+:)?font>(.*?)</(?:\w+:)?font>", styles, re.DOTALL)
    struck = {number for number, font in enumerate(fonts) if _STRIKE.search(font)}
    of_cells = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", styles, re.DOTALL)
    used = re.findall(rb'<(?:\w+:)?xf\b[^>]*?\bfontId="(\d+)"', of_cells[0]) if of_cells else []
    numbers = b"|".join(b"%d" % number for number, font in enumerate(used) if int(font) in struck)
    return re.compile(rb'<(?:\w+:)?c [^>]*?\bs="(?:%s)"[^>/]*>' % numbers) if numbers else None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _parts(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Return the name of each sheet and the part of the archive that holds it."""
    try:
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return []
    targets = {_attribute(tag, "Id"): _attribute(tag, "Target") for tag in _RELATION.findall(relations)}
    sheets = ((_attribute(tag, "name"), _attribute(tag, r"\w+:id")) for tag in _SHEET_TAG.findall(book))
    return [(name, "xl/" + targets.get(key, "").removeprefix("/xl/")) for name, key in sheets]


def _begins_1904(archive: zipfile.ZipFile) -> bool:
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace") if "xl/workbook.xml" in archive.namelist() else ""
    return re.search(r'\bdate1904="(?:1|true|on)"', book) is not None


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
