"""A read as it goes to disk: what was said and the pictures, each sealed, for who decides seldom needs the pictures.

In front stands what it is, so that it is found again where a power cut took the row that says where it lies.
"""

import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.reads.arrival import Arrival
from pipeline.reads.cipher import Seal, SealError
from riskdb.own_file import open_plain

BOUND_BY = 16
"""Bytes of the mark at the end of what was said: the pictures open beside no other."""
MARK = b"read\r\n\x1a\n"
FRAME = struct.Struct("<8sHII")
"""Stands in front of a read: MARK, and how long are the device's id behind it, what was said, and the pictures."""

log = logging.getLogger(__name__)


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

    def row(self, segment: int, place: int) -> tuple[object, ...]:
        """Return its row in the journal, from where it lies."""
        return (self.device_id, self.key, self.arrived_ms, segment, place, self.length, len(self.said))


def sealed(seal: Seal, arrival: Arrival) -> Sealed:
    said, pictures = arrival.to_parts()
    head = b"".join(seal.close(said, arrival.device_id.encode()))
    behind = seal.close(pictures, head[-BOUND_BY:]) if pictures else ()
    return Sealed(arrival.device_id, arrival.key(), round(arrival.arrived_at.timestamp() * 1000), head, behind)


def frame_of(read: Sealed) -> bytes:
    device = read.device_id.encode()
    return FRAME.pack(MARK, len(device), len(read.said), sum(map(len, read.pictures))) + device


def rowless(path: Path, begin: int, seal: Seal) -> Iterator[tuple[int, Sealed]]:
    """Yield the whole reads behind `begin` and where each stands. Raises OSError.

    One that is not whole was not acknowledged: a write returns when it is on disk.
    """
    file = open_plain(path, os.O_RDONLY)
    try:
        while (found := _framed(file, begin)) is not None:
            device_id, place, said_length, length = found
            begin = place + length
            content = os.pread(file, length, place)
            if len(content) == length and (read := _whole(device_id, content, said_length, seal)) is not None:
                yield place, read
    finally:
        os.close(file)


def _framed(file: int, begin: int) -> tuple[str, int, int, int] | None:
    """Return the device of what stands there, its place, and how long are what was said, and all; None for none."""
    head = os.pread(file, FRAME.size, begin)
    if len(head) < FRAME.size:
        return None
    mark, device_length, said_length, pictures_length = FRAME.unpack(head)
    if mark != MARK:
        return None
    device = os.pread(file, device_length, begin + FRAME.size)
    return (
        device.decode(errors="replace"),
        begin + FRAME.size + device_length,
        said_length,
        said_length + pictures_length,
    )


def _whole(device_id: str, content: bytes, said_length: int, seal: Seal) -> Sealed | None:
    said, pictures = content[:said_length], content[said_length:]
    try:
        arrival = Arrival.from_bytes(seal.open(said, device_id.encode()))
        if pictures:
            seal.open(pictures, said[-BOUND_BY:])
    except SealError:
        log.warning("a read of %s behind the last row of the journal is not whole: it was not acknowledged", device_id)
        return None
    return Sealed(device_id, arrival.key(), round(arrival.arrived_at.timestamp() * 1000), said, (pictures,))
