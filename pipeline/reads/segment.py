"""A file of sealed reads that grows at its end, and is deleted as a whole."""

import contextlib
import os
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, chain
from pathlib import Path

from riskdb.own_file import open_plain

SEGMENT_BYTES = 64 * 2**20
SEGMENT_S = 45.0
"""A segment is closed at this size or age: what was decided may then be deleted."""
HELD_SEGMENTS = 8
"""The last ones stay in memory: who decides soon reads in them. Older ones would fill all there is, 100 MB a second."""
IOV_MAX = 1024
"""So many pieces Linux and macOS take in one write."""


class Segment:
    """Open for writing."""

    def __init__(self, path: Path, number: int, now_s: float) -> None:
        self.number = number
        # Each write returns when it is on disk: a call of its own for that would wait for the interpreter once more.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_DSYNC, 0o600)
        self._size = 0
        self._begun_s = now_s
        self._sync_name(path.parent)

    def append(self, reads: Sequence[Sequence[bytes]]) -> list[int]:
        """Put reads on disk, each of some pieces; return where each of them stands."""
        places = list(accumulate((sum(map(len, read)) for read in reads), initial=self._size))
        self._size = places.pop()
        pieces = list(chain.from_iterable(reads))
        for begin in range(0, len(pieces), IOV_MAX):
            _write_all(self._file, pieces[begin : begin + IOV_MAX])
        return places

    def is_over(self, now_s: float) -> bool:
        return self._size >= SEGMENT_BYTES or now_s - self._begun_s >= SEGMENT_S

    def close(self) -> None:
        os.close(self._file)

    def _sync_name(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Held:
    """The segments that were closed last: the system holds them in memory, and no older ones."""

    def __init__(self) -> None:
        self._paths: deque[Path] = deque()

    def add(self, path: Path) -> None:
        self._paths.append(path)
        if len(self._paths) > HELD_SEGMENTS:
            leave_memory(self._paths.popleft())


def leave_memory(path: Path) -> None:
    """Let the system drop what it holds of a file in memory; one that is gone held none."""
    if not hasattr(os, "posix_fadvise"):
        return
    with contextlib.suppress(FileNotFoundError):
        file = open_plain(path, os.O_RDONLY)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def _write_all(file: int, pieces: Sequence[bytes]) -> None:
    written = os.writev(file, pieces)
    if written < sum(map(len, pieces)):  # the disk is full, or a signal came
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(file, rest) :]
