"""Times as people write them, one each: 2026/11/20 8:17, 2026年11月20日上午, 11.20, 46346.35."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from riskdb.record.values.chinese_figures import with_plain_figures

_DAY = timedelta(days=1)
_MIDNIGHT = time()
_SERIAL_BEGIN = datetime(1899, 12, 30)
"""Day 0 of spreadsheets (with their leap day of 1900)."""
_SERIAL_DAYS = (36_526, 73_050)
"""2000 to 2099."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text says of a time: a moment, or a day or a part of one. In the zone of the file."""

    begin: datetime
    end: datetime
    """Exclusive; equal to `begin` for a moment."""
    lacks_year: bool = False
    """The year 2000 stands for the one that is missing."""
    lacks_zero: bool = False
    """11.2, which a spreadsheet makes of 11.20 as well."""
    month_first: bool = False
    """03/04/2026 and the like: day and month could be the other way round."""


_Y, _M, _D = r"(?P<y>(?:19|20)\d\d)", r"(?P<m>1[0-2]|0?[1-9])", r"(?P<d>3[01]|[12]\d|0?[1-9])"
_MONTHS = {name: number for number, name in enumerate(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)}  # fmt: skip
_NAME = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_Y}\s*(?P<sep>[-/.,\\])\s*{_M}\s*[-/.,\\]\s*{_D}(?:日|(?!\d))",
        rf"{_Y} {_M} {_D}(?!\d)",
        rf"{_Y}\s*年\s*{_M}\s*月\s*{_D}\s*(?:[日号]|(?!\d))",
        rf"{_Y}\s*年\s*{_M}\s*[-/.]\s*{_D}\s*(?:[日号]|(?![\d./-]))",
        rf"{_Y}\s*[-/.]\s*{_M}\s*月\s*{_D}\s*(?:[日号]|(?![\d./-]))",
        rf"(?P<yy>\d\d)\s*年\s*{_M}\s*月\s*{_D}\s*(?:[日号]|(?!\d))",
        rf"{_Y}(?P<m>1[0-2]|0[1-9])(?P<d>3[01]|[12]\d|0[1-9])(?=$|\s|T|\d{{4}}$|\d{{6}}$|[上下凌早晚中])",
        rf"{_M}\s*月\s*{_D}\s*(?:[日号]|(?!\d))",
        rf"(?P<yy>2\d)\s*[-/.]\s*{_M}\s*[-/.]\s*{_D}(?![\d./-])",
        rf"(?P<a>\d{{1,2}})\s*[-/.]\s*(?P<b>\d{{1,2}})\s*[-/.]\s*{_Y}(?!\d)",
        rf"(?P<d>\d{{1,2}})[-\s]?{_NAME}(?:[-\s,]*(?P<y>20\d\d|\d\d))?(?!\d)",
        rf"{_NAME}[-\s]?(?P<d>\d{{1,2}})(?:[-\s,]+(?P<y>20\d\d))?(?![\d:])",
        r"(?P<m>1[0-2]|0?[1-9])\s*(?P<sep>[./-])\s*(?P<d>3[01]|[12]\d|0?[1-9])(?:[日号]|(?![\d./-]))",
    )
)
_USUAL = re.compile(r"([12]\d{3})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)
"""How most files write it, and the documented form."""
_OFFSET = re.compile(r"\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?\+\d\d:?\d\d)$|T\d\d:\d\d:\d\d(?:\.\d+)?-\d\d:\d\d$")
"""West of Greenwich only as machines write it: in 2026-11-20 08:00-10:00 the end of a stay follows, and no offset."""
_EPOCH = re.compile(r"1[5-9]([2-9]\d|1[3-9])\d{6}(?:\d{3})?")
"""Seconds or milliseconds of a machine; no figures of a year and month can be meant."""
_JAVA = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) (?:CST|GMT\+08:00) (20\d\d)")
"""Fri Nov 20 08:17:33 CST 2026, as Java's programs write China's time."""
_LONG_DASHES = re.compile(r"(?<!\d)(20\d\d)[–—−‐‑](\d{1,2})[–—−‐‑](\d{1,2})(?!\d)")
"""Within a day; between two days they mean a range."""
_BRACKETED_CLOCK = re.compile(r"\s*\(([^()]{0,2}\d{1,2}[:时点][^()]*)\)$")
_WHOLE_NUMBER = re.compile(r"^(20\d{6}(?:\d{4}){0,1}(?:\d\d)?)\.0+$")
_QUARTERS = {"一刻": "15分", "三刻": "45分"}
_WEEKDAY = re.compile(r"[(（]?(?:星期|周|礼拜)[一二三四五六日天][)）]?|[(（][一二三四五六日天][)）]")
_ABOUT = re.compile(
    r"(^今年(?=\d{1,2}\s*[月./-])|^自|^从|^于|公元|大约|大概|约|左右|期间$|前后|许|开始|起|北京时间|\(北京时间\)|(?<=[\d日时分点])止)"
)
_PARTS = {"凌晨": (0, 6), "清晨": (4, 9), "早上": (5, 10), "早晨": (5, 10), "早": (5, 10), "上午": (0, 12),
    "中午": (11, 14),
          "午间": (11, 14), "下午": (12, 24), "午后": (12, 24), "傍晚": (16, 20), "晚上": (17, 24),
          "晚间": (17, 24), "晚": (17, 24),
          "夜间": (17, 24), "夜里": (17, 24), "夜": (17, 24), "全天": (0, 24), "am": (0, 12),
          "pm": (12, 24)}  # fmt: skip
"""Hours of each part of the day."""
_MORNINGS = frozenset({"上午", "早", "早上", "早晨", "清晨"})
_PART = "|".join(sorted(_PARTS, key=len, reverse=True))
_CLOCK = re.compile(
    rf"(?P<part>{_PART})?\s*(?:(?P<h>\d{{1,2}})\s*(?:[:：时点]|(?=\s*[ap]m))\s*(?:(?P<half>半|整)|(?P<min>\d{{1,2}})\s*分?"
    r"(?:\s*[:：]?\s*(?P<s>\d{1,2})(?:\.\d+)?\s*秒?)?)?\s*(?P<ampm>[ap]m)?|(?P<packed>\d{4}(?:\d\d)?))?",
    re.IGNORECASE,
)


def usual_moment(text: str) -> Moment | None:
    """Return what a time says that is spelt as programs spell it (2026-11-22 08:30:00); None for another one."""
    try:
        if len(text) == 19 and text[4] == text[7] == "-" and text[10] in " T" and text[13] == ":":
            begin = datetime.fromisoformat(text)  # in C
            return Moment(begin, begin + _DAY if begin.time() == _MIDNIGHT else begin)
        return _usual(found) if (found := _USUAL.fullmatch(text)) else None
    except ValueError:
        return None


@lru_cache(maxsize=100_000)
def read_moment(text: str, zone: tzinfo = UTC) -> Moment:
    """Return what one time says. `zone` is the file's, for times with an offset. Raises ValueError when it is none."""
    if found := _USUAL.fullmatch(text):
        return _usual(found)
    plain = plain_time(text)
    if _OFFSET.search(plain):
        exact = datetime.fromisoformat(re.sub(" (?=[+-])", "", plain)).astimezone(zone).replace(tzinfo=None)
        return Moment(exact, exact)
    if found := re.fullmatch(r"(\d{5}(?:\.\d+)?)(?: (0\.\d+))?", plain):  # a day and its time may be two numbers
        return _serial(float(found[1]) + float(found[2] or 0))
    if _EPOCH.fullmatch(plain):
        return _machine_time(int(plain[:10]), zone)
    for pattern in _DATES:
        if found := pattern.match(plain):
            rest = plain[found.end() :].lstrip("T,， ")
            if rest.isdigit() and plain[found.end()] == ",":  # the year of another day, no time of this one
                break
            return _with_clock(found, rest)
    raise ValueError(text)


def _usual(found: re.Match[str]) -> Moment:
    year, month, day, hour, minute, second = (int(figure) if figure else 0 for figure in found.groups())
    if not found[4] or not (hour or minute or second):
        begin = datetime(year, month, day)
        return Moment(begin, begin + _DAY)
    # An hour of 24 is the end of the day.
    begin = datetime(year, month, day) + timedelta(hours=hour, minutes=minute, seconds=second)
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise ValueError(found[0])
    return Moment(begin, begin)


def plain_time(text: str) -> str:
    """Return the text without what says nothing: weekdays, 约, blanks of any kind."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    plain = _ABOUT.sub("", _WEEKDAY.sub(" ", _JAVA.sub(r"\2 \1 \4 \3", plain)))
    plain = with_plain_figures(_LONG_DASHES.sub(r"\1-\2-\3", _WHOLE_NUMBER.sub(r"\1", plain)))
    plain = _BRACKETED_CLOCK.sub(r" \1", plain)
    for words, minutes in _QUARTERS.items():
        plain = plain.replace(words, minutes)
    return re.sub(r"[\s_]+", " ", plain.replace("。", ".")).strip(" .,/")


def _serial(days: float) -> Moment:
    if not _SERIAL_DAYS[0] <= days < _SERIAL_DAYS[1]:
        raise ValueError(days)
    moment = (_SERIAL_BEGIN + timedelta(days=days) + timedelta(milliseconds=500)).replace(microsecond=0)
    return Moment(moment, moment + _DAY if moment.time() == time() else moment)


def _machine_time(epoch_s: int, zone: tzinfo) -> Moment:
    moment = datetime.fromtimestamp(epoch_s, zone).replace(tzinfo=None)
    return Moment(moment, moment)


def _with_clock(found: re.Match[str], rest: str) -> Moment:
    day, month_first = _day(found)
    begin, end = time_of_day(datetime.combine(day, time()), rest)
    groups = found.groupdict()
    lacks_year = day.year == 2000
    is_dotted = lacks_year and groups.get("sep") == "."
    lacks_zero = is_dotted and groups["d"] in {"1", "2", "3"} and not rest and not groups["m"].startswith("0")
    return Moment(begin, end, lacks_year, lacks_zero, month_first)


def _day(found: re.Match[str]) -> tuple[date, bool]:
    """Return the day, of the year 2000 where none is said, and whether day and month could be swapped."""
    groups = {name: value for name, value in found.groupdict().items() if value is not None}
    year = int(groups.get("y", groups.get("yy", "2000")))
    year += 2000 if year < 100 else 0
    if "a" in groups:
        first, second = int(groups["a"]), int(groups["b"])
        is_day_first = first > 12
        day, month = (first, second) if is_day_first else (second, first)
        return date(year, month, day), first <= 12 and second <= 12 and first != second
    month = _MONTHS[groups["name"].lower()] if "name" in groups else int(groups["m"])
    return date(year, month, int(groups["d"])), False


def time_of_day(day: datetime, text: str) -> tuple[datetime, datetime]:
    """Return the begin and end that a time of day, or none, gives a day. Raises ValueError."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    part = (found["part"] or found["ampm"] or "").lower()
    if found["h"] is None and found["packed"] is None:
        first, last = _PARTS.get(part, (0, 24))
        return day + timedelta(hours=first), day + timedelta(hours=last)
    hour, minute, second = _figures(found)
    if part in _MORNINGS and hour == 12:
        if found["s"] is None:  # noon for people, midnight for a spreadsheet
            raise ValueError(text)
        hour = 0  # only machines write 上午 12:00:00
    elif part in _PARTS:
        hour = _in_part(hour, part)
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise ValueError(text)
    moment = day + timedelta(hours=hour, minutes=minute, seconds=second)
    # Midnight as a time is what spreadsheets make of a bare day: as an end it is the end of that day.
    return (moment, moment + _DAY) if moment == day else (moment, moment)


def _figures(found: re.Match[str]) -> tuple[int, int, int]:
    if packed := found["packed"]:
        return int(packed[:2]), int(packed[2:4]), int(packed[4:] or 0)
    return int(found["h"]), 30 if found["half"] == "半" else int(found["min"] or 0), int(found["s"] or 0)


def _in_part(hour: int, part: str) -> int:
    """Return the hour of the day that 下午3点 means. Raises ValueError where the two don't go together."""
    if part.startswith(("晚", "夜")) and part != "夜里" and hour == 12:
        return 24
    first, last = _PARTS[part]
    if part in {"am", "凌晨", "夜里"} and hour == 12:
        return 0
    if first >= 11 and hour < 12 and (part != "中午" or hour < 10):
        # 夜里2点 is after midnight, of which day nobody knows.
        if part.startswith(("夜", "晚")) and hour < 5:
            raise ValueError(part)
        return hour + 12
    if last <= 12 and hour > 12:
        raise ValueError(part)
    return hour
