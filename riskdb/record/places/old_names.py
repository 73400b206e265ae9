"""Names that people go on writing and the table of divisions lacks: of counties that became districts or cities, of
counties that are a part of one today as a whole, and short ones that nothing else bears.

From the changes that the Ministry of Civil Affairs published (2009 to 2021). What was divided up among several is not
here: that is asked.
"""

from functools import cache

_SAME_STEM = (
    "密云 延庆 宁河 静海 满城 清苑 徐水 藁城 鹿泉 栾城 崇礼 万全 肥乡 冀州 铜山 吴江 "
    "江都 溧水 高淳 大丰 赣榆 洪泽 金坛 海门 姜堰 上虞 富阳 临安 奉化 洞头 繁昌 建阳 "
    "长乐 新建 广丰 余江 章丘 济阳 即墨 文登 兖州 沾化 垦利 定陶 茌平 邹平 蓬莱 淮阳 "
    "长垣 偃师 孟津 京山 监利 望城 宁乡 祁阳 邵东 增城 从化 高要 阳东 电白 武鸣 临桂 "
    "柳江 荔浦 宜州 平果 璧山 铜梁 潼南 荣昌 梁平 武隆 大足 綦江 双流 新津 彭山 名山 "
    "南溪 罗江 平坝 水城 兴仁 呈贡 晋宁 沾益 马龙 江川 澄江 蒙自 香格里拉 高陵 横山 安塞 "
    "南郑 神木 子长 旬阳 堆龙德庆 双城 抚远 漠河 东宁 九台 普兰店 辽中 大洼 崇明 华亭 湟中 "
    "乐都 同仁 "
)
"""Was a county 县 or a city 市, is a district 区 or a city of the same name; no other place begins with these words."""
_OTHER = {
    "370211": "西海岸新区 西海岸 胶南市 胶南", "310115": "南汇区 南汇县 南汇", "310106": "闸北区 闸北",
    "310101": "卢湾区 卢湾", "110102": "宣武区 宣武", "110101": "崇文区 崇文",
    "120116": "塘沽区 塘沽 汉沽区 汉沽 大港区", "120119": "蓟县", "430212": "株洲县", "4206": "襄樊市 襄樊",
    "5308": "思茅市", "4308": "大庸市", "340706": "铜陵县", "360404": "九江县", "361104": "上饶县", "371403": "陵县",
    "411203": "陕县", "410212": "开封县", "411003": "许昌县", "420304": "郧县", "450181": "横县", "500154": "开县",
    "510117": "郫县", "510705": "安县", "520281": "盘县", "610118": "户县", "610503": "华县", "610482": "彬县",
    "370614": "长岛县", "6504": "吐鲁番地区", "6505": "哈密地区", "6302": "海东地区", "15": "内蒙",
    "1501": "呼市", "6501": "乌市", "429021": "神农架", "6528": "巴州", "6527": "博州", "6530": "克州",
}  # fmt: skip
_BEHIND_ITS_CITY = {"320576": "园区 工业园", "320505": "高新区"}
"""苏州园区, 苏州高新区: of another city it is another place."""


@cache
def _stems() -> frozenset[str]:
    return frozenset(_SAME_STEM.split())


@cache
def other_names(code: str, name: str) -> tuple[str, ...]:
    """Return what else people call a division."""
    stem, tail = name[:-1], name[-1:]
    same = [stem + old for old in "县市" if old != tail] if tail in "区市" and stem in _stems() else []
    return (*same, *_OTHER.get(code, "").split())


def names_behind_city(code: str) -> tuple[str, ...]:
    """Return what people call a division only where its city stands before it."""
    return tuple(_BEHIND_ITS_CITY.get(code, "").split())
