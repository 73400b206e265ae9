"""What a column can mean, and by which names offices call it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from riskdb.record.mapping.header_keys import header_key, uncounted_key


class Field(StrEnum):
    """The meaning of a column; the values are the names of the documented form."""

    PLATE = "plate"
    PLATE_PREFIX = "plate_prefix"
    """Its province, or its first characters: the column of the plate holds the rest."""
    TRAILER = "trailer"
    """A second plate, of the trailer."""
    PLATE_CLASS = "plate_class"
    VEHICLE_TYPE = "vehicle_type"
    """Says the class of the plate only sometimes."""
    AREA = "area"
    AREA_CODE = "area_code"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    VILLAGE = "village"
    ADDRESS = "address"
    FROM = "from"
    FROM_TIME = "from_time"
    TO = "to"
    TO_TIME = "to_time"
    STAY = "stay"
    """Begin and end in one cell, or one moment."""
    STAY_TIME = "stay_time"
    DAY = "day"
    """Of begin and end, which are times of that day."""
    SOURCE = "source"
    NOTE = "note"
    PERSONAL = "personal"
    """Names, phones, identity numbers: passed over, never kept nor shown."""
    NUMBER = "number"
    SERIAL = "serial"
    """Of a permit; those below are of permits, too."""
    ROUTE = "route"
    CHECKPOINTS = "checkpoints"
    GOODS = "goods"
    ISSUER = "issuer"
    LEVEL = "level"
    NAME = "name"
    CODE = "code"


FIELD_NAMES = {
    Field.PLATE: "号牌", Field.PLATE_PREFIX: "号牌前缀", Field.TRAILER: "挂车号牌",
    Field.PLATE_CLASS: "号牌种类", Field.VEHICLE_TYPE: "车辆类型",
    Field.AREA: "地区", Field.AREA_CODE: "地区编码", Field.PROVINCE: "省", Field.CITY: "市", Field.COUNTY: "区县",
    Field.STREET: "街道乡镇", Field.VILLAGE: "社区村", Field.ADDRESS: "详细地址", Field.FROM: "到达时间",
    Field.FROM_TIME: "到达时刻", Field.TO: "离开时间", Field.TO_TIME: "离开时刻", Field.STAY: "停留时间",
    Field.STAY_TIME: "停留时刻", Field.DAY: "行程日期",
    Field.SOURCE: "来源", Field.NOTE: "备注", Field.PERSONAL: "个人信息", Field.NUMBER: "序号", Field.LEVEL: "风险等级",
    Field.SERIAL: "通行证编号", Field.ROUTE: "路线", Field.CHECKPOINTS: "途经卡口", Field.GOODS: "货物",
    Field.ISSUER: "发证单位",
    Field.NAME: "名称", Field.CODE: "地区编码",
}  # fmt: skip
OF_PERMITS = (Field.SERIAL, Field.ROUTE, Field.CHECKPOINTS, Field.GOODS, Field.ISSUER)
AREA_PARTS = (Field.PROVINCE, Field.CITY, Field.COUNTY, Field.STREET, Field.VILLAGE, Field.ADDRESS)
MANY = frozenset(
    {Field.SOURCE, Field.PLATE_CLASS, Field.VEHICLE_TYPE, Field.NOTE, Field.PERSONAL, Field.NUMBER, Field.ADDRESS}
)
"""Fields that several columns may share."""


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Names of one field: the whole header, or a pattern that the whole header fits."""

    field: Field
    names: str
    pattern: str = ""


_ARRIVE = "到达|抵达|到来|到|抵|进入|驶入|入境|入区|来到|流入"
_LEAVE = "离开|驶离|撤离|出去|离|驶出|离去|流出|离境|出区|出境"
_BEGIN = "开始|起始|起|始|自|开始于|首次|最早|最初|最早出现|首次出现"
_END = "结束|终止|截止|截至|止|终|末|至|结束于|末次|最晚|最后|最晚出现|末次出现|最后出现"
_RISKY = "(?:中?高?风险|涉疫|疫情|重点)"
_FIRST = "(?:首次|第一次|最早|最初|何时|几时)?"
_LAST = "(?:末次|最后一次|最后|最晚|何时|几时)?"
_THERE = rf"(?:{_RISKY}(?:地区|区域|区县|县区|区|点位|点|地)|当地|疫区|地区|区域|我市|该地|过车|通过|出现)?"
_WHEN = "日期时间|日期|时间|时刻|时点"
_STAYING = (
    "途经|途径|停留|经过|行经|逗留|滞留|驻留|行程|轨迹|在|旅居|活动|涉及|起止|到访|过车|通过|通行|出现|抓拍|经停|停靠"
)

TRAVEL_SYNONYMS = (
    Synonyms(
        Field.PERSONAL,
        "name owner driver phone mobile tel telephone contact idcard id_card passenger 姓名 性别 年龄 民族 单位",
        r".*(姓名|车主|驾驶人|驾驶员|司机|联系人|联系电话|联系方式|电话|手机|身份证|证件号|证件号码|住址|户籍|籍贯|微信"
        r"|驾驶证|同乘|乘车人|ownername|drivername|phonenumber|owner'?sname)(?!.*(车牌|号牌)).*",
    ),
    Synonyms(Field.NUMBER, "no no. # id index 序号 编号 序列 行号 seq"),
    Synonyms(
        Field.TRAILER,
        "挂车 挂号",
        r".*挂车?.*(车牌|号牌|牌照|牌号|车号).*|挂车号码?|(车牌|号牌|牌照|车号)(号码?)?挂车?",
    ),
    Synonyms(
        Field.PLATE_PREFIX,
        "简称 省简称 省份简称 归属地 发牌机关代号 字头",
        r"(车牌|号牌|牌照)(号码?)?(所属|归属)?(省份?|地|前缀|简称|省份?简称|汉字|首字|首汉字|字头|开头|前两位)(简称|代号)?",
    ),
    Synonyms(
        Field.PLATE_CLASS,
        "plate_class plateclass platetype platecolor platecolour color colour 颜色 种类 hpzl hpys",
        r".*(号牌|车牌|牌照|牌)(号码?)?(种类|类型|类别|颜色|底色|颜色类型|种类代码|种类名称)",
    ),
    Synonyms(
        Field.VEHICLE_TYPE, "车型 vehicletype cartype", r"(车辆|机动车|汽车)(类型|种类|类别|型号|品牌型号|颜色|品牌)"
    ),
    Synonyms(
        Field.PLATE,
        "plate plateno platenumber licenseplate licenceplate licenseplatenumber licenceno carno carnumber carplate "
        "regno registrationno "
        "vehicleno vehiclenumber vehicleplate vehicleregistration vehicleregistrationno vehicleregistrationnumber "
        "registrationnumber platenum hphm cphm 车辆 车号 牌号 "
        "牌照 车牌 号牌 后五位 后六位 后几位",
        r"(?!.*(种类|类型|类别|颜色|底色|归属|挂)).*(车牌|号牌|牌照|车号|车辆牌号|车辆号码)(号|号码|号牌|信息|号码牌|后缀|后[五六几]位)?"
        r"|(涉事|涉疫|重点|目标|协查|嫌疑)(车辆|车)|(车头|主车|牵引车)(号码?|号|牌号)",
    ),
    Synonyms(
        Field.AREA_CODE,
        "areacode area_code adcode regioncode xzqh xzqhdm 代码 编码",
        r".*(区划|地区|区域|风险区|网格|行政)(编码|代码|编号)",
    ),
    Synonyms(
        Field.AREA,
        "area region district location place riskarea 来源地 涉疫地 疫区 旅居史 途经 途径 区划 行政区 地点 地域 属地 "
        "轨迹所在地 途经省市县 途经市县 途经省市区 途经省市 省市县 省市区 区县名称 县区名称",
        r"(?!.*(户籍|籍贯|家庭|归属|目的|下一|出发|始发|车籍|发证|现住|离开|驶离|姓名|管辖|单位)).*"
        r"(地区|区域|风险区|区划|风险点|点位|途经地|途径地|行经地|所到地|轨迹地|活动地|旅居地|到访地|停留地|涉及地|到达地|经停地|地点|位置|风险地|涉疫地)"
        rf"(名称|情况|信息)?|{_RISKY}区?.?(所在|发生|发源)地|{_RISKY}(区县|县区|县市区|城市|地市)(名称)?",
    ),
    Synonyms(
        Field.PROVINCE, "省 省份 省级 province", r"(途经|途径|到达|停留|风险|所在|涉及)?省(份|级|名|市|、?自治区)?"
    ),
    Synonyms(
        Field.CITY,
        "市 地市 城市 市级 city 地级市 市州 州市",
        r"(途经|途径|行经|经过|所到|到访|到达|停留|轨迹|风险|所在|涉及)(地?市|城市)",
    ),
    Synonyms(
        Field.COUNTY,
        "区 县 区县 县区 县级 county 市区 县市区 区市县 县市 旗县区",
        r"(途经|途径|行经|经过|所到|到访|到达|停留|轨迹|风险|所在|涉及)(区县|县区|县市区)",
    ),
    Synonyms(Field.STREET, "街道 乡镇 镇街 街道乡镇 乡镇街道 镇 乡 街镇 street town"),
    Synonyms(Field.VILLAGE, "村 社区 村社区 社区村 村居 小区 村庄 community village 村居社区 社区村居"),
    Synonyms(
        Field.ADDRESS,
        "地址 详细地址 具体地址 具体位置 具体地点 详细地点 address 详址",
        r"(途经|途径|到达|停留|风险).*地址",
    ),
    Synonyms(
        Field.FROM,
        "from start begin fromtime timefrom starttime begintime startdate "
        "arrival arrivaltime arrivetime arrived arrivedat arrivaldate entry "
        "entrytime entered entertime intime timein datefrom enter kssj 从",
        rf"(?:{_STAYING}|风险区|风险地区|高风险地?区|当地|本地)?(?:的)?(?:{_FIRST}(?:{_ARRIVE})|{_BEGIN})"
        rf"{_THERE}(?:的)?(?:{_WHEN})?"
        rf"|(?:{_STAYING})?(?:{_WHEN})(?:{_BEGIN}|从)",
    ),
    Synonyms(
        Field.TO,
        "to end until totime timeto endtime enddate "
        "departure departuretime departed departedat left leftat leave leavetime exit exittime "
        "timeout outtime dateto jssj 到",
        rf"(?:{_STAYING}|风险区|风险地区|高风险地?区|当地|本地)?(?:的)?(?:{_LAST}(?:{_LEAVE})|{_END})"
        rf"{_THERE}(?:的)?(?:{_WHEN})?"
        rf"|(?:{_STAYING})?(?:{_WHEN})(?:{_END}|到)",
    ),
    Synonyms(
        Field.STAY,
        "time date datetime period stay passtime passedat 时间 日期 时段 时间段 起止",
        rf"(?:卡口|点位|监控)?(?:{_STAYING})(?:风险地?区|高风险地?区|当地|该地)?(?:的)?(?:起止)?(?:{_WHEN}|时段|时间段|起止)",
    ),
    Synonyms(
        Field.SOURCE,
        "source sourcedept datasource reportedby reporter origin 来源 依据 文号 出处 线索 渠道 函号 线索号 线索编号",
        r"(?!.*(来源地|地区)).*(来源|函号|协查函|协查单位|数据提供|依据|文号|渠道"
        r"|(发函|来函|推送|下发|来文|提供|移交|转办|协查|通报|上报|报送)(单位|部门|机构|方|地))"
        r"(单位|部门|名称|编号|文号|说明)?",
    ),
    Synonyms(
        Field.NOTE,
        "note notes remark remarks comment comments memo 备注 说明 附注 注 其他",
        r".*(备注|情况说明|补充说明|说明)",
    ),
)
PERMIT_SYNONYMS = (
    *(one for one in TRAVEL_SYNONYMS if one.field in (Field.PERSONAL, Field.TRAILER, Field.PLATE_CLASS, Field.PLATE)),
    Synonyms(Field.SERIAL, "serial permit permitno 证号 编号", r".*(通行证|证件)(编号|号码|号|序号)"),
    Synonyms(Field.FROM, "from validfrom start", r".*(生效|开始|起始|起|自|发证|签发)(日期|时间|日)?"),
    Synonyms(Field.TO, "to validto until end", r".*(截止|截至|失效|到期|结束|终止|止|至)(日期|时间|日)?"),
    Synonyms(Field.STAY, "validity 有效期 有效期限 有效时间", r".*有效期(限|间)?"),
    Synonyms(Field.CHECKPOINTS, "checkpoints", r".*(途经|途径|经过|行经)?卡口(名称)?"),
    Synonyms(Field.ROUTE, "route", r".*(路线|线路|路径|起止地点?|始发地.*目的地)"),
    Synonyms(Field.GOODS, "goods cargo", r".*(货物|物资|品名|货品)(名称|种类|类别|类型)?"),
    Synonyms(Field.ISSUER, "issuer", r".*(发证|签发|核发|审批|办理)(单位|机关|部门|机构)"),
    Synonyms(Field.NOTE, "note remark 备注 说明"),
    Synonyms(Field.NUMBER, "no id 序号"),
)
AREA_SYNONYMS = (
    Synonyms(Field.CODE, "code areacode adcode", r".*(代码|编码|区划|地区|区域|风险区)"),
    Synonyms(Field.LEVEL, "level", r".*(等级|级别|风险类别)"),
    Synonyms(Field.SOURCE, "source", r".*(来源|依据|文号|通告|公告|发布单位)"),
    Synonyms(Field.NAME, "name", r".*名称"),
    Synonyms(Field.FROM, "from start begin", rf".*(?:{_BEGIN}|划定|公布|发布|生效)(?:{_WHEN})?"),
    Synonyms(Field.TO, "to end until", rf".*(?:{_END}|解除|失效)(?:{_WHEN})?"),
    Synonyms(Field.NOTE, "note remark 备注 说明 序号"),
)

_BRACKETED = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z .'_-]*")


class SynonymTable:
    """Finds the field of a header."""

    def __init__(self, synonyms: tuple[Synonyms, ...]) -> None:
        self._by_name = {header_key(name): one.field for one in synonyms for name in one.names.split()}
        self._patterns = [(re.compile(one.pattern), one.field) for one in synonyms if one.pattern]
        # Each form that a table may have asks for the same few headers.
        self._field_by_pattern = lru_cache(maxsize=1024)(self._matched)

    def field_of(self, header: str) -> Field | None:
        """Return what a header means: as it stands, without its brackets, or by what it says in one language."""
        if found := self._field_of_key(header_key(header)):
            return found
        bare = _BRACKETED.sub("", header)
        languages = (_LATIN.sub("", bare), "".join(_LATIN.findall(bare)))
        fields = {self._field_of_key(header_key(words)) for words in languages if words.strip()} - {None}
        found = self._field_of_key(header_key(bare)) or (fields.pop() if len(fields) == 1 else None)
        return found or self._field_of_key(uncounted_key(header))

    def _field_of_key(self, key: str) -> Field | None:
        if not key or len(key) > 40:
            return None
        return self._by_name.get(key) or self._field_by_pattern(key)

    def _matched(self, key: str) -> Field | None:
        return next((field for pattern, field in self._patterns if pattern.fullmatch(key)), None)


TRAVEL_TABLE = SynonymTable(TRAVEL_SYNONYMS)
PERMIT_TABLE = SynonymTable(PERMIT_SYNONYMS)
AREA_TABLE = SynonymTable(AREA_SYNONYMS)
