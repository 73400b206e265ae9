"""Messy files as offices send them, written by a script: each with the right value of its rows. All plates invented."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
import io
import zipfile

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


def xlsx(*sheets: tuple[str, Cells], change: Callable[[xlsxwriter.Workbook], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    sheet.write_string(number, column, cell) if cell else None
        if change:
            change(book)
    return buffer.getvalue()


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


def office_files() -> Iterator[OfficeFile]:
    yield from _containers()
    yield from _layouts()
    yield from _headers()
    yield from _plates()
    yield from _classes()
    yield from _times()
    yield from _areas()
    yield from _numbers()
    yield from _no_tables()


def _containers() -> Iterator[OfficeFile]:
    both, table = (ONE, TWO), [HEADER, *ROWS]
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"):
        for word, delimiter in (("comma", ","), ("tab", "\t"), ("semicolon", ";")):
            yield OfficeFile(f"{encoding} {word}.csv", text(table, delimiter, encoding), both)
    form = [CHINESE, *FORM_ROWS]
    yield OfficeFile("chinese gb.csv", text(form, encoding="gb18030"), both)
    yield OfficeFile("unicode text.txt", text(form, "\t", "utf-16"), both)
    yield OfficeFile("crlf.csv", text(form, end="\r\n"), both)
    yield OfficeFile("cr.csv", text(form, end="\r"), both)
    yield OfficeFile("pipe.txt", text(form, "|"), both)
    yield OfficeFile("wide comma.txt", text(form, "，"), both)
    yield OfficeFile("sep.csv", b"sep=;\r\n" + text(form, ";"), both)
    yield OfficeFile("sep tab.csv", b"\xef\xbb\xbf" + b'"sep=\t"\r\n' + text(form, "\t"), both)
    yield OfficeFile("quoted.csv", text([[f'"{cell}"' for cell in row] for row in form]), both)
    yield OfficeFile("book.xlsx", xlsx(("Sheet1", form)), both)
    yield OfficeFile("named xls.xls", xlsx(("Sheet1", form)), both)
    yield OfficeFile("text named xls.xls", text(form, "\t", "gb18030"), both)
    yield OfficeFile("old.xls", xls(form), both)
    yield OfficeFile("wps.et", xls(form), both)
    yield OfficeFile("page.xls", html(form), both)
    yield OfficeFile("page utf8.html", html(form, "utf-8", '<meta charset="utf-8">'), both)
    yield OfficeFile("page no charset.xls", html(form, "utf-8", ""), both)
    yield OfficeFile("excel 2003.xml", _excel_2003(form), both)
    yield OfficeFile("spanned.xls", _spanned_page(), both)
    yield OfficeFile("two sheets.xlsx", xlsx(("一", table[:2]), ("二", [HEADER, ROWS[1]])), both)
    yield OfficeFile("empty sheets.xlsx", xlsx(("Sheet1", form), ("Sheet2", []), ("Sheet3", [])), both)
    yield OfficeFile(
        "manual first.xlsx", xlsx(("填表说明", [["一、车牌号按行驶证填写"], ["二、时间写到日"]]), ("表", form)), both
    )
    yield OfficeFile("hidden sheet.xlsx", xlsx(("表", form), ("字典", [["蓝"], ["黄"]]), change=_hide_second), both)
    yield OfficeFile("hidden row.xlsx", xlsx(("表", form), change=_hide_row), both)
    yield OfficeFile("zip.zip", archive(a__csv=text(table[:2]), b__xlsx=xlsx(("Sheet1", [HEADER, ROWS[1]]))), both)
    yield OfficeFile("zip with scan.zip", archive(a__csv=text(table), b__pdf=b"%PDF-1.4"), both)
    yield OfficeFile(
        "headerless second.xlsx", xlsx(("一", table), ("二", [["鲁B22222", "", HUANGDAO]])), refused="工作表“二”"
    )


def _excel_2003(rows: Cells) -> bytes:
    body = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in row) + "</Row>"
        for row in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        f'<Worksheet ss:Name="表"><Table>{body}</Table></Worksheet></Workbook>'
    ).encode()


def _spanned_page() -> bytes:
    return (
        '<table><tr><td colspan="5">协查表</td></tr><tr><th>车牌号</th><th>地区</th><th>到达时间</th><th>离开时间</th>'
        f"<th>来源</th></tr><tr><td>鲁B12345</td><td>{HUANGDAO}</td><td>2026-11-20</td><td>2026-11-22</td>"
        f'<td rowspan="2">函12</td></tr><tr><td>苏E5G806</td><td>{HUQIU}</td><td>2026-11-20</td><td>2026-11-22</td></tr>'
        "</table>"
    ).encode("gb18030")


def _hide_second(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[1].hide()


def _hide_row(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[0].set_row(1, None, None, {"hidden": True})


def _layouts() -> Iterator[OfficeFile]:
    both, form, table = (ONE, TWO), [CHINESE, *FORM_ROWS], [HEADER, *ROWS]
    blank = [""] * len(CHINESE)
    title = [["××县协查车辆登记表", *blank[1:]]]
    yield OfficeFile("title.csv", text([*title, *form]), both)
    yield OfficeFile("title.xlsx", xlsx(("Sheet1", [["协查车辆信息登记表"], *form])), both)
    yield OfficeFile("merged title.xlsx", xlsx(("Sheet1", [[], *form]), change=_merge_title), both)
    yield OfficeFile("title and unit.csv", text([*title, ["填报单位：××县", *blank[1:]], *form]), both)
    yield OfficeFile("title, date, blank.csv", text([*title, ["2026年11月23日", *blank[1:]], blank, *form]), both)
    yield OfficeFile("blank rows.csv", text([CHINESE, blank, FORM_ROWS[0], blank, FORM_ROWS[1], blank]), both)
    yield OfficeFile("blank first column.xlsx", xlsx(("S", [["", *row] for row in form])), both)
    yield OfficeFile("blank middle column.csv", text([[*row[:2], "", *row[2:]] for row in form]), both)
    yield OfficeFile("trailing commas.csv", text([[*row, "", "", ""] for row in table]), both)
    yield OfficeFile("trailing commas below.csv", text([HEADER, *[[*row, "", ""] for row in ROWS]]), both)
    footers = [["合计：2辆"], ["合计", "2"], ["总计", "", "2"], ["填报人：张某", "", "审核人：李某"], ["注：以上车辆均已核实"],
               ["联系电话：0532-0000000"], ["单位（盖章）", "", "2026年11月23日"], ["以下空白"], ["共2辆"], ["第1页 共1页"]]  # fmt: skip
    for number, footer in enumerate(footers):
        yield OfficeFile(f"footer {number}.csv", text([*form, [*footer, *blank[len(footer) :]]]), both)
        if number < 4:
            yield OfficeFile(f"footer {number}.xlsx", xlsx(("S", [*form, footer])), both)
    yield OfficeFile("header twice.csv", text([CHINESE, FORM_ROWS[0], CHINESE, FORM_ROWS[1]]), both)
    yield OfficeFile("section lines.csv", text([CHINESE, ["一、黄岛区", *blank[1:]], FORM_ROWS[0], ["二、虎丘区", *blank[1:]],
                                                FORM_ROWS[1]]), both)  # fmt: skip
    grouped = [["车牌号", "地区", "停留时间", "", "来源"], ["", "", "起", "止", ""]]
    short = [[row[0], *row[2:]] for row in ROWS]
    yield OfficeFile("two header rows.csv", text([*grouped, *short]), both)
    yield OfficeFile("two header rows.xlsx", xlsx(("S", [*grouped, *short]), change=_merge_header), both)
    yield OfficeFile("merged down.xlsx", xlsx(("S", [HEADER, ROWS[0], [*ROWS[1][:5], ""]]), change=_merge_source), both)
    yield OfficeFile("leading blank lines.csv", b"\n\n" + text(form), both)
    yield OfficeFile("short row.csv", text([HEADER, ROWS[0], ["苏E5G806", "", HUQIU]]), refused="第 3 行")
    yield OfficeFile("shifted row.csv", text([HEADER, [*ROWS[0], "多出"]]), refused="格")
    yield OfficeFile(
        "bad plate is no footer.csv", text([HEADER, ROWS[0], ["鲁B1234", *ROWS[1][1:]]]), refused="鲁B1234"
    )
    yield OfficeFile("note swallows rows.csv", text([[*HEADER, "备注"], [*ROWS[0], '"已联系'], [*ROWS[1], '已联系"']]),
                     refused="引号")  # fmt: skip


def _merge_title(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[0].merge_range(0, 0, 0, 9, "协查车辆信息登记表")


def _merge_header(book: xlsxwriter.Workbook) -> None:
    sheet = book.worksheets()[0]
    sheet.merge_range(0, 2, 0, 3, "停留时间")
    for column, name in ((0, "车牌号"), (1, "地区"), (4, "来源")):
        sheet.merge_range(0, column, 1, column, name)


def _merge_source(book: xlsxwriter.Workbook) -> None:
    book.worksheets()[0].merge_range(1, 5, 2, 5, "函12")


def _headers() -> Iterator[OfficeFile]:
    names = [
        ["车牌号", "号牌种类", "途经地区", "到达时间", "离开时间", "协查来源"],
        ["号牌号码", "车牌颜色", "风险地区", "进入时间", "驶离时间", "数据来源"],
        ["车号", "车牌类型", "行政区划代码", "开始时间", "结束时间", "来源单位"],
        ["车辆号牌", "颜色", "行政区划", "起始时间", "截止时间", "协查单位"],
        ["机动车号牌", "号牌颜色", "途经地", "抵达日期", "离开日期", "依据"],
        ["车牌号码（必填）", "车牌种类", "风险区域", "停留时间（起）", "停留时间（止）", "信息来源"],
        ["*车牌号", "牌照颜色", "途 经 地 区", "到达\n时间", "离开\n时间", "来 源"],
        ["Plate No.", "Plate Type", "Area Code", "Arrival Time", "Departure Time", "Source"],
        ["license plate", "plate color", "region", "start time", "end time", "source"],
        ["vehicle no", "class", "area", "entry time", "exit time", "source"],
        ["车辆牌照", "号牌类型", "涉及地区", "进入风险区时间", "离开风险区时间", "线索来源"],
        ["牌照号", "种类", "停留地", "起", "止", "文号"],
        ["车牌", "车牌颜色", "地区编码", "时间起", "时间止", "函号"],
    ]
    for number, header in enumerate(names):
        quoted = [f'"{name}"' if "\n" in name else name for name in header]
        yield OfficeFile(f"header {number}.csv", text([quoted, *ROWS]), (ONE, TWO))
    split = ["车牌号", "省", "市", "区县", "到达日期", "到达时间", "离开日期", "离开时间", "来源"]
    row = ["鲁B12345", "山东省", "青岛市", "黄岛区", "2026-11-20", "8:00", "2026-11-22", "9:30", "函12"]
    record: Record = ("鲁B12345", "", HUANGDAO, "2026-11-20T08:00", "2026-11-22T09:30")
    yield OfficeFile("parted.csv", text([split, row]), (record,))
    yield OfficeFile("trailer.csv", text([[*HEADER, "挂车号牌"], [*ROWS[0], "鲁B1234挂"]]),
                     (ONE, ("鲁B1234挂", "", HUANGDAO, *DAY)))  # fmt: skip
    yield OfficeFile("one stay column.csv", text([["车牌号", "地区", "停留时间", "来源"],
                     ["鲁B12345", HUANGDAO, "11月20日-11月22日", "函12"]]), (ONE,))  # fmt: skip
    yield OfficeFile("passed.csv", text([["车牌号", "地区", "过车时间", "来源"], ["鲁B12345", HUANGDAO, "2026-11-20 08:00:05",
                     "函12"]]), (("鲁B12345", "", HUANGDAO, "2026-11-20T08:00:05", "2026-11-20T08:00:06"),))  # fmt: skip
    yield OfficeFile("no header.csv", text(ROWS), refused="表头")
    yield OfficeFile("two plate columns.csv", text([["车牌号", "号牌号码", *HEADER[2:]], ["鲁B12345", "鲁B12345",
                     *ROWS[0][2:]]]), refused="两列都像号牌")  # fmt: skip
    yield OfficeFile("no source.csv", text([HEADER[:5], ROWS[0][:5]]), refused="缺少“来源”")
    yield OfficeFile("no area.csv", text([["plate", "from", "to", "source"], ["鲁B12345", "2026-11-20", "2026-11-22", "x"]]),
                     refused="地区")  # fmt: skip


def _plates() -> Iterator[OfficeFile]:
    for number, written in enumerate(
        ["鲁B·12345", "鲁b12345", " 鲁B 12345 ", "鲁Ｂ１２３４５", "鲁B-12345", "鲁B.12345", "鲁B•12345", "车牌：鲁B12345", "车牌号:鲁B12345",
         "鲁B\u200b12345", "\ufeff鲁B12345", "鲁\u00a0B12345", "'鲁B12345", "鲁В12345", "魯B12345", "鲁B12345。", "鲁B１２345", "鲁B12345\t",
         "鲁B12345（已核实）"]
    ):  # fmt: skip
        yield OfficeFile(f"plate {number}.csv", one_row(written), (ONE,))
    blue, yellow = ("鲁B12345", "02", HUANGDAO, *DAY), ("鲁B54321", "01", HUANGDAO, *DAY)
    for number, written in enumerate(
        ["鲁B·12345(蓝)", "鲁B12345（蓝牌）", "鲁B12345【蓝色】", "鲁B12345蓝", "鲁B12345 蓝牌"]
    ):
        yield OfficeFile(f"coloured {number}.csv", one_row(written), (blue,))
    yield OfficeFile("yellow.csv", one_row("鲁B·54321（黄）"), (yellow,))
    pair = (ONE, ("鲁B54321", "", HUANGDAO, *DAY))
    for number, written in enumerate(
        ["鲁B12345、鲁B54321", "鲁B12345,鲁B54321", "鲁B12345/鲁B54321", "鲁B12345\n鲁B54321", "鲁B12345 鲁B54321", "鲁B12345；鲁B54321",
         "鲁B12345和鲁B54321", "鲁B12345（鲁B54321）"]
    ):  # fmt: skip
        yield OfficeFile(f"pair {number}.csv", one_row(written), pair)
    for written, cause in (
        ("BD12345", "省份"), ("B12345", "省份"), ("VA12345", "省份"), ("鲁B1234", "字符"), ("鲁B123456789", "字符"), ("无牌", "没有正式号牌"),
        ("鲁B临1234", "没有正式号牌"), ("鲁Bl2345", "小写 l"), ("鲁B12345、B54321", "省份"), ("鲁B12345、鲁B5432", "鲁B5432"), ("鲁B1?345", "号牌"),
    ):  # fmt: skip
        yield OfficeFile(f"bad plate {abs(hash(written)) % 10**6}.csv", one_row(written), refused=cause)


def _classes() -> Iterator[OfficeFile]:
    for number, (plate, word, code) in enumerate(
        [("鲁B12345", "蓝", "02"), ("鲁B12345", "蓝牌", "02"), ("鲁B12345", "蓝色", "02"), ("鲁B12345", "小型汽车", "02"), ("鲁B12345", "小型车", "02"),
         ("鲁B12345", "黄", "01"), ("鲁B12345", "黄牌", "01"), ("鲁B12345", "大型汽车", "01"), ("鲁B12345", "01", "01"), ("鲁B12345", "2", "02"),
         ("鲁B12345", "02-小型汽车", "02"), ("鲁B12345", "02小型汽车", "02"), ("鲁BD12345", "绿", "52"), ("鲁BD12345", "新能源", "52"),
         ("鲁BD12345", "小型新能源汽车", "52"), ("鲁BD12345", "渐变绿", "52"), ("鲁B12345D", "黄绿", "51"), ("鲁B1234挂", "挂车", "15"),
         ("鲁B1234学", "教练汽车", "16"), ("鲁B12345", "其他", ""), ("鲁B12345", "蓝/小型汽车", "02"), ("VA12345", "军队车辆", "32")]
    ):  # fmt: skip
        yield OfficeFile(f"class {number}.csv", one_row(plate, word), ((plate, code, HUANGDAO, *DAY),))
    yield OfficeFile("wrong class.csv", one_row("鲁BD12345", "蓝"), refused="不符")
    yield OfficeFile("unknown class.csv", one_row("鲁B12345", "紫"), refused="不认识")


def _times() -> Iterator[OfficeFile]:
    day, until = DAY
    for number, (begin, end) in enumerate(
        [("2026/11/20", "2026/11/22"), ("2026年11月20日", "2026年11月22日"), ("2026.11.20", "2026.11.22"), ("20261120", "20261122"),
         ("2026-11-20 00:00", "2026-11-22 24:00"), ("2026-11-20 00:00:00", "2026-11-22 00:00:00"), ("11月20日", "2026-11-22"),
         ("2026-11-20", "11月22日"), ("11.20", "2026.11.22"), ("11月20日", "11月22日"), ("11.20", "11.22"), ("46346", "46348"), ("11-20", "11-22"),
         ("11/20", "11/22"), ("2026/11/20 星期五", "2026/11/22 星期日"), ("２０２６－１１－２０", "２０２６－１１－２２"), ("26/11/20", "26/11/22"),
         ("20-Nov-26", "22-Nov-26"), ("2026年11月20日0时", "2026年11月22日24时"), ("2026-11-20至2026-11-22", ""), ("11月20日-22日", ""),
         ("11.20-11.22", "11.20-11.22"), ("2026/11/20—2026/11/22", ""), ("2026-11-20~2026-11-22", ""), ("11月20日至11月22日", ""),
         ("自2026年11月20日起", "2026年11月22日止"), ("2026 年 11 月 20 日", "2026 年 11 月 22 日"), ("2026-11-20日", "2026-11-22日")]
    ):  # fmt: skip
        yield OfficeFile(f"day {number}.csv", one_row(begin=begin, end=end), (ONE,))
    for number, (begin, end, first, last) in enumerate(
        [("2026/11/20 8:17", "2026/11/22 9:05", "2026-11-20T08:17", "2026-11-22T09:05"),
         ("2026年11月20日8时17分", "2026年11月22日9时5分", "2026-11-20T08:17", "2026-11-22T09:05"),
         ("2026-11-20上午", "2026-11-22下午", "2026-11-20T00:00", "2026-11-23T00:00"),
         ("2026-11-20下午3点", "2026-11-20晚8点半", "2026-11-20T15:00", "2026-11-20T20:30"),
         ("2026-11-20 8:17:05 AM", "2026-11-20 1:05 PM", "2026-11-20T08:17:05", "2026-11-20T13:05"),
         ("2026-11-20T08:17:05", "2026-11-22T09:05:00", "2026-11-20T08:17:05", "2026-11-22T09:05"),
         ("2026-11-20T08:17+08:00", "2026-11-22T01:05:00Z", "2026-11-20T08:17", "2026-11-22T09:05"),
         ("202611200817", "20261122090500", "2026-11-20T08:17", "2026-11-22T09:05"),
         ("11月20日8:00-10:00", "", "2026-11-20T08:00", "2026-11-20T10:00"),
         ("2026-11-20", "至今", day, OPEN_END), ("2026-11-20至今", "", day, OPEN_END), ("11.20", "未离开", day, OPEN_END),
         ("46346.5", "46348.25", "2026-11-20T12:00", "2026-11-22T06:00"), ("2026-11-20 8：17", until[:10], "2026-11-20T08:17",
          "2026-11-24T00:00")]
    ):  # fmt: skip
        yield OfficeFile(
            f"time {number}.csv", one_row(begin=begin, end=end), (("鲁B12345", "", HUANGDAO, first, last),)
        )
    for number, (begin, end, cause) in enumerate(
        [("昨天", "2026-11-22", "不是时间"), ("2026-11-31", "2026-12-01", "不是时间"), ("2026-11-22", "2026-11-20", "早于"), ("", "2026-11-22", "没有填写"),
         ("2026-11-20", "", "没有填写"), ("03/04/2026", "2026-11-22", "月和日"), ("2026-11-20", "2026-12-22", "将来"), ("11.2", "11.22", "末尾的 0"),
         ("2026年11月", "2026-11-22", "不是时间"), ("2026-11-20 25:00", "2026-11-22", "不是时间")]
    ):  # fmt: skip
        yield OfficeFile(f"bad time {number}.csv", one_row(begin=begin, end=end), refused=cause)


def _areas() -> Iterator[OfficeFile]:
    for number, (words, code) in enumerate(
        [("山东省青岛市黄岛区", HUANGDAO), ("青岛市黄岛区", HUANGDAO), ("黄岛区", HUANGDAO), ("山东青岛黄岛", HUANGDAO), ("山东省 青岛市 黄岛区", HUANGDAO),
         ("山东省-青岛市-黄岛区", HUANGDAO), ("370211 黄岛区", HUANGDAO), ("黄岛区（370211）", HUANGDAO), ("３７０２１１", HUANGDAO), ("370211.0", HUANGDAO),
         ("山东省青岛市", "370200"), ("青岛市", "370200"), ("北京市朝阳区", "110105"), ("北京朝阳区", "110105"), ("南京市鼓楼区", "320106"),
         ("河北省石家庄市藁城区增村镇小果庄村", "130109110212"), ("石家庄市藁城区增村镇", "130109110"), ("黄岛区长江路街道", "370211005"),
         ("东莞市长安镇", "441900119"), ("大理白族自治州大理市", "532901"), ("内蒙古呼和浩特市新城区", "150102"), ("湖北省仙桃市", "429004"),
         ("江苏省苏州市虎丘区（高风险）", HUQIU), ("青岛市黄岛区长江中路88号", HUANGDAO), ("370211000000", "370211000000"), ('="370211"', HUANGDAO)]
    ):  # fmt: skip
        yield OfficeFile(f"area {number}.csv", text([HEADER, ["鲁B12345", "", words, "2026-11-20", "2026-11-22", "函12"]])
                         if '"' in words else one_row(area=words), (("鲁B12345", "", code, *DAY),))  # fmt: skip
    two = (ONE, ("鲁B12345", "", "370202", *DAY))
    yield OfficeFile("two areas.csv", one_row(area="青岛市黄岛区、市南区"), two)
    for number, (words, cause) in enumerate(
        [("朝阳区", "不止一处"), ("鼓楼区", "不止一处"), ("火星", "不在区划表"), ("37021", "位"), ("990000", "省份"), ("3.70211E+15", "位"),
         ("3.70211010000001E+15", "表格软件"), ("山东省青岛市黄岛区某某镇", "没有找到"), ("370202黄岛区", "不是同一个地方"), ("", "没有填写")]
    ):  # fmt: skip
        yield OfficeFile(f"bad area {number}.csv", one_row(area=words), refused=cause if number != 5 else "表格软件")


def _numbers() -> Iterator[OfficeFile]:
    """Cells of a spreadsheet that are no text."""

    def dates(book: xlsxwriter.Workbook) -> None:
        sheet, day = book.worksheets()[0], book.add_format({"num_format": "yyyy/m/d h:mm"})
        sheet.write_number(1, 2, 370211)
        sheet.write_datetime(1, 3, datetime(2026, 11, 20), day)
        sheet.write_datetime(1, 4, datetime(2026, 11, 22), day)

    def serials(book: xlsxwriter.Workbook) -> None:
        sheet = book.worksheets()[0]
        sheet.write_number(1, 2, 370211)
        sheet.write_number(1, 3, 46346)
        sheet.write_number(1, 4, 46348)

    def rounded(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].write_number(1, 2, 3702110100000012)

    def lost_zero(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].write_number(1, 3, 11.2)

    row = ["鲁B12345", "", HUANGDAO, "2026-11-20", "2026-11-22", "函12"]
    yield OfficeFile(
        "date cells.xlsx", xlsx(("S", [HEADER, ["鲁B12345", "", "", "", "", "函12"]]), change=dates), (ONE,)
    )
    yield OfficeFile(
        "serials.xlsx", xlsx(("S", [HEADER, ["鲁B12345", "", "", "", "", "函12"]]), change=serials), (ONE,)
    )
    yield OfficeFile(
        "rounded.xlsx", xlsx(("S", [HEADER, [*row[:2], "", *row[3:]]]), change=rounded), refused="表格软件"
    )
    yield OfficeFile(
        "lost zero.xlsx", xlsx(("S", [HEADER, [*row[:3], "", *row[4:]]]), change=lost_zero), refused="末尾的 0"
    )


def _no_tables() -> Iterator[OfficeFile]:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for name, content, cause in (
        ("scan.pdf", b"%PDF-1.7\n", "PDF"), ("named.xlsx", b"%PDF-1.7\n", "PDF"), ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(40), "图片"),
        ("photo.xls", b"\x89PNG\r\n\x1a\n" + bytes(40), "图片"), ("empty.csv", b"", "空"), ("packed.rar", b"Rar!\x1a\x07" + bytes(40), "RAR"),
        ("locked.xlsx", ole + "EncryptedPackage".encode("utf-16-le") + bytes(400), "密码"), ("letter.doc", ole + "WordDocument".encode(
            "utf-16-le") + bytes(400), "Word"), ("letter.docx", archive(word__document=b"x").replace(b"word.document", b"word/document"),
            "文字"), ("broken.xlsx", xlsx(("S", [HEADER, *ROWS]))[:900], "损坏"), ("broken.xls", xls([HEADER, *ROWS])[:700], "损坏"),
        ("only scans.zip", archive(a__pdf=b"%PDF", b__jpg=b"\xff\xd8\xff"), "没有表格"), ("page.html", b"<html><p>x</p></html>", "没有表格"),
        ("noise.csv", b"\x81\x00\xff\xfe\x9f" * 50, "编码"), ("zip in zip.zip", archive(a__zip=archive(b__csv=text([HEADER, *ROWS]))),
         "压缩包里还有压缩包"),
    ):  # fmt: skip
        yield OfficeFile(name, content, refused=cause)


def write(folder: Path, file: OfficeFile) -> Path:
    path = folder / file.name
    path.write_bytes(file.content)
    return path
