"""More messy files of the same kinds: what they are packed in, and how their tables lie on the sheet."""

from collections.abc import Iterator

import xlsxwriter

from tests.office_habits import BOTH, FIRST, FORM, ONE, SECOND
from tests.office_kit import HUANGDAO, Cells, OfficeFile, archive, html, ods, ods_cell, text, xlsx


def layout_files() -> Iterator[OfficeFile]:
    yield from _containers()
    yield from _open_documents()


def _from_1904() -> OfficeFile:
    def numbers(book: xlsxwriter.Workbook) -> None:
        for column, days in enumerate((44_884, 44_886), start=2):
            book.worksheets()[0].write_number(1, column, days)

    return OfficeFile(
        "from 1904.xlsx", xlsx(("S", [FORM, [*FIRST[:2], "", "", FIRST[4]]]), change=numbers, begins_1904=True), ONE
    )


def _containers() -> Iterator[OfficeFile]:
    table: Cells = [FORM, FIRST, SECOND]
    yield _from_1904()
    yield OfficeFile("never written to its end.csv", text(table) + bytes(200), BOTH)
    yield OfficeFile("single quotes.csv", text([FORM, [f"'{cell}'" for cell in FIRST], SECOND]), BOTH)
    yield OfficeFile("layout page.html", b"<table><tr><td>" + html(table) + b"</td></tr></table>", BOTH)
    yield OfficeFile("binary.xlsb", archive(**{"xl/workbook__bin": b"x"}), refused="XLSB")


def _open_documents() -> Iterator[OfficeFile]:
    yield OfficeFile("plain.ods", ods([FORM, FIRST, SECOND]), BOTH)
    row, end = "<table:table-row{}>", '<table:table-cell table:number-columns-repeated="16379"/></table:table-row>'
    two, covered = ' table:number-rows-spanned="2"', "<table:covered-table-cell/>"
    day = '<table:table-cell office:value-type="date" office:date-value="2026-11-20{}"{}/>'
    first = "".join(
        (
            ods_cell(FIRST[0]),
            ods_cell(HUANGDAO, two),
            day.format("", two),
            ods_cell(FIRST[3], two),
            ods_cell("函7", two),
        )
    )
    hidden = ' table:visibility="filter"'
    rows = [
        row.format("") + "".join(map(ods_cell, FORM)),
        row.format("") + first,
        row.format(hidden) + ods_cell(SECOND[0]) + 4 * covered,
    ]
    yield OfficeFile("merged and filtered.ods", ods("".join(one + end for one in rows)), BOTH)
    many = row.format(' table:number-rows-repeated="1000000"') + "".join(map(ods_cell, [*FIRST, "", "1"])) + end
    yield OfficeFile("repeated.ods", ods(rows[0] + end + many), refused="超出 ODS")
    yield OfficeFile("locked.ods", ods([FORM, FIRST], manifest="<encryption-data/>"), refused="密码")
    yield OfficeFile("letter.odt", ods([FORM, FIRST], "application/vnd.oasis.opendocument.text"), refused="不能读取")
    yield OfficeFile("cut.ods", ods("<table:table-row>"), refused="损坏")
