"""Messy files as offices send them: containers, layouts and headers, each with the right value of its rows."""

from collections.abc import Iterator

import xlsxwriter

from tests.office_cells import cell_files
from tests.office_habits import habit_files
from tests.office_kit import (
    CHINESE,
    DAY,
    FORM_ROWS,
    HEADER,
    HUANGDAO,
    HUQIU,
    ONE,
    ROWS,
    TWO,
    Cells,
    OfficeFile,
    Record,
    archive,
    html,
    text,
    xls,
    xlsx,
)
from tests.office_layouts import layout_files
from tests.office_letters import letter_files


def office_files() -> Iterator[OfficeFile]:
    yield from _containers()
    yield from _layouts()
    yield from _headers()
    yield from cell_files()
    yield from habit_files()
    yield from layout_files()
    yield from letter_files()
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
    thrice = [["车辆", "停留", "", "", "来源"], ["", "地区", "时间", "", ""], ["号牌", "", "起", "止", ""]]
    yield OfficeFile("three header rows.csv", text([*thrice, *short]), both)
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
        ["车牌号/Plate", "颜色/Color", "地区/Area", "到达/From", "离开/To", "来源/Source"],
        ["Plate No 车牌", "Color 颜色", "Area 地区", "Arrival 到达", "Departure 离开", "Source 来源"],
        ["车牌号(License)", "号牌种类(可空)", "途经地(到区县)", "到达时间(年月日)", "离开时间(年月日)", "来源(文号)"],
        ["涉疫车辆号牌", "号牌类别", "涉疫地区", "到达涉疫地时间", "离开涉疫地时间", "线索来源"],
        ["轨迹车牌", "号牌颜色", "轨迹地点", "轨迹开始时间", "轨迹结束时间", "来源"],
        ["过车号牌", "号牌颜色", "卡口位置", "首次过车时间", "末次过车时间", "来源"],
        ["plate_no", "plate_color", "area_code", "enter_time", "leave_time", "data_source"],
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
