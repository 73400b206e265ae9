"""Who the record lists at a moment."""

from collections.abc import Iterable
from datetime import datetime

from riskdb.hotset.compute import HotEntries, compute_hot_entries, covered_areas
from riskdb.record.columns import load_visits
from riskdb.record.record import RiskRecord
from riskdb.rule import ListMoment, ListRule
from riskdb.types import RiskRequestError


def listed_entries(
    record: RiskRecord, rule: ListRule, moment: ListMoment, digests: Iterable[bytes] | None = None
) -> HotEntries:
    """Return who is, was or will be listed at a moment, by what was known then: all, or of some digests.

    Only stays in areas that a declaration covers are read.
    """
    windows, area_codes = record.windows(), record.area_codes()
    areas = covered_areas(windows, area_codes, rule, moment)
    visits = load_visits(record, moment.known_by, areas, digests)
    return compute_hot_entries(visits, windows, area_codes, rule, moment)


def require_kept(record: RiskRecord, rule: ListRule, moment: float) -> None:
    """Refuse a past moment at which stays counted that have been deleted since. Raises RiskRequestError."""
    purged_before = int(record.state("purged_before"))
    complete_since = purged_before + rule.lookback_s
    if purged_before and moment < complete_since:
        told = f"{datetime.fromtimestamp(complete_since).astimezone():%Y-%m-%d %H:%M}"
        raise RiskRequestError(
            f"那时的名单已经不完整：到期的行程已从记录中清除；可查的最早时间是 {told}，"
            "更早的要用当时备份的 risk.sqlite（--list-at 文件）"
        )
