"""Days that people understand by what they know besides: 近14天, 三月初五, 261120. They are asked about."""

import re

from riskdb.record.values.last_days import last_days
from riskdb.record.values.short_days import is_short, written_out

_HOW = "请写成 2026-11-24 或 2026-11-24 08:30"
_FIGURES = "一二三四五六七八九"
_LUNAR = re.compile(rf"农历|阴历|旧历|初[{_FIGURES}十]|正月|腊月|冬月|闰[{_FIGURES}十]+月|除夕|大年")
_BARE = re.compile(rf"[{_FIGURES}十]{{1,2}}月(?:[{_FIGURES}]?十[{_FIGURES}]?|廿[{_FIGURES}]?)(?![日号{_FIGURES}十])")


def why_unsure(text: str) -> tuple[str, str] | None:
    """Return what nobody can know of a day, and what to do; None for any other text."""
    if last_days(text) is not None:
        return "没有说到哪一天为止", "请写成起止两个日期，或在表头上面写明名单的日期（如 2026年11月24日）"
    if _LUNAR.search(text):
        return "像是农历", "请写公历日期，如 2026-11-24"
    if _BARE.search(text):
        return "不知道是公历还是农历", "请写公历日期，如 2026-11-24"
    if is_short(text):
        return f"可能是 {written_out(text)}，但不能肯定", _HOW
    return None
