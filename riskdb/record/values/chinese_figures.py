"""Days and times of day in Chinese figures: 二〇二六年十一月二十二日下午三时."""

import re

_FIGURES = "〇○零Oo一二三四五六七八九两壹贰叁肆伍陆柒捌玖"
_TENS = "十廿卅拾"
_VALUE = {figure: place for row in ("零一二三四五六七八九", "〇壹贰叁肆伍陆柒捌玖") for place, figure in enumerate(row)}
_VALUE |= {"○": 0, "O": 0, "o": 0, "两": 2}
_YEAR = re.compile(rf"([{_FIGURES}0-9]{{4}}|[{_FIGURES}]{{2}})(?=\s*年)")
_OTHER = re.compile(rf"([{_FIGURES}{_TENS}]+)(?=\s*(?:月|日|号|时|点|分|秒))")


def with_plain_figures(text: str) -> str:
    """Return the text with its Chinese figures before 年, 月, 日 and the like as 0 to 9; others stay."""
    return _OTHER.sub(_number, _YEAR.sub(_digits, text)) if "月" in text or "年" in text else text


def _digits(found: re.Match[str]) -> str:
    return "".join(str(_VALUE.get(figure, figure)) for figure in found[1])


def _number(found: re.Match[str]) -> str:
    """Return 二十二 as 22; what is no number stays as it is."""
    text = found[1].replace("廿", "二十").replace("卅", "三十").replace("拾", "十")
    tens, is_ten, ones = text.partition("十")
    if "十" in ones or (is_ten and max(len(tens), len(ones)) > 1):
        return found[0]
    if not is_ten:
        return str(int(_digits(found))) if len(text) == 1 or text[0] in "〇○零" else found[0]
    return str(_VALUE.get(tens, 1) * 10 + _VALUE.get(ones, 0)) if tens != "零" else found[0]
