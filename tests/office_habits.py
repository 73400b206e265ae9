"""More messy files of the same kinds: how offices name columns, lay out forms, and write cells."""

from collections.abc import Iterator
from functools import partial

import xlsxwriter

from tests.office_kit import (
    DAY,
    HUANGDAO,
    OPEN_END,
    OfficeFile,
    Record,
    one_row,
    text,
    xlsx,
)

FORM = ["车牌号", "地区", "到达时间", "离开时间", "来源"]
FIRST = ["豫C8K213", HUANGDAO, "2026-11-20", "2026-11-22", "函7"]
SECOND = ["豫C8K214", *FIRST[1:]]
REFUSE = ""
"""Stands where a specimen has to be refused."""


def record(
    plate: str = "豫C8K213", kind: str = "", area: str = HUANGDAO, begin: str = DAY[0], end: str = DAY[1]
) -> Record:
    return plate, kind, area, begin, end


ONE, BOTH = (record(),), (record(), record("豫C8K214"))


def habit_files() -> Iterator[OfficeFile]:
    yield from _names()
    yield from _tables_and_rows()
    yield from _wide_and_hidden()
    yield from _plates_and_classes()
    yield from _times()
    yield from _areas()


def _names() -> Iterator[OfficeFile]:
    headers = (
        "车辆号牌号码 车牌底色 来自地区 到来时间 离去时间 线索来源", "机动车号牌号码 号牌颜色 中高风险区所在地 驶入日期 驶出日期 来函单位",
        "牌照号码 牌照种类 疫情发生地 入区时间 出区时间 信息提供单位", "HPHM HPZL XZQH KSSJ JSSJ 来源",
        "货车车牌号 车牌颜色 途经高风险区名称 进入高风险区时间 离开高风险区时间 协查函号", "牌照 颜色 区域 始 末 出处",
        "涉疫车辆车牌 牌照颜色 涉疫区县 进入涉疫区县时间 离开涉疫区县时间 来源渠道", "车辆车牌号 车牌颜色 逗留地点 逗留起始 逗留截止 线索编号",
        "车牌号码(精确到位) 车牌颜色 行政区划代码(6位) 入境时间 离境时间 推送部门", "涉事车辆 车牌颜色 区划 抵 离 依据文号",
        "车牌 车牌种类 风险点位 抵达风险点时间 驶离风险点时间 情况来源", "RegistrationNo. Colour RiskArea FromTime ToTime ReportedBy",
        "车牌号 号牌种类 所在地区 最早出现时间 最晚出现时间 提供部门", "车辆牌照 车牌颜色 行经区县 抵达日期 撤离日期 数据来源",
        "号牌号码 颜色 轨迹地 首次到达 最后离开 发函单位", "License_Plate Plate_Color Area Arrived_At Left_At Origin",
        "车辆信息（车牌） 颜色 所到地区 何时到 何时离开 信息来源", "车号 颜色 风险区域名称 进入时间 出去时间 推送单位",
    )  # fmt: skip
    for number, header in enumerate(headers):
        yield OfficeFile(f"named {number}.csv", text([header.split(), [FIRST[0], "", *FIRST[1:]]]), ONE)
    pair = (record("豫CK8213"), record("豫C1213挂"))
    yield OfficeFile(
        "car head.csv", text([["车头号", "挂车号", *FORM[1:]], ["豫CK8213", "豫C1213挂", *FIRST[1:]]]), pair
    )
    yield OfficeFile("no trailer.csv", text([["牵引车号牌", "挂车号牌", *FORM[1:]], ["豫CK8213", "无", *FIRST[1:]],
                     ["豫CK8214", "/", *FIRST[1:]]]), (record("豫CK8213"), record("豫CK8214")))  # fmt: skip
    coded = [["车牌号", "地区代码", "地区名称", *FORM[2:]], ["豫C8K213", HUANGDAO, "新城小区", *FIRST[2:]]]
    yield OfficeFile("code and unknown name.csv", text(coded), ONE)
    coded[1][2] = "市南区"
    yield OfficeFile("code of another name.csv", text(coded), refused="不是同一个地方")


def _tables_and_rows() -> Iterator[OfficeFile]:
    blank = ["", "", "", ""]
    other = [["序号", "号牌号码", "来源", "到达", "离开", "地区"], ["1", "豫C8K214", "函8", *FIRST[2:4], HUANGDAO]]
    yield OfficeFile(
        "second table.csv", text([["表一", *blank], FORM, FIRST, ["", *blank], ["表二", *blank], *other]), BOTH
    )
    yield OfficeFile("second table odd.csv", text([FORM, FIRST, ["", *blank], ["号牌", "途经地区", "到达"], ["豫C8K214"]]),
                     refused="缺少")  # fmt: skip
    grouped = [["车辆信息", "", "行程信息", "", "", "来源"], ["车牌号", "颜色", "地区", "到达", "离开", ""]]
    yield OfficeFile("source above.csv", text([*grouped, [FIRST[0], "", *FIRST[1:]]]), ONE)
    rows: tuple[list[str], ...] = (
        ["1", "2", "3", "4", "5"], ["甲", "乙", "丙", "丁", "戊"], ["必填", "必填", "必填", "选填", "必填"],
        ["示例：豫A00001", HUANGDAO, *FIRST[2:]], ["（如豫A00001）", "（六位）", "（年月日）", "（年月日）", ""],
    )  # fmt: skip
    for number, row in enumerate(rows):
        yield OfficeFile(f"row under header {number}.csv", text([FORM, row, FIRST]), ONE)
    numbered = [["序号", *FORM], ["例", "豫A00001", *FIRST[1:]], ["1", *FIRST]]
    yield OfficeFile("example row.csv", text(numbered), ONE)
    yield OfficeFile(
        "example sheet.xlsx", xlsx(("说明", [["颜色", "代码"], ["示例：豫A00000", "02"]]), ("表", [FORM, FIRST])), ONE
    )
    yield OfficeFile("bureau of counting.csv", text([["来源单位", *FORM[:4]], ["统计局", "C8K213", *FIRST[1:4]], ["统计局",
                     *FIRST[:4]]]), refused="省份")  # fmt: skip
    rule = [
        ["填表说明"],
        ["1. 车牌号须含省份，如豫A12345、豫AD12345；时间如2026-11-20 08:00"],
        ["2.挂车例如：“豫A1234挂”"],
    ]
    yield OfficeFile("rules with examples.xlsx", xlsx(("填表说明", rule), ("表", [FORM, FIRST])), ONE)
    meant = [["核查车辆如下：豫C8K214、豫C8K215"]]
    yield OfficeFile("plates in words.xlsx", xlsx(("函", meant), ("表", [FORM, FIRST])), refused="没有能认出的表头")
    unnamed = text([[*FORM, "", "随行"], [*FIRST, "豫C8K214", ""]])
    yield OfficeFile("plate under no name.csv", unnamed, refused="第 6 列（没有列名）")
    yield OfficeFile(
        "plate nobody reads.csv", text([[*FORM, "随行"], [*FIRST, "豫C8K214、豫C8K215"]]), refused="“随行”列"
    )
    for name, word in (("状态", "已解除"), ("备注", "误报"), ("", "作废"), ("处理结果", "已核销。")):
        yield OfficeFile(f"row void by {word}.csv", text([[*FORM, name], [*FIRST, word]]), refused="不知道要不要列入")
    yield OfficeFile("remark of another kind.csv", text([[*FORM, "备注"], [*FIRST, "隔离已解除，仍在协查"]]), ONE)
    yield OfficeFile("remark names a plate.csv", text([[*FORM, "备注"], [*FIRST, "同行豫C8K214"]]), ONE)
    yield OfficeFile("no plate.csv", text([["序号", *FORM], ["1", "", *FIRST[1:]]]), refused="没有填写")


def _wide_and_hidden() -> Iterator[OfficeFile]:
    def wide(book: xlsxwriter.Workbook, *, with_rows: bool) -> None:
        for row, words in enumerate(("车牌号", "豫C8K213", "豫C8K214")[: 3 if with_rows else 1]):
            book.worksheets()[0].merge_range(row, 1, row, 2, words)

    rows = [["序号", "", "", *FORM[1:]], ["1", FIRST[0], "", *FIRST[1:]], ["2", SECOND[0], "", *SECOND[1:]]]
    yield OfficeFile("wide header.xlsx", xlsx(("S", rows), change=partial(wide, with_rows=False)), BOTH)
    yield OfficeFile("wide column.xlsx", xlsx(("S", rows), change=partial(wide, with_rows=True)), BOTH)
    cells = "".join(f"<td>{cell}</td>" for cell in FIRST[1:])
    page = "<table><tr><th colspan=2>车牌号</th>{}</tr><tr><td>豫C8K213</td><td>{}</td>{}</tr></table>"
    head = "".join(f"<th>{name}</th>" for name in FORM[1:])
    yield OfficeFile("wide page.xls", page.format(head, "", cells).encode(), ONE)
    yield OfficeFile("two under one.xls", page.format(head, "豫C8K214", cells).encode(), BOTH)
    split = [["车牌号", "地区", "地区", *FORM[2:]], ["豫C8K213", "青岛市", "黄岛区", *FIRST[2:]]]
    yield OfficeFile("wide area.csv", text(split), ONE)
    unclear = [["车牌号", "地区", "时间", "时间", "来源"], FIRST]
    yield OfficeFile("two times under one name.csv", text(unclear), refused="两列都像")

    def parted(book: xlsxwriter.Workbook) -> None:
        for column, number in enumerate((46346, 0.345138888889, 46348, 0.5), start=2):
            book.worksheets()[0].write_number(1, column, number)

    def shown_as_hours(book: xlsxwriter.Workbook) -> None:
        for column, number in ((2, 46346.345138888889), (3, 46348.5)):
            book.worksheets()[0].write_number(1, column, number, book.add_format({"num_format": "[h]:mm:ss"}))

    yield OfficeFile("moments shown as hours.xlsx", xlsx(("S", [FORM, [*FIRST[:2], "", "", "函7"]]), change=shown_as_hours),
                     (record(begin="2026-11-20T08:17", end="2026-11-22T12:00"),))  # fmt: skip
    columns = ["车牌号", "地区", "到达日期", "到达时间", "离开日期", "离开时间", "来源"]
    yield OfficeFile("days and times.xlsx", xlsx(("S", [columns, [*FIRST[:2], "", "", "", "", "函7"]]), change=parted),
                     (record(begin="2026-11-20T08:17", end="2026-11-22T12:00"),))  # fmt: skip

    early, late = (
        record(begin="2026-11-20T08:17", end="2026-11-20T12:00"),
        record(begin="2026-11-20T22:00", end="2026-11-21T00:00"),
    )
    for number, (names, cells, meant) in enumerate([
        ("到达日期 时间 离开日期 时间", "2026-11-20 8:17 2026-11-20 12:00", early), ("日期 到达时间 离开时间", "11月20日 8:17 12:00", early),
        ("行程日期 开始 结束", "2026-11-20 8时17分 12时", early), ("日期 到达时间 离开时间", "2026-11-20 22:00 24:00", late),
        ("过车日期 过车时间", "2026-11-20 8:17", record(begin="2026-11-20T08:17", end="2026-11-20T08:17:01"))
    ]):  # fmt: skip
        beside = [["车牌号", "地区", *names.split(), "来源"], [*FIRST[:2], *cells.split(), "函7"]]
        yield OfficeFile(f"day beside times {number}.csv", text(beside), (meant,))


def _plates_and_classes() -> Iterator[OfficeFile]:
    for number, written in enumerate(
        [
            "豫C˙8K213",
            "豫C8K213#",
            "～豫C8K213",
            "车牌豫C8K213",
            "豫C‧8K213",
            "豫C_8K213",
            "豫C8K213（货车）",
            "★豫C8K213",
            "● 豫C8K213",
            "豫C8K213 已注销",
            "豫C8K213-已离开",
            "豫C8K213.0",
            "豫C●8K213",
            "豫C：8K213",
            "豫C8K213号车",
            "河南C8K213",
            "豫C8K213/13800000001",
        ]
    ):
        yield OfficeFile(f"written {number}.csv", one_row(written), ONE)
    pair = (record("豫CK8213"), record("豫C1213挂"))
    for number, written in enumerate(
        ["主车豫CK8213 挂车豫C1213挂", "豫CK8213—豫C1213挂", "豫CK8213 - 豫C·1213挂", "牵引车：豫CK8213；挂车：豫C1213挂", "豫CK8213/豫C1213挂"]
    ):  # fmt: skip
        yield OfficeFile(f"tractor {number}.csv", one_row(written), pair)
    for number, written in enumerate(["豫C8K213/蓝", "豫C8K213，蓝", "豫C8K213 小型汽车", "蓝 豫C8K213"]):
        yield OfficeFile(f"kind beside {number}.csv", one_row(written), (record(kind="02"),))
    yield OfficeFile(
        "each its colour.csv", one_row("豫C8K213蓝、豫CK2131黄"), (record(kind="02"), record("豫CK2131", "01"))
    )
    for number, written in enumerate(
        ["(1)豫C8K213(2)豫C8K214", "豫C8K213\\豫C8K214", "豫C8K213。豫C8K214", "豫C8K213、豫C8K214等2辆"]
    ):
        yield OfficeFile(f"two together {number}.csv", one_row(written), BOTH)
    for number, written in enumerate(["豫C8K213、无牌车", "豫C8K213，无号牌三轮车", "豫C8K213/未上牌新车"]):
        yield OfficeFile(f"one without plate {number}.csv", one_row(written), refused="没有正式号牌")
    yield OfficeFile("one of two.csv", one_row("豫C8K213、豫C8K214（3辆）"), refused="写着 3 辆")
    yield OfficeFile("a digit too many.csv", one_row("豫C8K2131"), refused="顺序")
    for number, written in enumerate(["豫C8K213（作废）", "豫C8K213 误报", "豫C8K213 等车辆", "豫C8K213(已核销)"]):
        yield OfficeFile(f"doubtful {number}.csv", one_row(written), refused="等车辆" if number == 2 else "要不要列入")
    for number, (plate, word, code) in enumerate(
        [("豫C8K213", "蓝底", "02"), ("豫C8K213", "蓝牌车", "02"), ("豫C8K213", "普通蓝牌", "02"), ("豫C8K213", "小型轿车", "02"),
         ("豫CK8213", "重型半挂牵引车", "01"), ("豫CK8213", "双层黄牌", "01"), ("豫CD12345", "新能源绿牌", "52"), ("豫C8K213", "K33", ""),
         ("豫C8K213", "轻型普通货车", "")]
    ):  # fmt: skip
        yield OfficeFile(f"word {number}.csv", one_row(plate, word), (record(plate, code),))


def _times() -> Iterator[OfficeFile]:
    noon, early = "2026-11-20T12:00", "2026-11-20T08:17"
    for number, (begin, end, first, last) in enumerate(
        [("11月20日下午3点半", "11月20日晚上9点一刻", "2026-11-20T15:30", "2026-11-20T21:15"), ("1795133820", "1795176000000", early,
          "2026-11-20T20:00"), ("2026-11-20_08:17", "2026-11-22", early, DAY[1]), ("从11月20日起", "到11月22日止", *DAY),
         ("2026-11-20", "至11月22日", *DAY), ("Fri Nov 20 08:17:00 CST 2026", "2026-11-22", early, DAY[1]), ("2026-11-20", "迄今", DAY[0],
          OPEN_END), ("2026-11-20", "截至目前", DAY[0], OPEN_END), ("2026-11-20", "现仍在当地", DAY[0], OPEN_END), ("2026 11 20",
          "2026 11 22", *DAY), ("2026-11-20(五)", "2026-11-22（日）", *DAY), ("2026-11-20 2026-11-22", "", *DAY),
         ("2026/11/20 08:17 2026/11/22", "", early, DAY[1]), ("11月20日 11月22日", "", *DAY), ("2026-11-20 08:17 +0800", "2026-11-20 12:00", early, noon),
         ("2026-11-20 8:17", "12:00", early, noon), ("2026-11-20", "当天", DAY[0], "2026-11-21T00:00"), ("11月20日 8:17", "次日", early, "2026-11-22T00:00"),
         ("2026-11-20 22:00-次日2:00", "", "2026-11-20T22:00", "2026-11-21T02:00"), ("2026-11-20 8:17", "次日0时", early, "2026-11-21T00:00"),
         ("二〇二六年十一月二十日", "二零二六年十一月廿二日", *DAY), ("十一月二十日至二十二日", "", *DAY), ("11/20日", "11.22日", *DAY), ("11月20日、21日、22日", "", *DAY),
         ("2026–11–20", "20261122.0", *DAY), ("十一月二十日下午三点半", "十一月二十日晚九时", "2026-11-20T15:30", "2026-11-20T21:00"),
         ("2026/11/20 上午 12:00:00", "2026/11/20 下午 12:30:00", DAY[0], "2026-11-20T12:30")]
    ):  # fmt: skip
        yield OfficeFile(
            f"moment {number}.csv", one_row("豫C8K213", begin=begin, end=end), (record(begin=first, end=last),)
        )
    for number, (stay, first, last) in enumerate([
        ("2026-11-20 08:17-12:00", early, noon), ("2026-11-20 08:17-2026-11-22 12:00", early, "2026-11-22T12:00"),
        ("2026-11-20 08:17:00-2026-11-20 12:00:00", early, noon),
        ("2026-11-20T08:17:00-05:00", "2026-11-20T21:17", "2026-11-20T21:17:01"), ("2026-11-20 08:17-至今", early, OPEN_END),
    ]):  # fmt: skip
        staying = [["车牌号", "地区", "停留时间", "来源"], [*FIRST[:2], stay, "函7"]]
        yield OfficeFile(f"hours of a stay {number}.csv", text(staying), (record(begin=first, end=last),))
    for number, (begin, end) in enumerate(
        [
            ("2026-11-20,2026-11-22", ""),
            ("2026-11-20T08:17-12:00", ""),
            ("11月20日、22日", ""),
            ("2026-11-20 上午12:30", "11月22日"),
            ("11月30日", "12月1日"),
            ("至11月22日", ""),
            ("18日晚至19日早", ""),
            ("11月中旬", "11月22日"),
            ("2026-11-20", "长期"),
            ("2026-11-20 22:00", "2:00"),
        ]
    ):
        yield OfficeFile(f"no moment {number}.csv", one_row("豫C8K213", begin=begin, end=end), refused="时间")


def _areas() -> Iterator[OfficeFile]:
    for number, (words, codes) in enumerate(
        [("山东省/青岛市/黄岛区", HUANGDAO), ("山东省，青岛市，黄岛区", HUANGDAO), ("山东省、青岛市、黄岛区", HUANGDAO), ("青岛市;黄岛区", HUANGDAO),
         ("青岛市黄岛区/市南区", f"{HUANGDAO} 370202"), ("山东省 青岛市、烟台市", "370200 370600"), ("北京市市辖区", "110000"),
         ("郑州市高新区", "410172"), ("郑州经开区", "410171"), ("南通市经济技术开发区", "320671"), ("兰州市新区", "620171"),
         ("杭州市下城区", REFUSE), ("郑州市航空港区", REFUSE), ("大连市金普新区", REFUSE), ("青岛市高新区", REFUSE), ("海门市", "320614"), ("天津市和平区", "120101"), ("红河州个旧市", "532501"), ("青岛西海岸新区", HUANGDAO), ("巴州", REFUSE), ("河北雄安新区", REFUSE),
         ("黄岛区长江路 市南区", REFUSE), ("青岛（黄岛区、市南区）", f"{HUANGDAO} 370202"), ("黄岛区→市南区", f"{HUANGDAO} 370202"),
         ("鲁青岛黄岛区", HUANGDAO), ("黄岛区和平度市", f"{HUANGDAO} 370283"), ("苏州高新区", "320505")]
    ):  # fmt: skip
        meant = tuple(record(area=code) for code in codes.split())
        content = one_row("豫C8K213", area=words)
        yield OfficeFile(f"place {number}.csv", content, meant, "" if meant else "地区")
