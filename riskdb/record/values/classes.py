"""Plate classes in words: colours, vehicle kinds, the codes of GA/T 16.7."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from riskdb.digest import ANY_CLASS
from riskdb.record.values.problem import CellProblem

CLASS_ALIASES = {"97": "51", "98": "52", "28": "52"}
"""Codes that some senders use for new-energy plates."""
_ENERGY = ("51", "52")
_WORDS: dict[str, tuple[str, ...]] = {
    "蓝": ("02", "16"), "黄": ("01", "15", "16"), "绿": (*_ENERGY, "14"), "黄绿": ("51",), "渐变绿": ("52",),
    "黄绿双拼": ("51",), "双拼绿": ("51",),
    "蓝底白字": ("02", "16"), "黄底黑字": ("01", "15", "16"), "绿底黑字": _ENERGY, "白底黑字": ("23", "31", "32", "99"),
    "黑底白字": ("03", "04", "06", "26", "27"), "渐变绿底黑字": ("52",), "黄绿底黑字": ("51",),
    "黄绿双拼底黑字": ("51",),
    "白": ("23", "31", "32", "99"), "黑": ("03", "04", "06", "26", "27"),
    "大型": ("01", "51"), "大型汽车": ("01",), "大型车": ("01", "51"), "大车": ("01", "51"), "大型民用汽车": ("01",),
    "小型": ("02", "52"), "小型汽车": ("02",), "小型车": ("02", "52"), "小车": ("02", "52"), "小汽车": ("02", "52"),
    "微型汽车": ("02",), "小型民用汽车": ("02",), "轿车": ("02", "52"), "小轿车": ("02", "52"),
    "新能源": _ENERGY, "新能源汽车": _ENERGY, "新能源车": _ENERGY, "电动汽车": _ENERGY, "电动车": _ENERGY,
    "纯电动": _ENERGY,
    "大型新能源汽车": ("51",), "大型新能源": ("51",), "新能源大型车": ("51",), "新能源大型汽车": ("51",),
    "小型新能源汽车": ("52",), "小型新能源": ("52",), "新能源小型车": ("52",), "新能源小型汽车": ("52",),
    "新能源小型": ("52",),
    "挂车": ("15",), "挂": ("15",), "教练汽车": ("16",), "教练车": ("16",), "教练": ("16",), "学": ("16",),
    "使馆汽车": ("03",), "使馆": ("03",), "领馆汽车": ("04",), "领馆": ("04",), "境外汽车": ("06",),
    "外籍汽车": ("06",), "外籍": ("06",),
    "警用汽车": ("23",), "警车": ("23",), "警用": ("23",), "香港入出境车": ("26",), "港车": ("26",),
    "澳门入出境车": ("27",), "澳车": ("27",),
    "武警车辆": ("31",), "武警": ("31",), "武警车": ("31",), "军队车辆": ("32",), "军车": ("32",),
    "军用": ("32",), "军牌": ("32",),
    "应急": ("99",), "应急车": ("99",), "消防": ("99",), "民航": ("99",), "其他": (), "其它": (), "未知": (),
    "不详": (), "无": (), "-": (), "/": (),
    "摩托车": ("07", "08"), "摩托": ("07", "08"), "普通摩托车": ("07",), "两三轮摩托车": ("07",), "轻便摩托车": ("08",),
    "拖拉机": ("14",), "农用拖拉机": ("14",), "农机": ("14",), "绿底白字": ("14", "99"),
    "临时行驶车": ("22",), "临时": ("22",), "临牌": ("22",), "motorcycle": ("07", "08"), "tractor": ("14",),
    "货车": (), "大货车": ("01", "51"), "客车": (), "大客车": ("01", "51"), "面包车": (), "牵引车": ("01", "51"),
    "半挂车": (), "重型货车": ("01", "51"),
    "主车": (), "车头": (),
    "中型汽车": (), "民用": (), "普通": (), "普通汽车": (), "汽车": (), "轻型货车": (), "出租车": (),
    "公交车": (), "网约车": (), "越野车": (),
    "blue": ("02", "16"), "yellow": ("01", "15", "16"), "green": (*_ENERGY, "14"), "white": ("23", "31", "32", "99"),
    "black": ("03", "04", "06", "26", "27"), "small": ("02", "52"), "large": ("01", "51"), "newenergy": _ENERGY,
    "ev": _ENERGY, "大": ("01", "51"), "小": ("02", "52"), "电车": _ENERGY, "小型轿车": ("02", "52"),
    "大型货车": ("01", "51"), "大型客车": ("01", "51"), "小型客车": ("02", "52"), "小客车": ("02", "52"),
    "重型半挂牵引车": ("01", "51"), "重型牵引车": ("01", "51"), "半挂牵引车": ("01", "51"),
    "小型普通客车": ("02", "52"),
    "trailer": ("15",), "car": (), "truck": (), "bus": (),
}  # fmt: skip
"""What a word leaves open; empty where it says nothing about the plate."""
_SPLIT = re.compile(r"[/、,，;；|\n]+")
_TAIL = re.compile(r"(号牌|车牌|牌照|色|牌|底|车|汽车)+$")
_HEAD = re.compile(r"^(普通|单排|双排|单层|双层|新能源(?=[\u4e00-\u9fff]*[绿]))")
_OF_VEHICLES = re.compile(r"[\u4e00-\u9fff]{2,}(车|客车|货车|轿车)|[a-z]\d\d")
"""轻型普通货车, K33 (GA/T 16.4): a kind of vehicle, which leaves its plate open."""


def words_of(cell: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in _SPLIT.split(cell)) if word)


def known_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words that say something of a class; a remark such as 已核实 does not."""
    return tuple(word for word in words if _classes(word) is not None)


def class_of(said: Iterable[str], vehicle_types: Iterable[str], known: Sequence[str], plate: str) -> str:
    """Return the class that all words together leave, ANY_CLASS where they leave several.

    `known` are the classes that the plate can have. Raises CellProblem where no class is left.
    """
    left, words = set(known), list(said)
    for word in words:
        classes = _classes(word)
        if classes is None:
            raise CellProblem(
                "号牌种类",
                word,
                "不认识这种说法",
                "请写代码（如 02）、颜色（如 蓝）或种类（如 小型汽车），不清楚就留空",
            )
        if classes and not left & set(classes):
            possible = "、".join(known)
            raise CellProblem("号牌种类", word, f"与号牌 {plate} 不符（可以是 {possible}）", "请核对号牌和种类")
        left &= set(classes) or left
    if not words:
        left = _narrowed(left, vehicle_types)
    return ANY_CLASS if len(left) == len(known) and not _says_one(words, known) else _only(left)


def _narrowed(left: set[str], vehicle_types: Iterable[str]) -> set[str]:
    """A vehicle's kind may say the class of its plate; where it does not fit, it says something else."""
    for word in vehicle_types:
        left = left & set(_classes(word) or ()) or left
    return left


def _says_one(words: Sequence[str], known: Sequence[str]) -> bool:
    return len(known) == 1 and any(_classes(word) for word in words)


def _only(left: set[str]) -> str:
    return next(iter(left)) if len(left) == 1 else ANY_CLASS


def _classes(word: str) -> tuple[str, ...] | None:
    """Return what a word leaves open; None where nobody knows it."""
    plain = re.sub(r"[\s()（）:：]", "", unicodedata.normalize("NFKC", word)).lower()
    if plain.isascii() and plain.isdigit() and len(plain) <= 2:
        return (CLASS_ALIASES.get(plain.zfill(2), plain.zfill(2)),)
    if found := re.fullmatch(r"(\d\d)[-_.]?([\u4e00-\u9fff]+)", plain):
        return (CLASS_ALIASES.get(found[1], found[1]),)
    bare = _HEAD.sub("", plain)
    for word in (plain, _TAIL.sub("", plain), _TAIL.sub("", bare)):
        if word in _WORDS:
            return _WORDS[word]
    return () if _OF_VEHICLES.fullmatch(plain) else None
