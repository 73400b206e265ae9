"""261120: a day in six figures, which are a day only where all others of the file are written so, too."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

_SIX = re.compile(r"(\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_ONE_OR_TWO = re.compile(rf"\s*{_SIX.pattern}(?:\s*(?:-+|~|—+|–|至|到)\s*{_SIX.pattern})?\s*")
_LONGEST_AGO = timedelta(days=100)


def is_short(text: str) -> bool:
    """Whether a text is a day, or two, in six figures each."""
    return _ONE_OR_TWO.fullmatch(text) is not None


def are_short_days(texts: Iterable[str], latest: datetime) -> bool:
    """Whether all dates of a file are such days of the last months, and not all are the same one."""
    found: set[str] = set()
    for text in texts:
        if not any(map(str.isdigit, text)):  # empty, or 至今
            continue
        if not is_short(text):
            return False
        found.update(day for day in re.split(r"\D+", text) if day)
    days = [_day_of(day) for day in found]
    return len(days) > 1 and all(day is not None and latest - _LONGEST_AGO <= day <= latest for day in days)


def written_out(text: str) -> str:
    """Return 261120 as 2026-11-20; another text as it is."""
    days = ["20{}-{}-{}".format(*figures) for figures in _SIX.findall(text)]
    return " 至 ".join(days) if is_short(text) else text


def _day_of(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%y%m%d")
    except ValueError:
        return None
