"""A stay as people write it: begin and end in two cells or in one, with or without the year, or until now."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from riskdb.record.values.day_of import leaning_on, says_its_day
from riskdb.record.values.moments import Moment, plain_time, read_moment, usual_moment
from riskdb.record.values.problem import CellProblem
from riskdb.record.values.unsure_days import why_unsure
from riskdb.record.values.year_source import YearSource

_OPEN = re.compile(
    r"(至今|迄今|现在|今|目前|截至目前|截至现在|未离开|尚未离开|未离|未返回|尚未返回|(?:现|现在|目前)?(?:仍|还|尚)在"
    r"(?:当地|此地|该地|停留|滞留)?|滞留中|停留中|在途|至目前|今天|今日|now|present|ongoing|until now|-至今)"
)
_UNTIL_NOW = re.compile(rf"(.+?)\s*(?:[-~—–]+|至|到)?\s*{_OPEN.pattern}", re.IGNORECASE)
_STRONG = re.compile(r"\s*(?:至|到|~|～|〜|—+|–|―|→|->|－－|--)\s*")
_ISO = r"20\d\d-\d+-\d+(?: [\d:]+)?"
_BLANK_BETWEEN = re.compile(
    rf"([^-—~至到]*[\d日号]|{_ISO})(?: |[,;] ?)((?:20\d\d[-/.年]|\d{{1,2}}月)[^-~—至到]*|{_ISO})"
)
"""Two times with nothing but a blank or a comma between: the year of the second is no time of the first."""
_COUNTED = re.compile(r"(.+?)\s*[(（]?(?:共计?|计)\s*(\d{1,2})\s*天[)）]?")
_LISTED = re.compile(r"[、,;]\s*")
_UNTIL = re.compile(r"^(?:截[至止]到?|至|到)\s*(?=\d)")
_HOW = "请写成 2026-11-24 或 2026-11-24 08:30"
_HALF_YEAR = timedelta(days=183)


@dataclass(frozen=True, slots=True)
class Stay:
    """Begin and end in the zone of the file, the end exclusive."""

    begin: datetime
    end: datetime
    note: str = ""
    """What had to be decided to understand it, for people."""
    is_of_file: bool = False
    """The year was taken from somewhere else than the two cells."""


FindYear = Callable[[], YearSource]


def read_stay(begin_text: str, end_text: str, now: datetime, find_year: FindYear, zone: tzinfo) -> Stay:
    """Return the stay of two cells, which may hold the same text. `now` has no offset, it is in the file's `zone`.

    Raises CellProblem.
    """
    return _usual_stay(begin_text, end_text) or _any_stay(begin_text, end_text, now, find_year, zone)


def _usual_stay(begin_text: str, end_text: str) -> Stay | None:
    """Return the stay of two cells as programs write them, of which a file has a million; None where it is another."""
    begin, end = usual_moment(begin_text), usual_moment(end_text)
    if begin is None or end is None or begin_text == end_text or end.begin < begin.begin:
        return None
    return Stay(begin.begin, end.end)


def _any_stay(begin_text: str, end_text: str, now: datetime, find_year: FindYear, zone: tzinfo) -> Stay:
    is_one_cell = end_text == begin_text
    begin_text = begin_text.strip()
    end_text = begin_text if is_one_cell else _UNTIL.sub("", end_text.strip().strip("-—/\\无空"))
    if not begin_text:
        raise CellProblem("到达时间", "", "没有填写", _HOW)
    for column, text in (("到达时间", begin_text), ("离开时间", end_text)):
        if unsure := why_unsure(text):
            raise CellProblem(column, text, *unsure)
    first, last = _two_ends(begin_text, end_text)
    note = []
    begin = _read("到达时间", first, zone)
    if not _reads(last) and _OPEN.fullmatch(plain_time(last).lower()):
        end = None
        note.append(f"“{last}”按导入当天为止")
    elif not _reads(last) and (leaning := leaning_on(begin, last)):
        end = leaning
        note.append(f"“{last}”按到达的日期算")
    else:
        end = _read("离开时间", last, zone)
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    year = _year_of(begin, end, find_year)
    start = _completed("到达时间", first, begin, year).begin
    if year is not None and (begin.lacks_year or (end and end.lacks_year)):
        note.append(f"年份按{year.words}补为 {start.year}" if begin.lacks_year else "年份按同一行补上")
    last_moment = Moment(tomorrow, tomorrow) if end is None else _completed("离开时间", last, end, year, after=start)
    until = last_moment.end
    # A day as the end counts to its midnight, so a day too early ends where the stay begins.
    if until < start or (last_moment.begin < start == until):
        raise CellProblem("离开时间", last, f"早于到达时间“{first}”", "请核对这两个时间")
    is_of_file = year is not None and year.words != "同一行的日期"
    return Stay(start, until, "，".join(note), is_of_file or end is None)


def _two_ends(begin_text: str, end_text: str) -> tuple[str, str]:
    """Return begin and end, taken apart where one cell holds both."""
    if end_text and end_text != begin_text:
        for text in (begin_text, end_text):
            if parts := _parted(text):
                raise CellProblem(
                    "停留时间",
                    text,
                    "一格里有起止两个时间，另一格里又有别的时间",
                    f"请分开写：{parts[0]} 和 {parts[1]}",
                )
        return begin_text, end_text
    if parts := _parted(begin_text):
        return parts
    if not end_text and _reads(begin_text):
        raise CellProblem("离开时间", "", "没有填写", "仍在当地请写“至今”")
    return begin_text, end_text or begin_text


def _parted(text: str) -> tuple[str, str] | None:
    """Return the two ends of a range in one cell, or None where the text is one time or none at all."""
    if _reads(text):
        return None
    plain = plain_time(text)
    if _reads(plain):
        return None
    if days := _days_counted(plain) or _days_listed(text, plain):
        return days
    splits = dict.fromkeys(split for split in _splits(plain) if _reads(split[0]) and _is_end(split[1]))
    if not splits:
        return None
    if len(splits) > 1:
        raise CellProblem("停留时间", text, "起止时间有不止一种读法", "请把起止时间分开写")
    return next(iter(splits))


def _days_listed(text: str, plain: str) -> tuple[str, str] | None:
    """Return the first and the last of 20日、21日、22日; None where no days are listed. Raises CellProblem for gaps."""
    first, *others = (part.strip() for part in _LISTED.split(plain))
    days = [first, *(_with_day_of(first, other) for other in others)]
    if not others or not all(map(_reads, days)):
        return None
    moments = [read_moment(day) for day in days]
    if "、" not in plain and not all(map(_is_whole_day, moments)):  # 8:00,10:00 is a begin and an end
        return None
    if any(one.end != after.begin for one, after in pairwise(moments)):
        raise CellProblem(
            "停留时间", text, "写了几个时间，不知道是只有这几个，还是从头到尾都在",
            "只有这几个就各写一行；一直停留就写“至”",
        )  # fmt: skip
    return days[0], days[-1]


def _is_whole_day(moment: Moment) -> bool:
    return moment.end - moment.begin == timedelta(days=1)


def _days_counted(text: str) -> tuple[str, str] | None:
    """Return both ends of 11月20日至22日（共3天）; None for another text. Raises CellProblem where it is not so."""
    found = _COUNTED.fullmatch(text)
    if found is None or (ends := _parted(found[1])) is None:
        return None
    first, last = (read_moment(end) for end in ends) if all(map(_reads, ends)) else (None, None)
    if first is None or last is None or (last.end - first.begin).days != int(found[2]):
        raise CellProblem("停留时间", text, f"起止时间不是 {found[2]} 天", "请核对后只写起止时间")
    return ends


def _splits(plain: str) -> Iterator[tuple[str, str]]:
    if found := _UNTIL_NOW.fullmatch(plain):
        yield found[1].strip("从自 "), found[2]
        return
    if found := _BLANK_BETWEEN.fullmatch(plain):
        yield found[1], found[2]
        return
    strong = list(_STRONG.finditer(plain))
    weak = [] if strong else list(re.finditer(r"\s*-\s*", plain)) or list(re.finditer(r"[、,;]\s*|\n", plain))
    for found in strong or weak:
        first = plain[: found.start()].strip("从自 ")
        yield first, _with_day_of(first, plain[found.end() :].strip())


def _with_day_of(first: str, last: str) -> str:
    """Return the end with what the begin says for both: 11月20日-22日, 11月20日8时-10时."""
    if _reads(last) or _OPEN.fullmatch(last.lower()):
        return last
    patterns = (
        (
            r"(\d{1,2})[日号]?(?=$|\s|[上下凌早晚中\d])",
            r"^(.*?\d\s*月\s*)\d{1,2}\s*[日号]?.*$|^((?:\d{4}[-/.])?\d{1,2}[-/.])\d{1,2}(?:\s.*)?$",
        ),
        (
            r"(?:上午|下午|晚上?|凌晨|中午)?\s*\d{1,2}\s*[:时点].*",
            r"^(.*?\d\s*月\s*\d{1,2}\s*[日号]?)\s*\D?.*$|^((?:\d{4}[-/.])?\d{1,2}[-/.]\d{1,2})\s.*$",
        ),
    )
    for is_end, of_begin in patterns:
        if re.match(is_end, last) and (found := re.match(of_begin, first)):
            head = found[1] or found[2]
            glue = "" if is_end.startswith(r"(\d") else " "
            if _reads(head + glue + last):
                return head + glue + last
    return last


def _reads(text: str) -> bool:
    try:
        read_moment(text)
    except (ValueError, OverflowError):
        return False
    return True


def _is_end(text: str) -> bool:
    return _reads(text) or _OPEN.fullmatch(text.lower()) is not None or says_its_day(text)


def _read(column: str, text: str, zone: tzinfo) -> Moment:
    if not text:
        raise CellProblem(column, "", "没有填写", _HOW)
    try:
        moment = read_moment(text, zone)
    except (ValueError, OverflowError) as error:
        raise CellProblem(column, text, "不是时间", _HOW) from error
    if moment.month_first:
        raise CellProblem(column, text, "月和日分不清哪个在前", _HOW)
    return moment


def _year_of(begin: Moment, end: Moment | None, find_year: FindYear) -> YearSource | None:
    """Return where the missing years come from; None where none is missing."""
    if not (begin.lacks_year or (end is not None and end.lacks_year)):
        return None
    found = find_year()
    for moment in (begin, end):
        if moment is not None and not moment.lacks_year:
            return YearSource(
                moment.begin, "同一行的日期", max(found.latest, moment.begin + _HALF_YEAR), found.keeps_zeros
            )
    return found


def _completed(
    column: str, text: str, moment: Moment, year: YearSource | None, after: datetime | None = None
) -> Moment:
    """Return the moment with its year; an end lies behind its begin. Raises CellProblem."""
    if not moment.lacks_year:
        return moment
    if moment.lacks_zero and not (year and year.keeps_zeros):
        month, day = moment.begin.month, moment.begin.day
        raise CellProblem(
            column, text, f"可能是 {month} 月 {day} 日，也可能是 {month} 月 {day}0 日（表格软件会去掉末尾的 0）", _HOW
        )
    if year is None:
        raise CellProblem(column, text, "没有年份", _HOW)
    try:
        begin = year.completed(moment.begin)
        if after is not None and begin.date() < after.date() and after.month == 12 and begin.month == 1:
            begin = begin.replace(year=begin.year + 1)
    except ValueError as error:
        raise CellProblem(
            column, text, "没有年份，也补不出来（最近的一次还没有到，上一次将近一年以前）", _HOW
        ) from error
    return Moment(begin, begin + (moment.end - moment.begin))
