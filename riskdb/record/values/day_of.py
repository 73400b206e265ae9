"""Times that lean on another one: 当天, 次日 2:00, or a bare 12:00 beside a day."""

import re
from datetime import datetime, time, timedelta

from riskdb.record.values.moments import Moment, plain_time, time_of_day

_CLOCK = r"(?:\d{1,2}\s*[:：]\s*\d{2}|[^\d\s]{0,2}\s*\d{1,2}\s*[时点]).*"
_LEANING = re.compile(rf"(?P<day>当天|当日|同天|同日|次日|翌日|第二天|隔天)?\s*(?P<clock>{_CLOCK})?")
_DAY_OF_MONTH = re.compile(r"(3[01]|[12]\d|0?[1-9])\s*[日号]")
_A_DAY = timedelta(days=1)
_SOME_DAY = Moment(datetime(2000, 1, 1), datetime(2000, 1, 2))
_NEXT = ("次日", "翌日", "第二天", "隔天")


def is_clock(text: str) -> bool:
    """Whether a text is a time of the day and no day."""
    found = _LEANING.fullmatch(plain_time(text))
    return found is not None and not found["day"] and leaning_on(_SOME_DAY, text) is not None


def says_its_day(text: str) -> bool:
    """Whether a text says by a word which day it means: 次日 2:00."""
    found = _LEANING.fullmatch(plain_time(text))
    return found is not None and bool(found["day"])


def leaning_on(begin: Moment, text: str) -> Moment | None:
    """Return the end that a text says of the day of the begin; None where it is no such text."""
    if of_month := _DAY_OF_MONTH.fullmatch(plain_time(text)):
        return _in_month_of(begin, int(of_month[1]))
    found = _LEANING.fullmatch(plain_time(text))
    if found is None or not (found["day"] or found["clock"]):
        return None
    is_next = found["day"] in _NEXT
    try:
        first, last = time_of_day(datetime.combine(begin.begin, time()) + _A_DAY * is_next, found["clock"] or "")
    except ValueError:
        return None
    # 0:00 of the same day can only be its end, of the next one its begin.
    return Moment(first, first if is_next and found["clock"] else last, begin.lacks_year)


def _in_month_of(begin: Moment, day: int) -> Moment | None:
    """Return 22日 in the month of the begin; None where that is before it: the next month's may be meant."""
    try:
        first = datetime.combine(begin.begin.replace(day=day), time())
    except ValueError:
        return None
    return Moment(first, first + _A_DAY, begin.lacks_year) if day >= begin.begin.day else None
