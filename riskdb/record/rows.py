"""The rows of the record. Times are epoch seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from riskdb.types import Declaration, RiskLevel


class Addition(Enum):
    """What became of a stay that was to be kept."""

    NEW = "new"
    KNOWN = "known"
    REMOVED = "removed"
    """It is there, and a correction took it out."""
    BESIDE_ANOTHER_END = "beside another end"
    """New, but the same stay is there with another end."""


@dataclass(frozen=True, slots=True)
class AreaWindow:
    """One declaration. Times are epoch seconds, `until` is exclusive; None means no end, or not lifted."""

    window_number: int
    code: str
    name: str
    level: RiskLevel
    valid_from: int
    valid_until: int | None
    source: str
    declared_at: int
    lifted_at: int | None

    def is_known_at(self, now: float) -> bool:
        """Whether the declaration had been made and not yet taken back at `now`."""
        return self.declared_at <= now and (self.lifted_at is None or now < self.lifted_at)

    def says_the_same_as(self, other: "AreaWindow") -> bool:
        """Whether the other one declares the same area and level at least as far back and to the same end."""
        is_same_area = self.code == other.code and self.level == other.level
        return is_same_area and other.valid_from <= self.valid_from and self.valid_until == other.valid_until

    def as_declaration(self) -> Declaration:
        """Return the part of it that a match needs."""
        return Declaration(
            area=self.code,
            name=self.name,
            level=self.level,
            declared_from=self.valid_from,
            declared_until=self.valid_until,
        )


class Visit(NamedTuple):
    """One stay; `visited_until` is exclusive. A tuple, because an import makes a million of them."""

    digest: bytes
    area_number: int
    visited_from: int
    visited_until: int
    source_number: int
    received_at: int
    import_number: int | None = None
    """What it came in with; None before imports were numbered."""


def what_becomes_of(visits: Sequence[Visit], held: Sequence[int | None]) -> Iterator[Addition]:
    """Yield what becomes of each stay, earlier ones first.

    `held` says of each what the record has: None when no stay begins so, 1 when it is there, 0 when it is there with
    other ends only, 2 when it is there and was taken out.
    """
    ends_by_start: dict[tuple[bytes, int, int], tuple[int, ...]] = {}
    for visit, state in zip(visits, held, strict=True):
        start, end = visit[:3], visit[3]
        earlier = ends_by_start.get(start, ())
        if state == 2:
            yield Addition.REMOVED
            continue
        if state == 1 or end in earlier:
            yield Addition.KNOWN
            continue
        ends_by_start[start] = (*earlier, end)
        yield Addition.NEW if state is None and not earlier else Addition.BESIDE_ANOTHER_END
