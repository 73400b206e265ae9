"""近14天, 过去两周, 14日内: so many days, until a day that stands elsewhere."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

_FIGURES = {figure: number for number, figure in enumerate("零一二三四五六七八九十")} | {
    "两": 2,
    "十四": 14,
    "廿一": 21,
}
_COUNT = r"(\d{1,2}|十四|廿一|[一二两三四五六七八九十])\s*个?(天|日|周|星期)"
_LAST_DAYS = re.compile(rf"\s*(?:(?:最?近|过去)\s*{_COUNT}(?:[之以]?内|以来)?|{_COUNT}[之以]?内)\s*")
_DAY = re.compile(r"(20\d\d)\s*[年./-]\s*(1[0-2]|0?[1-9])\s*[月./-]\s*(3[01]|[12]\d|0?[1-9])(?!\d)")
MOST_DAYS = 31


def last_days(text: str) -> int | None:
    """Return how many days a text speaks of that does not say until when; None for another text."""
    found = _LAST_DAYS.fullmatch(text)
    if found is None:
        return None
    count, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    days = (int(count) if count.isdigit() else _FIGURES[count]) * (7 if unit in {"周", "星期"} else 1)
    return days if 0 < days <= MOST_DAYS else None


def spelt_out(text: str, until: date) -> str:
    """Return 近14天 as its two days, the last one `until`; another text as it is."""
    days = last_days(text)
    return text if days is None else f"{until - timedelta(days=days)} 至 {until}"


def only_day(texts: Iterable[str]) -> date | None:
    """Return the one day that some texts name with its year; None where they name none, or several."""
    found = {found.groups() for text in texts for found in _DAY.finditer(text)}
    try:
        days = {date(*map(int, figures)) for figures in found}
    except ValueError:
        return None
    return days.pop() if len(days) == 1 else None
