"""From words to an area code: 河北省石家庄市藁城区 is 130109. What fits several places is asked back."""

import re
import unicodedata
from dataclasses import dataclass

from riskdb.record.areas import normalise_area
from riskdb.record.places.table import Place, PlaceTable, place_table
from riskdb.record.values.problem import CellProblem
from riskdb.record.values.provinces import NAMES

_CODE = re.compile(r"(?<!\d)\d{6}(?:\d{3}(?:\d{3}(?:\d{2}(?:\d{2})?)?)?)?(?!\d)")
_NOISE = re.compile(r"[\s\-—_·.。'\"“”>→]+|中国|中华人民共和国")
_LEVEL_NOTE = re.compile(r"[(（\[【].{0,12}?(?:风险|管控|封控|防范|区域).{0,6}?[)）\]】]|(?:中?高|中|低)风险(?:地?区)?")
_SMALL_UNIT = re.compile(r".{1,12}?(?:街道|镇|乡|苏木|村|社区|居委会|村委会)")
_COUNTY_LIKE = re.compile(r"[^路街巷号村镇]{1,10}?(?:(?<![小社园务业])区|县|旗)(?:$|\()")
"""Below a city or a province: the name of a county that the table lacks (abolished, or a zone without a code)."""
_DETAIL = re.compile(
    r".*(路|街|巷|号|小区|花园|大厦|广场|公司|工厂|厂|市场|超市|医院|学校|酒店|宾馆|服务区|收费站|高速|国道|省道|园|城|苑"
    r"|楼|栋|单元|室|组|队|附近|周边|境内|全域|全境|全市|全区|全县|等地|内|部分区域|港|站|机场|工业区|开发区|新区)"
)
_UNNAMED_LEVEL = re.compile(
    r"(?<=市)市辖区(?=.)|(?<=^[北天上重][京津海庆]市)市辖区$|(?<=^重庆市)县(?=..)|(?<=省)省直辖县级行政区划(?=.)|(?<=自治区)自治区直辖县级行政区划(?=.)"
)
"""What official forms write between a city and its county, and nobody else does."""
_ZONE_BEFORE = re.compile(r"(?:雄安|两江|天府|西咸|贵安|金普|赣江|湘江|江北)新区(?=[^区县市旗]{1,6}[区县市旗]|雄县)")
"""A zone that lies over counties: the county that follows says where."""
_ZONE_ONLY = re.compile(r"(雄安|两江|天府|西咸|贵安|金普|赣江|湘江|舟山群岛|江北)新区$")
_CITY_BY_ONE = re.compile("([\u4e00-\u9fff])(?<![本我该全各县省州外])市")
_CIRCLED = re.compile("[①-⑳]")
_NUMBERED = re.compile(r"(?:(?:(?<=^)|(?<=[\s、,;]))\d{1,2}[、.)]|\(\d{1,2}\))\s*(?=[\u4e00-\u9fff])")
"""1、黄岛区 2、市南区: a number begins the next area."""
_EXCEPT = re.compile(r"除|不含|不包括|不包含|以外|之外|或")
_CORPS = re.compile(r"(?:新疆)?(?:生产建设)?兵团第?[一二三四五六七八九十\d]{1,2}师(?=.{2,}市)")
"""Of the Xinjiang corps: the city that follows says where."""
_FUNCTIONAL = re.compile(
    r"[^省市县旗镇乡村]{0,8}?(?:高新|经开|经济技术开发|经济开发|高新技术(?:产业)?开发|高技术(?:产业)?开发|开发|保税(?:港|物流)?|综保|综合保税"
    r"|工业园|产业园|科技园|软件园|自贸|自由贸易试验|示范|旅游度假|度假|风景名胜|风景|新技术产业园|航空港|空港|临空(?:经济)?|滨海新|新)区"
    r"|[经高]区(?:$|[(])"
)
_LOOK = "请写区划编码，或写全省、市、区县、街道的名称"
_MORE = re.compile(r"[、，,；;\n/|\\+&]+|(?<=[区县市镇道村])(?:和(?!平|田|顺|林格|县|布克|龙|静|硕|政)|及|与)")
_ANY_MORE = re.compile(r"[、，,；;\n/|\\+&]+|(?<=[区县市镇道村])(?:和|及|与)")
"""和 begins the names of 和平区 and others, too: 天津市和平区 is one area, 黄岛区和平度市 are two."""
_SEVERAL_INSIDE = re.compile(r"([^()]+)\(([^()]*[、,;/][^()]*)\)")
_STEPS = re.compile(r"[\s→>]+|-{2,}|—{2,}")


@dataclass(frozen=True, slots=True)
class FoundArea:
    code: str
    note: str = ""
    """What had to be decided, for people."""


def find_areas(cell: str) -> tuple[FoundArea, ...]:
    """Return the areas of a cell; several where it names several. Raises CellProblem."""
    plain = unicodedata.normalize("NFKC", _CIRCLED.sub("、", cell)).strip()
    plain = _NUMBERED.sub("、", "".join(c for c in plain if unicodedata.category(c) != "Cf")).strip("、")
    if not plain:
        raise CellProblem("地区", "", "没有填写（公式出错的格也是空的）", _LOOK)
    _refuse_rounded(cell, plain)
    if plain.isascii():
        codes = [code for code in re.split(r"[/,;|\s]+", plain) if code]
        if all(_CODE.fullmatch(code) for code in codes):  # several whole ones are no long one
            return tuple(FoundArea(_code(cell, code)) for code in dict.fromkeys(codes))
        return (FoundArea(_code(cell, plain)),)
    if inside := _SEVERAL_INSIDE.fullmatch(plain):  # 青岛（黄岛区、市南区）
        plain = "、".join(inside[1] + part.strip() for part in _MORE.split(inside[2]))
    try:
        return _areas_of(cell, [part for part in _MORE.split(plain) if part.strip()])
    except CellProblem:
        parts = [part for part in _ANY_MORE.split(plain) if part.strip()]
        if len(parts) == len(_MORE.split(plain)):
            raise
        return _areas_of(cell, parts)


def _areas_of(cell: str, parts: list[str]) -> tuple[FoundArea, ...]:
    if len(parts) > 1 and _is_chain(parts):
        parts = ["".join(parts)]
    found: list[FoundArea] = []
    for part in parts:
        first = found[0].code if found else ""
        found += _one_behind_another(part) or (_find(cell, part, first),)
    return tuple({area.code: area for area in reversed(found)}[code] for code in dict.fromkeys(a.code for a in found))


def _is_chain(parts: list[str]) -> bool:
    """Whether each part lies in the one before: 山东省、青岛市、黄岛区 is one area, its levels parted."""
    steps, words = [""], ""
    for part in parts:
        words += _NOISE.sub("", part)
        ends = [code for code, rest in _walks(place_table(), words) if not rest and len(code) > len(steps[-1])]
        if not any(code.startswith(steps[-1]) for code in ends):
            return False
        steps.append(next(code for code in ends if code.startswith(steps[-1])))
    return True


def _one_behind_another(part: str) -> tuple[FoundArea, ...]:
    """Return the counties through which 青岛市黄岛区→市南区 leads; empty where a text is no such way."""
    steps = [step for step in _STEPS.split(part) if step]
    if len(steps) < 2 or any(not rest for _, rest in _walks(place_table(), "".join(steps))):
        return ()
    codes: list[str] = []
    for step in steps:
        found = _best(place_table(), step, codes[0] if codes else "")
        if len(found) != 1 or found[0][1] or len(found[0][0]) < 6 or step[-1] not in "区县市旗道镇乡":
            return ()
        codes.append(found[0][0])
    return tuple(FoundArea(_area(code), f"“{part}”按 {len(codes)} 个地区") for code in codes)


def _refuse_rounded(cell: str, plain: str) -> None:
    if re.fullmatch(r"\d(\.\d+)?[eE]\+?\d+", plain):
        raise CellProblem(
            "地区", cell, "编码太长，表格软件把它当数字改掉了末几位", "请把这一列设为文本格式，重新填写完整的编码"
        )


def _code(cell: str, plain: str) -> str:
    try:
        return normalise_area(re.sub(r"\.0+$", "", re.sub(r"\s", "", plain)))
    except ValueError as error:
        raise CellProblem("地区", cell, str(error), _LOOK) from error


def _find(cell: str, part: str, first: str) -> FoundArea:
    """Return the one area that a text names, by a code in it or by its words."""
    if codes := _CODE.findall(part):
        code = _code(cell, codes[0])
        words = _NOISE.sub("", _CODE.sub("", part)).strip("()（）[]【】:：")
        _require_agreement(cell, code, words)
        return FoundArea(code, f"“{part}”取编码 {code}" if words else "")
    words = _NOISE.sub("", _LEVEL_NOTE.sub("", part)).strip("()（）[]【】:：/")
    words = _CORPS.sub("", _ZONE_BEFORE.sub("", _UNNAMED_LEVEL.sub("", words)))
    table = place_table()
    found = _best(table, words, first) or _best(table, NAMES.get(words[:1], "-") + words[1:], first)
    if zone := _ZONE_ONLY.search(words):
        raise CellProblem("地区", cell, f"“{zone[0]}”跨几个区县，没有区划编码", "请写它下面的区县或街道")
    if not found and (short := _CITY_BY_ONE.match(words)):
        found = _by_short_name(cell, short[1], words[short.end() :], table)
    if not found:
        raise CellProblem("地区", cell, f"“{words or part}”不在区划表里", _LOOK)
    if len(found) > 1:
        names = "、".join(f"{table.name_of(code)}（{_area(code)}）" for code, _ in found[:4])
        raise CellProblem("地区", cell, f"有不止一处叫这个名称：{names}", "请写全上级地名，或写区划编码")
    code, rest = _with_bracket(table, *found[0])
    return _with_rest(cell, table, code, rest)


def _by_short_name(cell: str, first: str, rest: str, table: PlaceTable) -> list[tuple[str, str]]:
    """Return where 哈市道里区 lies, for one city alone has it; raises CellProblem where 哈市 could be several."""
    cities = [place for place in table.cities() if place.name.startswith(first)]
    walks = [walk for city in cities for walk in _descend(table, city, rest) if rest and not walk[1]]
    if len({code[:4] for code, _ in walks}) == 1:
        return walks[:1]
    if not cities:
        return []
    names = "、".join(table.name_of(city.code) for city in cities[:5])
    raise CellProblem("地区", cell, f"“{first}市”是简称，可能是{names}", "请写全名，或写区划编码")


def _with_bracket(table: PlaceTable, code: str, rest: str) -> tuple[str, str]:
    """Return the area that a bracket behind another says again, or more exactly: 青岛市（黄岛区）."""
    if rest[:1] != "(" or len(rest) < 3:
        return code, rest
    within = rest[1:].removeprefix("原")
    walks = _walks(table, within) + _inside_walks(table, code, within)
    inside = {found for found, left in walks if not left and found.startswith(code)}
    if not inside and any(not left and code.startswith(found) for found, left in walks):
        return code, ""  # 芝罘区（烟台）
    return (inside.pop(), "") if len(inside) == 1 else (code, rest)


def _require_agreement(cell: str, code: str, words: str) -> None:
    """Refuse a code beside the name of another place: one of them is wrong. Unknown words say nothing."""
    found = _best(place_table(), words, "") if words else []
    whole = [other for other, rest in found if not rest or words.removesuffix(rest)[-1] in "省市区县旗州盟"]
    if whole and not any(code.startswith(other.rstrip("0")) or other.startswith(code.rstrip("0")) for other in whole):
        raise CellProblem("地区", cell, "编码和名称不是同一个地方", "请核对后只留一个")


def _best(table: PlaceTable, words: str, first: str) -> list[tuple[str, str]]:
    """Return the codes that explain most of a text, each with what is left of it."""
    found = _walks(table, words)
    if first and (near := [one for one in found + _inside_walks(table, first, words) if one[0][:4] == first[:4]]):
        found = near
    if not found:
        return []
    least = min(len(rest) for _, rest in found)
    best = dict.fromkeys((code, rest) for code, rest in found if len(rest) == least)
    return _without_parents(list(best))


def _inside_walks(table: PlaceTable, first: str, words: str) -> list[tuple[str, str]]:
    """A second area of a cell may lie beside the first: 青岛市黄岛区、市南区."""
    starts = [place for code in (first[:6], first[:4], first[:2]) for place in table.inside(code, words)]
    return [walk for place, rest in starts for walk in _descend(table, place, rest)]


def _walks(table: PlaceTable, words: str) -> list[tuple[str, str]]:
    return [walk for place, rest in table.starting(words) for walk in _descend(table, place, rest)]


def _descend(table: PlaceTable, place: Place, rest: str) -> list[tuple[str, str]]:
    """Return where a walk down from a place can end: its code and the words left over."""
    ends = [(place.code, rest)]
    if not rest:
        return ends
    # The same name once more (吉林省吉林市, 北京市北京市) is no step down.
    below = table.inside(place.code, rest)
    if len(place.code) == 2:  # a county may follow its province: 河北省藁城区
        below += [one for one in table.starting(rest) if one[0].code.startswith(place.code) and len(one[0].code) == 6]
    if len(place.code) == 4:
        below += [one for county in _counties(table, place.code) for one in _streets(table, county, rest)]
    for next_place, next_rest in dict.fromkeys(below):
        ends += _descend(table, next_place, next_rest)
    if len(place.code) == 9:
        ends += _village_walks(table, place.code, rest)
    elif len(place.code) == 6 and not below and _SMALL_UNIT.match(rest):  # a village may follow its county
        ends += [walk for street in table.streets(place.code) for walk in _village_walks(table, street.code, rest)]
    return ends


def _counties(table: PlaceTable, city: str) -> list[str]:
    return [place.code for place, _ in table.inside(city, "")] if city else []


def _streets(table: PlaceTable, county: str, rest: str) -> list[tuple[Place, str]]:
    return [(place, rest[len(place.name) :]) for place in table.streets(county) if rest.startswith(place.name)]


def _village_walks(table: PlaceTable, street: str, rest: str) -> list[tuple[str, str]]:
    words = re.sub(r"(居民委员会|村民委员会|居委会|村委会)", lambda found: "村" if "村" in found[0] else "", rest)
    return [
        (code, words[len(name) :])  # empty where only 村 is missing
        for code, village in table.villages(street)
        for name in {village, village.removesuffix("社区") + "社区", village.removesuffix("村") + "村"}
        if words.startswith(name) or (len(words) > 1 and words == name.removesuffix("村").removesuffix("社区"))
    ]


def _without_parents(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """吉林 is a province and a city in it: the wider one is meant where nothing more is said."""
    codes = [code for code, _ in found]
    return [one for one in found if not any(one[0] != code and one[0].startswith(code) for code in codes)]


def _with_rest(cell: str, table: PlaceTable, code: str, rest: str) -> FoundArea:
    """Return the area, saying what of the words went beyond the table. Raises CellProblem where that is a unit."""
    area = _area(code)
    if not rest:
        return FoundArea(area, f"“{cell.strip()}”按区划编码 {area}")
    if _EXCEPT.search(rest):
        raise CellProblem("地区", cell, f"写着“{rest.strip('()')}”，不知道哪些算在内", "请写出算在内的每一个地区")
    if rest[-1] in "省市区县旗州盟" and any(not left for _, left in _walks(table, rest.strip("(（ "))):
        raise CellProblem("地区", cell, f"除了{table.name_of(code)}，还写着“{rest}”", "几个地区请用顿号隔开")
    if len(code) < 12 and _SMALL_UNIT.match(rest) and not (len(code) == 9 and _DETAIL.match(rest)):
        raise CellProblem("地区", cell, f"在{table.name_of(code)}（{area}）里没有找到“{rest}”", _LOOK)
    if len(code) < 4:
        raise CellProblem("地区", cell, f"在{table.name_of(code)}里没有找到“{rest}”", _LOOK)
    if len(code) < 6 and _FUNCTIONAL.match(rest):
        raise CellProblem(
            "地区", cell, f"“{rest}”是功能区，没有自己的区划编码",
            f"请写它所在的区县或街道；{table.name_of(code)}全市都算，就只写到市",
        )  # fmt: skip
    if (len(code) < 6 and _COUNTY_LIKE.match(rest)) or (len(code) < 9 and not _DETAIL.match(rest)):
        raise CellProblem("地区", cell, f"在{table.name_of(code)}（{area}）里没有找到“{rest}”", _LOOK)
    return FoundArea(area, f"“{cell.strip()}”按 {area}（{table.name_of(code[:9])}），“{rest}”没有编码")


def _area(code: str) -> str:
    return code if len(code) > 6 else code.ljust(6, "0")
