"""What office files are made of: bytes of every format from rows of cells. All plates, names and numbers are invented."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import xlsxwriter
import xlwt

BEIJING = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Beijing."""
OPEN_END = "2026-11-25T00:00"
HUANGDAO, HUQIU, GAOCHENG = "370211", "320505", "130109"

Record = tuple[str, str, str, str, str]
"""Plate, class, area, begin and end (exclusive) in Beijing."""
Cells = list[list[str]]


@dataclass(frozen=True, slots=True)
class OfficeFile:
    """One file and what it means; `refused` is a word of the message instead."""

    name: str
    content: bytes
    records: tuple[Record, ...] = ()
    refused: str = ""


HEADER = ["plate", "plate_class", "area", "from", "to", "source"]
CHINESE = ["序号", "车牌号", "车牌颜色", "途经地区", "到达时间", "离开时间", "车主姓名", "联系电话", "协查来源", "备注"]
DAY = ("2026-11-20T00:00", "2026-11-23T00:00")
ONE: Record = ("鲁B12345", "", HUANGDAO, *DAY)
TWO: Record = ("苏E5G806", "", HUQIU, *DAY)
ROWS = [["鲁B12345", "", HUANGDAO, "2026-11-20", "2026-11-22", "函12"],
        ["苏E5G806", "", HUQIU, "2026-11-20", "2026-11-22", "函12"]]  # fmt: skip
FORM_ROWS = [["1", "鲁B12345", "", HUANGDAO, "2026-11-20", "2026-11-22", "张某", "13800000001", "函12", ""],
             ["2", "苏E5G806", "", HUQIU, "2026-11-20", "2026-11-22", "李某", "13800000002", "函12", "已联系"]]  # fmt: skip


def text(rows: Cells, delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> bytes:
    return end.join(delimiter.join(row) for row in [*rows, []]).encode(encoding)


def xlsx(
    *sheets: tuple[str, Cells],
    change: Callable[[xlsxwriter.Workbook], None] | None = None,
    begins_1904: bool = False,
) -> bytes:
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "date_1904": begins_1904}
    with xlsxwriter.Workbook(buffer, options) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    sheet.write_string(number, column, cell) if cell else None
        if change:
            change(book)
    return buffer.getvalue()


def ods(
    table: str | Cells, mimetype: str = "application/vnd.oasis.opendocument.spreadsheet", manifest: str = ""
) -> bytes:
    """Return a spreadsheet of LibreOffice with one sheet, from its rows or from their XML."""
    if not isinstance(table, str):
        table = "".join(f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in table)
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    names = " ".join(f'xmlns:{name}="{urn}:{name}:1.0"' for name in ("office", "table", "text"))
    far = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    sheet = f'<table:table table:name="S">{table}{far}</table:table>'
    content = f"<office:document-content {names}><office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body></office:document-content>"
    parts = {
        "mimetype": mimetype,
        "META-INF/manifest__xml": f"<manifest>{manifest}</manifest>",
        "content__xml": content,
    }
    return archive(**{name: part.encode() for name, part in parts.items()})


def ods_cell(words: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string"{more}><text:p>{words}</text:p></table:table-cell>'


def xls(rows: Cells) -> bytes:
    book, buffer = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.save(buffer)
    return buffer.getvalue()


def html(rows: Cells, encoding: str = "gb18030", head: str = '<meta charset="gb2312">') -> bytes:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<html><head>{head}</head><body><table>{body}</table></body></html>".encode(encoding)


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def one_row(plate: str = "鲁B12345", kind: str = "", area: str = HUANGDAO, begin: str = "2026-11-20",
            end: str = "2026-11-22", source: str = "函12") -> bytes:  # fmt: skip
    quoted = [f'"{cell}"' if set(cell) & set(',\n"') else cell for cell in (plate, kind, area, begin, end, source)]
    return text([HEADER, quoted])


def write(folder: Path, file: OfficeFile) -> Path:
    path = folder / file.name
    path.write_bytes(file.content)
    return path
