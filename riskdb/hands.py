"""What an act on the record does to the list, and what it needs of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did."""

    version: int
    count: int
    added: int
    removed: int
    is_rebuilt: bool
    elapsed_s: float = 0.0
    changed: int = 0
    """Listed before and after, for other reasons; not counted in a rebuild."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a steward's act did: to the record, and to the list (None where the keeper has no publisher)."""

    touched: int
    """Vehicles whose entries may have changed."""
    published: Published | None


@dataclass(frozen=True, slots=True)
class ListHands:
    """What an act on the record needs of the list."""

    publish: Callable[[Iterable[bytes]], Published | None]
    catch_up: Callable[[], Published | None]
    """Publishes what an act that died has left."""
    listed_of: Callable[[Iterable[bytes]], set[bytes]]
    """Which of some vehicles the record lists."""
    known_now: Callable[[], int]
    """The time to write into the record. Raises RiskDBError when nobody knows it."""
