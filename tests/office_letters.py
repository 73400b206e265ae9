"""More messy files, as offices of a county send them: cards, sheets full of plates, what stands above a table for all
of it, days and areas as people say them. What is not certain has to be asked."""

from collections.abc import Iterator, Sequence
from zlib import crc32

from tests.office_habits import BOTH, FIRST, FORM, ONE, SECOND, record
from tests.office_kit import HUANGDAO, Cells, OfficeFile, Record, one_row, text, xlsx

THREE = (*BOTH, record("豫C8K215"))
PLATES = [["序号", "车牌", "序号", "车牌", "序号", "车牌"], ["1", "豫C8K213", "2", "豫C8K214", "3", "豫C8K215"]]
CARD = [["车牌号", FIRST[0], "地区", HUANGDAO], ["到达时间", FIRST[2], "离开时间", FIRST[3]], ["来源", "函7"]]


def letter_files() -> Iterator[OfficeFile]:
    yield from _cards()
    yield from _cards_that_nobody_can_read()
    yield from _plate_sheets()
    yield from _said_above()
    yield from _above_the_header()
    yield from _as_at_the_left()
    yield from _last_days()
    yield from _days()
    yield from _six_figures()
    yield from _plates()
    yield from _areas()


def sheet(name: str, rows: Cells, meant: Sequence[Record] = (), refused: str = "") -> OfficeFile:
    return OfficeFile(f"{name}.csv", text(rows), tuple(meant), refused)


def _cards() -> Iterator[OfficeFile]:
    yield sheet("card of four columns", [["协查车辆登记卡"], *CARD], ONE)
    wide = [[*CARD[0], "车牌颜色", "蓝"], [*CARD[1], "来源", "函7"]]
    yield sheet("card of six columns", wide, (record(kind="02"),))
    yield sheet("card of ten columns", [[cell for row in CARD for cell in row]], ONE)
    yield sheet("two cards", [*CARD, ["", ""], ["车牌号", SECOND[0], "地区", HUANGDAO], *CARD[1:]], BOTH)
    more = [
        ["车架号", "LSVAA000000000000", "核酸结果", "阴性"],
        ["备注", "", "驾驶人", "张某"],
        ["填表人：李某", "审核：王某"],
    ]
    yield sheet("card with more on it", [*CARD, *more], ONE)
    yield sheet(
        "card in words",
        [["车牌号：豫C8K213", f"地区：{HUANGDAO}"], ["停留时间：2026-11-20至2026-11-22"], ["来源：函7"]],
        ONE,
    )
    yield sheet("card with a stay", [CARD[0], ["停留时间", "11月20日至22日", "来源", "函7"]], ONE)
    yield sheet("area before its plate", [
        ["地区", HUANGDAO, "来源", "函7"], ["车牌号", FIRST[0]], CARD[1],
        ["地区", "370202", "来源", "函7"], ["车牌号", SECOND[0]], CARD[1],
    ], (record(), record("豫C8K214", area="370202")))  # fmt: skip
    yield sheet(
        "two plates on a card", [["车牌号", "豫C8K213、豫C8K214", "来源", "函7"], CARD[1], ["地区", HUANGDAO]], BOTH
    )
    names = [2 * [name, cell] for name, cell in zip(FORM[1:], FIRST[1:], strict=True)]
    yield sheet("cards beside each other", [["车牌号", FIRST[0], "车牌号", SECOND[0]], *names], BOTH)
    many = [row for number in range(40) for row in ([["车牌号", f"豫C8K2{number:02}"], *CARD[1:], ["地区", HUANGDAO]])]
    yield sheet("forty cards", many, [record(f"豫C8K2{number:02}") for number in range(40)])
    yield OfficeFile("card.xlsx", xlsx(("登记卡", [["协查车辆登记卡"], *CARD])), ONE)


def _cards_that_nobody_can_read() -> Iterator[OfficeFile]:
    for number, (first, cause) in enumerate([
        (["车牌号", FIRST[0], "地区", "青岛市", "黄岛区"], "缺少"), (["车牌号", FIRST[0], "同行车辆", SECOND[0]], "缺少"),
        (["车牌号", FIRST[0], "来源", "函7"], "缺少“地区"),
    ]):  # fmt: skip
        yield sheet(f"card unsure {number}", [first, *CARD[1:]], refused=cause)
    clock = [CARD[0], ["到达时间", "2026-11-20", "8:17", "离开时间", "2026-11-22"], CARD[2]]
    yield sheet("card with a clock beside its day", clock, refused="缺少")
    yield sheet("card above a table", [*CARD, FORM, SECOND], refused="在表头（第 4 行）上面")
    yield sheet("card and a list below", [*CARD, ["同行车辆"], [SECOND[0]]], refused="有号牌")
    second = [*CARD, ["车牌号", SECOND[0], "地区", HUANGDAO]]
    yield sheet("second card not filled in", second, refused="没有填写")
    yield sheet("header with a plate in it", [[cell for pair in zip(FORM, FIRST, strict=True) for cell in pair], SECOND],
                refused="有号牌")  # fmt: skip


def _plate_sheets() -> Iterator[OfficeFile]:
    shared = [[*PLATES[0], *FORM[1:]], [*PLATES[1], *FIRST[1:]]]
    yield sheet("three plates in a row", shared, THREE)
    yield sheet(
        "last row not full", [*shared, ["4", "豫C8K216", "5", "", "6", "", *FIRST[1:]]], (*THREE, record("豫C8K216"))
    )
    bad = [shared[0], ["1", FIRST[0], "2", "C8K214", "3", "豫C8K215", *FIRST[1:]]]
    yield sheet("one of three without its province", bad, refused="省份")
    said = [["数据来源：某区指挥部"], ["涉疫地区：青岛市黄岛区"], ["到访时间：11月20日-22日"]]
    yield sheet("plates and nothing else", [*said, *PLATES, ["合计", "3"]], THREE)
    one_line = [
        ["来源：函7；途经地区：青岛市黄岛区；途经时间：2026-11-20至2026-11-22"],
        ["序号", "车牌号", "车主"],
        ["1", FIRST[0], "张某"],
    ]
    yield sheet("all said in one line", one_line, ONE)
    yield sheet("plates alone", PLATES, refused="列名")


def _said_above() -> Iterator[OfficeFile]:
    for number, line in enumerate(["信息来源：某市指挥部", "协查单位：某市指挥部", "发函单位：某市"]):
        yield sheet(f"source above {number}", [[line, ""], FORM[:4], FIRST[:4], SECOND[:4]], BOTH)
    yield sheet("said above and in the table", [["来源：上级"], ["途经地区：市南区"], FORM, FIRST], ONE)
    for number, (lines, cause) in enumerate([
        (["来源：甲", "来源：乙"], "来源"), (["来源：甲", "填报地区：青岛市黄岛区", "时间：2026-11-20至2026-11-22"], "地区"),
        (["来源：甲", "途经地区：黄岛区", "日期：2026年11月20日"], "时间"), (["来源：甲", "途经地区：黄岛区", "截止时间：2026-11-20"], "时间"),
    ]):  # fmt: skip
        rows = [*([line] for line in lines), ["序号", "车牌号"], ["1", FIRST[0]]]
        yield sheet(f"said above, unsure {number}", rows, refused=cause)
    yield sheet("title like a header", [["涉疫车辆车牌信息"], ["来源：函7"], FORM[:4], FIRST[:4]], ONE)
    yield sheet("source below", [FORM[:4], FIRST[:4], ["信息来源：某市"]], refused="来源")


def _above_the_header() -> Iterator[OfficeFile]:
    yield sheet("plate above", [["重点车辆：豫C8K299"], FORM, FIRST], refused="移到表头下面")
    yield sheet("plates above", [["豫C8K298、豫C8K299"], FORM, FIRST], refused="移到表头下面")
    yield sheet("plate in the letter", [["现将途经黄岛区的车辆（含豫C8K299）通报如下"], FORM, FIRST], ONE)
    for number, word in enumerate(["填写示例", "样本", "填报示例：豫A00001"]):
        numbered = [["序号", *FORM], [word, "豫A00001", *FIRST[1:]], ["1", *FIRST]]
        yield sheet(f"example {number}", numbered, ONE)
    wide = [
        ["车牌号", "地区", "", *FORM[2:]],
        [FIRST[0], "青岛市", "黄岛区", *FIRST[2:]],
        [SECOND[0], "青岛市黄岛区", "张某", *FIRST[2:]],
    ]
    yield sheet("area over two columns", wide, BOTH)


def _as_at_the_left() -> Iterator[OfficeFile]:
    for number, (names, cells, meant) in enumerate([
        ("车牌颜色 车辆类型 地区", f"小型汽车 同左 {HUANGDAO}", record(kind="02")), ("市 区县", "东莞市 同左", record(area="441900")),
        ("地区 街道", "青岛市黄岛区 （同左）", record()), ("区县 街道", "黄岛区 同左", record()),
    ]):  # fmt: skip
        rows = [["车牌号", *names.split(), *FORM[2:]], [FIRST[0], *cells.split(), *FIRST[2:]]]
        yield sheet(f"as at the left {number}", rows, (meant,))
    day = record(end="2026-11-21T00:00")
    yield sheet("end as at the left", [FORM, [*FIRST[:3], "同左", "函7"]], (day,))
    yield sheet("source as at the left", [FORM, [*FIRST[:4], "同左"]], refused="另一回事")
    yield sheet("area as at the left", [FORM, [FIRST[0], "同左", *FIRST[2:]]], refused="另一回事")


def _last_days() -> Iterator[OfficeFile]:
    fortnight, week = (
        record(begin="2026-11-09T00:00", end="2026-11-24T00:00"),
        record(begin="2026-11-16T00:00", end="2026-11-24T00:00"),
    )
    for words, meant in (("近14天", fortnight), ("近14日", fortnight), ("近两周", fortnight), ("14天内", fortnight), ("近十四天内", fortnight),
                         ("过去7天", week), ("最近一周", week)):  # fmt: skip
        rows = [
            ["协查函（2026年11月23日）"],
            ["车牌号", "地区", "停留时间", "来源"],
            [FIRST[0], HUANGDAO, words, "函7"],
        ]
        yield sheet(f"last days {words}", rows, (meant,))
        yield sheet(f"last days without a day {words}", rows[1:], refused="没有说到哪一天为止")
    two = [["协查函（2026年11月23日）"], ["2026年11月20日统计"], FORM, [*FIRST[:2], "近14天", "", "函7"]]
    yield sheet("last days, two days above", two, refused="没有说到哪一天为止")
    later = [["协查函（2026年12月23日）"], FORM, [*FIRST[:2], "近7天", "", "函7"]]
    yield sheet("last days of a letter to come", later, refused="将来")


def _days() -> Iterator[OfficeFile]:
    for words in ("三月初五", "农历十月十一", "腊月廿三", "正月初一", "十月十五"):
        yield OfficeFile(f"lunar {words}.csv", one_row(begin=words), refused="公历")
    for number, (begin, end, meant) in enumerate([
        ("2026-11-20", "22日", record()), ("2026-11-20", "22号", record()), ("2026年11.20", "2026.11月22日", record()),
        ("2026/11/20/", "2026/11/22/", record()), ("11月20日至22日（共3天）", "", record()), ("11月20日-22日共3天", "", record()),
        ("202611200817.0", "2026-11-22", record(begin="2026-11-20T08:17")),
    ]):  # fmt: skip
        yield OfficeFile(f"day said {number}.csv", one_row("豫C8K213", begin=begin, end=end), (meant,))
    for number, (begin, end, cause) in enumerate([
        ("2026-11-20", "3日", "不是时间"), ("2026-11-20", "-", "没有填写"), ("2026-11-20", "/", "没有填写"), ("11月20日至22日（共4天）", "", "不是 4 天"),
        ("20日8时至22日9时", "", "不是时间"), ("不详", "", "不是时间"), ("近两三天", "", "不是时间"),
    ]):  # fmt: skip
        yield OfficeFile(f"no day said {number}.csv", one_row(begin=begin, end=end), refused=cause)


def _six_figures() -> Iterator[OfficeFile]:
    first, last = record(begin="2026-11-18T00:00", end="2026-11-20T00:00"), record("豫C8K214")
    rows = [[*FIRST[:2], "261118", "261119", "函7"], [*SECOND[:2], "261120", "261122", "函7"]]
    yield sheet("six figures", [FORM, *rows], (first, last))
    stays = [
        ["车牌号", "地区", "停留时间", "来源"],
        [*FIRST[:2], "261118-261119", "函7"],
        [*SECOND[:2], "261120至261122", "函7"],
    ]
    yield sheet("six figures in one cell", stays, (first, last))
    yield sheet("six figures beside others", [FORM, FIRST, rows[1]], refused="不能肯定")
    yield sheet(
        "six figures of another order", [FORM, rows[0], [*SECOND[:2], "201126", "221126", "函7"]], refused="不能肯定"
    )
    yield sheet("six figures once", [FORM, [*FIRST[:2], "261120", "至今", "函7"]], refused="不能肯定")


def _plates() -> Iterator[OfficeFile]:
    pair = (record("豫CK8213"), record("豫C1213挂"))
    for number, (written, meant) in enumerate([
        ("豫C8K213(1)", ONE), ("豫C8K213（2）", ONE), ("豫C8K213（02）", (record(kind="02"),)), ("豫C8K213/无挂", ONE), ("豫C8K213，无挂车", ONE),
        ("主:豫CK8213 挂:豫C1213挂", pair), ("豫C8K213丨豫C8K214", BOTH), ("豫C8K213 and 豫C8K214", BOTH), ("豫C8K213∣豫C8K214", BOTH),
    ]):  # fmt: skip
        yield OfficeFile(f"plate said {number}.csv", one_row(written), meant)
    for number, (written, cause) in enumerate([
        ("豫C8K213或豫C8K214", "不知道是哪一辆"), ("豫C8K213 or 豫C8K214", "不知道是哪一辆"), ("豫C8K213（豫C8K214的挂车）", "括号里"), ("#N/A", "公式"),
        ("豫C8K213、6、7", "不符"), ("豫C8K213至豫C8K217", "字符"), ("豫C8K213改为豫C8K214", "字符"),
    ]):  # fmt: skip
        yield OfficeFile(f"no plate said {number}.csv", one_row(written), refused=cause)


def _areas() -> Iterator[OfficeFile]:
    two = f"{HUANGDAO} 370202"
    for words, codes in (
        ("1、黄岛区 2、市南区", two), ("①黄岛区②市南区", two), ("(1)黄岛区(2)市南区", two), ("1.黄岛区", HUANGDAO), ("黄岛区+市南区", two), ("黄岛区&市南区", two),
        ("黄岛区/370211", HUANGDAO), ("芝罘区（烟台）", "370602"), ("青岛市黄岛区（原胶南市）", HUANGDAO), ("新疆生产建设兵团第八师石河子市", "659001"),
        ("兵团第一师阿拉尔市", "659002"), ("神农架", "429021"), ("哈市道里区", "230102"), ("石市藁城区", "130109"),
    ):  # fmt: skip
        meant = tuple(record(area=code) for code in codes.split())
        yield OfficeFile(f"area said {crc32(words.encode())}.csv", one_row("豫C8K213", area=words), meant)
    for words, cause in (
        ("哈市", "可能是黑龙江省哈尔滨市、"), ("石市", "可能是河北省石家庄市、"), ("济市", "简称"), ("本市", "不在区划表里"), ("青岛市高新区", "功能区"),
        ("青岛经济技术开发区", "功能区"), ("威海经区", "功能区"), ("郑州市郑东新区", "功能区"), ("武汉市（除江夏区）", "不知道哪些算在内"),
        ("上海市（崇明区除外）", "不知道哪些算在内"), ("青岛市黄岛区以外", "不知道哪些算在内"), ("黄岛区或市南区", "不知道哪些算在内"), ("青岛至济南", "没有找到"),
    ):  # fmt: skip
        yield OfficeFile(f"no area said {crc32(words.encode())}.csv", one_row(area=words), refused=cause)
