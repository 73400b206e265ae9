"""Headers without what says nothing: blanks, brackets, hints at how to fill a column in, numbers that count columns."""

import re
import unicodedata

_ANNOTATION = re.compile(r"\((?:必填|选填|可选|非必填|可不填|格式|如|例|示例|请|年|yyyy|精确|\*|24)[^()]*\)?")
_NOISE = re.compile(r"[\s\u200b-\u200f\ufeff*:：()（）\[\]【】\"'“”、,，/\\|_—\-.．·‘’?？]+")
_SIMPLE = str.maketrans(
    "車牌號碼種類顏區間時離開來達進駛縣鎮鄉貨掛牽備註據經過國級編數協檢風險領單處點劃導啟結終稱",
    "车牌号码种类颜区间时离开来达进驶县镇乡货挂牵备注据经过国级编数协检风险领单处点划导启结终称",
)
_COUNTED = re.compile(
    r"^第[一二三四五六七八九十\d]+[辆台个次段]?|^[主副](?=车牌|号牌)|^其[他它](?=车牌|号牌)|[一二三四五六七八九十\d]+$|(?<=[\u4e00-\u9fff])[a-e]$"
)


def header_key(text: str) -> str:
    """Return a header as the table of synonyms writes it: no blanks, brackets, stars or hints at how to fill it in."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(_SIMPLE)
    return _NOISE.sub("", _ANNOTATION.sub("", plain))


def uncounted_key(text: str) -> str:
    """Return the same without what counts columns: 车牌号1, 车牌号（二）, 第三辆车牌号."""
    key = header_key(text)
    return _COUNTED.sub("", key) or key
