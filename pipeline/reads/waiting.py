"""A read of the journal that is to be decided, and where it lies."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.reads.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Waiting:
    """A read that is to be decided; `arrival` None where it cannot be read any more."""

    seq: int
    device_id: str
    arrival: Arrival | None
    place: "Place"


class Place(NamedTuple):
    """Where a read lies."""

    segment: int
    begin: int
    length: int
    head: int
    """Of the length, what was said, sealed apart; 0 where it is one with the pictures."""
