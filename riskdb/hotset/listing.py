"""Who the record lists at a moment."""

from collections.abc import Collection, Iterable
from datetime import datetime

from riskdb.hotset.compute import HotEntries, compute_hot_entries, covered_areas, listed_digests
from riskdb.record.columns import load_visits, load_visits_of_import
from riskdb.record.importing import ListingChange
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


def listed_vehicles(record: RiskRecord, rule: ListRule, moment: ListMoment, digests: Iterable[bytes]) -> set[bytes]:
    """Return which of some digests are listed."""
    windows, area_codes = record.windows(), record.area_codes()
    visits = load_visits(record, moment.known_by, covered_areas(windows, area_codes, rule, moment), digests)
    return listed_digests(visits, windows, area_codes, rule, moment)


def change_by_import(
    record: RiskRecord, rule: ListRule, moment: ListMoment, digests: Collection[bytes], import_number: int
) -> ListingChange:
    """Return what an import that is not over yet does to the list; `digests` are those of its stays."""
    windows, area_codes = record.windows(), record.area_codes()
    areas = covered_areas(windows, area_codes, rule, moment)
    own, before = (
        listed_digests(visits, windows, area_codes, rule, moment)
        for visits in load_visits_of_import(record, areas, digests, import_number)
    )
    # Stays only come, so nobody leaves the list by them.
    return ListingChange(added=len(own - before), removed=0, unchanged=len(before))


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
