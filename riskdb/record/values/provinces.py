"""The character by which a plate names its province (GA 36-2018), and the province's name in words."""

import re

_SHORT = {
    "北京": "京", "天津": "津", "河北": "冀", "山西": "晋", "内蒙古": "蒙", "内蒙": "蒙", "辽宁": "辽", "吉林": "吉",
    "黑龙江": "黑", "上海": "沪", "江苏": "苏", "浙江": "浙", "安徽": "皖", "福建": "闽", "江西": "赣", "山东": "鲁",
    "河南": "豫", "湖北": "鄂", "湖南": "湘", "广东": "粤", "广西": "桂", "海南": "琼", "重庆": "渝", "四川": "川",
    "贵州": "贵", "云南": "云", "西藏": "藏", "陕西": "陕", "甘肃": "甘", "青海": "青", "宁夏": "宁", "新疆": "新",
}  # fmt: skip
PROVINCE_CHARACTERS = frozenset(_SHORT.values())
NAMES = {short: name for name, short in reversed(_SHORT.items())}
"""Of each character its province, in full or as long as it gets here: 蒙 is 内蒙古."""
_NAMED = re.compile(rf"({'|'.join(_SHORT)})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)?")


def character_of(words: str) -> str:
    """Return the character of the province with which a text begins: 河南洛阳 and 豫C give 豫; empty where none."""
    if words[:1] in PROVINCE_CHARACTERS and (len(words) == 1 or words[1:].isascii()):
        return words[:1]
    found = _NAMED.match(words)
    return _SHORT[found[1]] if found else ""


def with_character(plate: str) -> str:
    """Return a plate whose province is written out as plates have it: 河南C8K213 is 豫C8K213."""
    found = _NAMED.match(plate)
    rest = plate[found.end() :].lstrip(" ·") if found else ""
    return _SHORT[found[1]] + rest if found and rest[:1].isascii() and rest[:1].isalpha() else plate
