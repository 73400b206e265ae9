"""More messy files of the same kinds: what they are packed in, and how their tables lie on the sheet."""

import io
from collections.abc import Iterator

import xlsxwriter
import xlwt

from tests.office_habits import BOTH, FIRST, FORM, ONE, SECOND, record
from tests.office_kit import HUANGDAO, Cells, OfficeFile, archive, html, ods, ods_cell, text, xls, xlsx


def layout_files() -> Iterator[OfficeFile]:
    yield from _containers()
    yield from _open_documents()
    yield from _plates_in_parts()
    yield from _several_in_a_row()
    yield from _turned()
    yield from _as_above()
    yield from _ends_and_streets()


def _from_1904() -> OfficeFile:
    def numbers(book: xlsxwriter.Workbook) -> None:
        for column, days in enumerate((44_884, 44_886), start=2):
            book.worksheets()[0].write_number(1, column, days)

    return OfficeFile(
        "from 1904.xlsx", xlsx(("S", [FORM, [*FIRST[:2], "", "", FIRST[4]]]), change=numbers, begins_1904=True), ONE
    )


def _old_from_1904() -> bytes:
    book, buffer = xlwt.Workbook(), io.BytesIO()
    book.dates_1904 = True
    sheet = book.add_sheet("S")
    rows: list[list[str | int]] = [[*FORM], [FIRST[0], HUANGDAO, 44_884, 44_886, "函7"]]
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.save(buffer)
    return buffer.getvalue()


def _containers() -> Iterator[OfficeFile]:
    table: Cells = [FORM, FIRST, SECOND]
    yield _from_1904()
    yield OfficeFile("never written to its end.csv", text(table) + bytes(200), BOTH)
    yield OfficeFile("single quotes.csv", text([FORM, [f"'{cell}'" for cell in FIRST], SECOND]), BOTH)
    yield OfficeFile("layout page.html", b"<table><tr><td>" + html(table) + b"</td></tr></table>", BOTH)
    yield OfficeFile("old from 1904.xls", _old_from_1904(), ONE)
    locked = xls([FORM, FIRST])
    after_bof = locked.index(b"\x09\x08\x10\x00\x00\x06\x05\x00") + 20
    locked = locked[:after_bof] + b"\x2f\x00" + locked[after_bof + 2 :]  # FILEPASS
    yield OfficeFile("locked.xls", locked, refused="密码")
    yield OfficeFile("sheet.numbers", archive(**{"Index/Document__iwa": b"x"}), refused="Numbers")
    old_style = ["車牌號", "地區", "到達時間", "離開時間", "來源"]
    yield OfficeFile("old style of characters.csv", text([old_style, FIRST]), ONE)
    described = [["字段", "示例"], ["车牌号", "豫A00001"], *([name, "x"] for name in FORM[1:])]
    yield OfficeFile("fields described.xlsx", xlsx(("说明", described), ("表", [FORM, FIRST])), ONE)
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


def _plates_in_parts() -> Iterator[OfficeFile]:
    for number, (names, cells) in enumerate([
        ("省份 号码", "豫 C8K213"), ("简称 车牌号", "豫 C8K213"), ("车牌前缀 后五位", "豫C 8K213"), ("车牌归属地 车牌号", "河南洛阳 C8K213"),
        ("车牌号 车牌号", "豫 C8K213"), ("车牌号 ", "豫C 8K213"), ("省 车牌号", "豫 C8K213"), ("车牌前缀 车牌号", "豫C 豫C8K213")
    ]):  # fmt: skip
        table = [[*names.split(" "), *FORM[1:]], [*cells.split(" "), *FIRST[1:]]]
        yield OfficeFile(f"plate in two columns {number}.csv", text(table), ONE)
    for number, (cells, cause) in enumerate(
        [("鲁B 豫C8K213", "不一样"), ("豫D D12345", "不知道"), (" C8K213", "省份")]
    ):
        table = [["车牌前缀", "车牌号", *FORM[1:]], [*cells.split(" "), *FIRST[1:]]]
        yield OfficeFile(f"plate in two columns, unsure {number}.csv", text(table), refused=cause)
    table = [["省", "车牌号", "市", "区县", *FORM[2:]], ["鲁", FIRST[0], "青岛", "黄岛区", *FIRST[2:]]]
    yield OfficeFile("province of the area.csv", text(table), ONE)


def _several_in_a_row() -> Iterator[OfficeFile]:
    three, gap = (*BOTH, record("豫C8K215")), [""] * len(FORM)
    third = ["豫C8K215", *FIRST[1:]]
    rows = [[*FORM, "", *FORM], [*FIRST, "", *SECOND]]
    yield OfficeFile("side by side.xlsx", xlsx(("S", [["一组", *gap, "二组"], *rows, [*gap, "", *third]])), three)
    yield OfficeFile("side by side, total on one.csv", text([*rows, ["合计：1", *gap[1:], "", *third]]), three)
    yield OfficeFile("side by side, bad plate.csv", text([*rows, [*gap, "", "豫C8K2", *FIRST[1:]]]), refused="豫C8K2")
    yield OfficeFile("side by side, no plate.csv", text([*rows, [*gap, "", "", *FIRST[1:]]]), refused="没有填写")
    shared = [*FORM[:4], *FORM[:4], "来源"]
    yield OfficeFile("side by side, one source.csv", text([shared, [*FIRST[:4], *SECOND[:4], "函7"]]), BOTH)
    for number, names in enumerate(
        ["车牌号1 车牌号2 车牌号3", "车牌号（一） 车牌号（二） 车牌号（三）", "第一辆车牌号 第二辆车牌号 第三辆车牌号"]
    ):
        table = [[*names.split(), *FORM[1:]], [FIRST[0], SECOND[0], "", *FIRST[1:]], ["", "", "豫C8K215", *FIRST[1:]]]
        yield OfficeFile(f"numbered plates {number}.csv", text(table), three)
    yield OfficeFile("numbered plates, none.csv", text([["车牌号1", "车牌号2", *FORM[1:]], ["", "", *FIRST[1:]]]),
                     refused="没有填写")  # fmt: skip
    pair = [["车牌号(牵引车)", "车牌号(挂车)", *FORM[1:]], ["豫CK8213", "豫C1213挂", *FIRST[1:]]]
    yield OfficeFile("trailer in brackets.csv", text(pair), (record("豫CK8213"), record("豫C1213挂")))
    stays = ["车牌号", "地区1", "到达时间1", "离开时间1", "地区2", "到达时间2", "离开时间2", "来源"]
    table = [stays, [*FIRST[:2], "2026-11-18", "2026-11-19", "370202", *FIRST[2:]]]
    two = (record(begin="2026-11-18T00:00", end="2026-11-20T00:00"), record(area="370202"))
    yield OfficeFile("two stays.csv", text(table), two)
    table = [["车牌号", "地区", "时间1", "时间2", "来源"], FIRST]
    yield OfficeFile("numbered times.csv", text(table), refused="两列都像")


def _turned() -> Iterator[OfficeFile]:
    rows = [list(column) for column in zip(FORM, FIRST, SECOND, strict=True)]
    yield OfficeFile("turned.xlsx", xlsx(("S", [["协查车辆登记表"], ["项目", "车辆1", "车辆2"], *rows])), BOTH)
    yield OfficeFile("turned one.csv", text([[f"{name}：", cell] for name, cell in zip(FORM, FIRST, strict=True)]), ONE)
    yield OfficeFile("turned, no source.csv", text(rows[:-1]), refused="来源")


def _ends_and_streets() -> Iterator[OfficeFile]:
    for name in ("到访时间", "停靠时间", "过车时间"):  # the end was not looked at
        yield OfficeFile(f"{name} and an end.csv", text([[*FORM[:2], name, *FORM[3:]], FIRST]), ONE)
    days_first = [
        [*FORM[:2], "到达日期", "离开日期", "到达时间", "离开时间", "来源"],
        [*FIRST[:4], "8:00", "9:00", "函7"],
    ]
    morning = record(begin="2026-11-20T08:00", end="2026-11-22T09:00")
    yield OfficeFile("days before times.csv", text(days_first), (morning,))
    street = [["车牌号", "地区", "街道", *FORM[2:]], [FIRST[0], "青岛市黄岛区", "薛家岛街道", *FIRST[2:]]]
    yield OfficeFile("street beside its area.csv", text(street), (record(area="370211003"),))
    headers = ["途经省市县", "轨迹所在地", "区县名称"]
    yield from (
        OfficeFile(f"{name}.csv", text([[FORM[0], name, *FORM[2:4], "报送单位"], FIRST]), ONE) for name in headers
    )


def _as_above() -> Iterator[OfficeFile]:
    for number, mark in enumerate(["同上", "（同上）", "〃", "″", "ditto"]):
        yield OfficeFile(f"as above {number}.csv", text([FORM, FIRST, [SECOND[0], *4 * [mark]]]), BOTH)
    yield OfficeFile("plate as above.csv", text([FORM, FIRST, ["同上", "370202", *FIRST[2:]]]),
                     (*ONE, record(area="370202")))  # fmt: skip
    yield OfficeFile("nothing above.csv", text([FORM, [FIRST[0], "同上", *FIRST[2:]]]), refused="上面没有")
    yield OfficeFile("bad above.csv", text([FORM, [FIRST[0], "火星", *FIRST[2:]], [SECOND[0], *4 * ["同上"]]]),
                     refused="火星")  # fmt: skip
