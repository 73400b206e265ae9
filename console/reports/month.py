"""The month's report for the public: what was done, how often it was wrong, and of nobody anything.

A count that is small enough to point at somebody is told as "少于 5"; where it would follow from its total and the
others, one more is not told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from console.cases.steps import CROSSING, VEHICLE_OUTCOMES
from console.reports.trends import trends
from console.store.database import Database
from console.store.list_tables import CorrectionRow
from console.store.tables import CaseRow
from riskdb.types import BEIJING

SMALLEST = 5
"""Counts from 1 to below this are suppressed."""
FEW = f"少于 {SMALLEST}"
_HIDDEN = "—"
_PARTS = ("其中经人工确认", "其中误读（不是这辆车）", "其中其他或尚未核实")


@dataclass(frozen=True, slots=True)
class MonthReport:
    since: datetime
    until: datetime
    passages: int
    """A vehicle that passed; far too many to point at anybody."""
    figures: dict[str, str]
    outcomes: dict[str, str]
    shares: dict[str, str]


def month_of(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of a month such as "2026-11", Beijing time; "" is the month before this one.

    Raises ValueError.
    """
    local = now.astimezone(BEIJING)
    begin = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if text:
        begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=BEIJING)
    else:
        begin = (begin - timedelta(days=1)).replace(day=1)
    return begin, (begin + timedelta(days=32)).replace(day=1)


def month_report(database: Database, since: datetime, until: datetime) -> MonthReport:
    whole = trends(database, since, until).whole
    with database.reading() as session:
        inside = CaseRow.level != CROSSING, CaseRow.opened_at >= since, CaseRow.opened_at < until
        query = select(CaseRow.outcome, func.count()).where(*inside, CaseRow.outcome.is_not(None))
        by_outcome = {outcome: count for outcome, count in session.execute(query.group_by(CaseRow.outcome))}  # noqa: C416  Row is no pair to mypy
        corrected = func.count(CorrectionRow.correction_id)
        opened = CorrectionRow.opened_at >= since, CorrectionRow.opened_at < until
        corrections = session.scalar(select(corrected).where(*opened)) or 0
    looked_at = whole.confirmed + whole.misread
    parts = [whole.confirmed, whole.misread, max(0, whole.cases - looked_at)]
    return MonthReport(
        since=since, until=until, passages=whole.passages,
        figures={
            "预警（命中与疑似）": told(whole.cases),
            **dict(zip(_PARTS, told_together(parts), strict=True)),
            "卡口当场办结": told(whole.booth_closed),
            "未能核对的过车": told(whole.unchecked),
            "名单更正": told(corrections),
        },
        outcomes=dict(zip(VEHICLE_OUTCOMES.values(), told_together(
            [by_outcome.get(outcome.value, 0) for outcome in VEHICLE_OUTCOMES]), strict=True)),
        shares={
            "每万辆过车的预警": _share(whole.cases, whole.passages, 10_000, ""),
            "人工看过的预警中误读的": _share(whole.misread, looked_at, 100, " %"),
        },
    )  # fmt: skip


def told(count: int) -> str:
    """Return the count in words; a small one is not told exactly."""
    return FEW if 0 < count < SMALLEST else f"{count:,}"


def told_together(counts: Sequence[int]) -> list[str]:
    """Return parts of a total that may be known: where just one is suppressed, the next smallest is not told either."""
    small = [number for number, count in enumerate(counts) if 0 < count < SMALLEST]
    words = [told(count) for count in counts]
    if len(small) == 1:
        others = [number for number, count in enumerate(counts) if count >= SMALLEST]
        if others:
            words[min(others, key=lambda number: counts[number])] = _HIDDEN
    return words


def _share(part: int, whole: int, per: int, unit: str) -> str:
    if part < SMALLEST or whole < 100:
        return _HIDDEN
    return f"{part / whole * per:.1f}{unit}"
