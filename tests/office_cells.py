"""Files of one row whose cells are written as people write them, each with its right value."""

from collections.abc import Iterator
from datetime import datetime
from zlib import crc32

import xlsxwriter

from tests.office_kit import DAY, HEADER, HUANGDAO, HUQIU, ONE, OPEN_END, OfficeFile, one_row, text, xlsx


def cell_files() -> Iterator[OfficeFile]:
    yield from _plates()
    yield from _classes()
    yield from _times()
    yield from _areas()
    yield from _numbers()


def _plates() -> Iterator[OfficeFile]:
    for number, written in enumerate(
        ["鲁B·12345", "鲁b12345", " 鲁B 12345 ", "鲁Ｂ１２３４５", "鲁B-12345", "鲁B.12345", "鲁B•12345", "车牌：鲁B12345", "车牌号:鲁B12345",
         "鲁B\u200b12345", "\ufeff鲁B12345", "鲁\u00a0B12345", "'鲁B12345", "鲁В12345", "魯B12345", "鲁B12345。", "鲁B１２345", "鲁B12345\t",
         "鲁B12345（已核实）", "鲁B12345，", "“鲁B12345”", "鲁B—12345", "1、鲁B12345"]
    ):  # fmt: skip
        yield OfficeFile(f"plate {number}.csv", one_row(written), (ONE,))
    blue, yellow = ("鲁B12345", "02", HUANGDAO, *DAY), ("鲁B54321", "01", HUANGDAO, *DAY)
    for number, written in enumerate(
        ["鲁B·12345(蓝)", "鲁B12345（蓝牌）", "鲁B12345【蓝色】", "鲁B12345蓝", "鲁B12345 蓝牌", "蓝牌鲁B12345"]
    ):
        yield OfficeFile(f"coloured {number}.csv", one_row(written), (blue,))
    yield OfficeFile("yellow.csv", one_row("鲁B·54321（黄）"), (yellow,))
    pair = (ONE, ("鲁B54321", "", HUANGDAO, *DAY))
    for number, written in enumerate(
        ["鲁B12345、鲁B54321", "鲁B12345,鲁B54321", "鲁B12345/鲁B54321", "鲁B12345\n鲁B54321", "鲁B12345 鲁B54321", "鲁B12345；鲁B54321",
         "鲁B12345和鲁B54321", "鲁B12345（鲁B54321）", "鲁B12345鲁B54321", "1、鲁B12345 2、鲁B54321", "①鲁B12345②鲁B54321",
         "1.鲁B12345；2.鲁B54321"]
    ):  # fmt: skip
        yield OfficeFile(f"pair {number}.csv", one_row(written), pair)
    for written, cause in (
        ("BD12345", "省份"), ("B12345", "省份"), ("VA12345", "省份"), ("鲁B1234", "字符"), ("鲁B123456789", "字符"), ("无牌", "没有正式号牌"),
        ("鲁B临1234", "没有正式号牌"), ("鲁Bl2345", "小写 l"), ("鲁B12345、B54321", "省份"), ("鲁B12345、鲁B5432", "鲁B5432"), ("鲁B1?345", "号牌"),
        ("鲁B12345(挂鲁B1234)", "括号里"), ("鲁B12345（原鲁B54321）", "括号里"), ("鲁B12345等3辆", "写着 3 辆"), ("鲁B12345-鲁B12349", "字符"),
        ("鲁B12345挂鲁B1234挂", "字符"),
    ):  # fmt: skip
        yield OfficeFile(f"bad plate {crc32(written.encode())}.csv", one_row(written), refused=cause)


def _classes() -> Iterator[OfficeFile]:
    for number, (plate, word, code) in enumerate(
        [("鲁B12345", "蓝", "02"), ("鲁B12345", "蓝牌", "02"), ("鲁B12345", "蓝色", "02"), ("鲁B12345", "小型汽车", "02"), ("鲁B12345", "小型车", "02"),
         ("鲁B12345", "黄", "01"), ("鲁B12345", "黄牌", "01"), ("鲁B12345", "大型汽车", "01"), ("鲁B12345", "01", "01"), ("鲁B12345", "2", "02"),
         ("鲁B12345", "02-小型汽车", "02"), ("鲁B12345", "02小型汽车", "02"), ("鲁BD12345", "绿", "52"), ("鲁BD12345", "新能源", "52"),
         ("鲁BD12345", "小型新能源汽车", "52"), ("鲁BD12345", "渐变绿", "52"), ("鲁B12345D", "黄绿", "51"), ("鲁B1234挂", "挂车", "15"),
         ("鲁B1234学", "教练汽车", "16"), ("鲁B12345", "其他", ""), ("鲁B12345", "07", "07"), ("鲁B12345", "普通摩托车", "07"),
         ("鲁B12345", "轻便摩托车", "08"), ("鲁B12345", "摩托车", ""), ("鲁0112345", "拖拉机", "14"), ("鲁0112345", "绿", "14"), ("鲁B1234临", "临牌", "22"),
         ("WJ0112345", "武警", "31"), ("鲁B12345", "蓝/小型汽车", "02"), ("VA12345", "军队车辆", "32")]
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
         ("2026-11-20晚12点", "2026-11-22晚上12点", "2026-11-21T00:00", "2026-11-23T00:00"),
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
         ("江苏省苏州市虎丘区（高风险）", HUQIU), ("青岛市黄岛区长江中路88号", HUANGDAO), ("370211000000", "370211000000"), ("37 02 11", HUANGDAO),
         ("北京市市辖区东城区", "110101"), ("重庆市县城口县", "500229"), ("凉山州西昌市", "513401"), ("延边州延吉市", "222401"), ('="370211"', HUANGDAO)]
    ):  # fmt: skip
        yield OfficeFile(f"area {number}.csv", text([HEADER, ["鲁B12345", "", words, "2026-11-20", "2026-11-22", "函12"]])
                         if '"' in words else one_row(area=words), (("鲁B12345", "", code, *DAY),))  # fmt: skip
    two = (ONE, ("鲁B12345", "", "370202", *DAY))
    for number, words in enumerate(["青岛市黄岛区、市南区", "370211、370202", "370211 370202", "370211/370202"]):
        yield OfficeFile(f"two areas {number}.csv", one_row(area=words), two)
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
