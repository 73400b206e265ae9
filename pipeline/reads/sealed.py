"""A read as it goes to disk: what was said and the pictures, each sealed, for who decides seldom needs the pictures."""

from typing import NamedTuple

from pipeline.reads.arrival import Arrival
from pipeline.reads.cipher import Seal

BOUND_BY = 16
"""Bytes of the mark at the end of what was said: the pictures open beside no other."""


class Sealed(NamedTuple):
    device_id: str
    key: bytes
    arrived_ms: int
    said: bytes
    pictures: tuple[bytes, ...]
    """One behind the other; empty for none."""

    @property
    def length(self) -> int:
        return len(self.said) + sum(map(len, self.pictures))


def sealed(seal: Seal, arrival: Arrival) -> Sealed:
    said, pictures = arrival.to_parts()
    head = b"".join(seal.close(said, arrival.device_id.encode()))
    behind = seal.close(pictures, head[-BOUND_BY:]) if pictures else ()
    return Sealed(arrival.device_id, arrival.key(), round(arrival.arrived_at.timestamp() * 1000), head, behind)
