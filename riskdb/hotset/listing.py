"""Who the record lists at a moment."""

from collections.abc import Iterable

from riskdb.hotset.compute import HotEntries, compute_hot_entries, covered_areas
from riskdb.record.columns import load_visits
from riskdb.record.record import RiskRecord
from riskdb.rule import ListMoment, ListRule


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
