"""Why a stay lists nobody now, though its row is right: said at the import, where it can still be mended."""

from collections.abc import Sequence
from enum import StrEnum

from riskdb.record.areas import area_prefix
from riskdb.record.places.table import place_table
from riskdb.record.rows import AreaWindow
from riskdb.rule import ListRule


class ListsNobody(StrEnum):
    """Why a stay lists nobody."""

    UNDECLARED = "undeclared"
    """Nobody has declared its area."""
    UNKNOWN_AREA = "unknown_area"
    """Nobody has declared its area, and the table of divisions has no such code."""
    COARSER = "coarser_than_declared"
    """Its area only contains a declared one: a city was written where a county is declared."""
    OTHER_DAYS = "other_days"
    """Its area was declared, for other days or too long ago."""


NOBODY_WORDS = {
    ListsNobody.UNDECLARED: "所在地区没有公布为风险区",
    ListsNobody.UNKNOWN_AREA: "区划表里没有这个编码，也没有公布",
    ListsNobody.COARSER: "地区写得比公布的风险区大，不能确定到过",
    ListsNobody.OTHER_DAYS: "停留不在公布的时间里，或已过回溯期",
}


class Coverage:
    """What the standing declarations cover. Files repeat areas, so each is looked up once."""

    def __init__(self, windows: Sequence[AreaWindow], rule: ListRule, now: float) -> None:
        standing = [w for w in windows if w.lifted_at is None and w.level in rule.levels]
        self._windows = [(area_prefix(window.code), window) for window in standing]
        self._oldest = now - rule.lookback_s
        self._covering: dict[str, list[AreaWindow]] = {}

    def why_nobody(self, area: str, visited_from: int, visited_until: int) -> ListsNobody | None:
        """Return why a stay lists nobody, None where it lists its vehicle or will when the declaration begins."""
        covering = self._covering.get(area)
        if covering is None:
            covering = [window for prefix, window in self._windows if area.startswith(prefix)]
            self._covering[area] = covering
        if not covering:
            return self._why_uncovered(area)
        for window in covering:
            end = visited_until if window.valid_until is None else min(visited_until, window.valid_until)
            if max(visited_from, window.valid_from) < end and end > self._oldest:
                return None
        return ListsNobody.OTHER_DAYS

    def _why_uncovered(self, area: str) -> ListsNobody:
        prefix = area_prefix(area)
        if any(declared.startswith(prefix) for declared, _ in self._windows):
            return ListsNobody.COARSER
        return ListsNobody.UNDECLARED if place_table().has(prefix[:9]) else ListsNobody.UNKNOWN_AREA
