"""Several cameras share a few readers, one a core: who needs a look most has the next one.

A camera waits with one picture at most, and its walk with it: when there are too many, each looks less often, at what
is new by then. There is no queue that could grow.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.types import InView, Reader

PATIENCE_S = 0.5
"""After waiting for so long an empty road goes before vehicles: a new one may be on it."""


@dataclass(eq=False)
class _Turn:
    """One camera's place in the pool."""

    in_view: InView
    served_s: float = float("-inf")
    waits_since_s: float = 0.0
    reader: Reader | None = None
    is_granted: threading.Event = field(default_factory=threading.Event)

    def rank(self, now_s: float) -> tuple[int, float]:
        """Return what the least of is served next: a vehicle that is not read yet, one that is, an empty road."""
        if not self.in_view.is_settled or now_s - self.waits_since_s > PATIENCE_S:
            return 0, self.served_s
        return (1 if self.in_view.since is not None else 2), self.served_s


class ReadingPool:
    """Lends each of its readers to one camera at a time."""

    def __init__(self, readers: Sequence[Reader], now_s: Callable[[], float] = time.monotonic) -> None:
        self._free = list(readers)
        self._waiting: list[_Turn] = []
        self._lock = threading.Lock()
        self._now_s = now_s

    def reader_for(self, in_view: InView) -> "PooledReader":
        """Return a reader for one camera, whose track stage keeps `in_view` up to date."""
        return PooledReader(self, _Turn(in_view))

    @contextmanager
    def _lent(self, turn: _Turn) -> Iterator[Reader]:
        turn.is_granted.clear()
        with self._lock:
            turn.waits_since_s = self._now_s()
            self._waiting.append(turn)
            self._grant()
        turn.is_granted.wait()
        reader = turn.reader
        assert reader is not None
        try:
            yield reader
        finally:
            with self._lock:
                turn.reader = None
                self._free.append(reader)
                self._grant()

    def _grant(self) -> None:
        now_s = self._now_s()
        while self._free and self._waiting:
            turn = min(self._waiting, key=lambda each: each.rank(now_s))
            self._waiting.remove(turn)
            turn.reader, turn.served_s = self._free.pop(), now_s
            turn.is_granted.set()


class PooledReader:
    """What a camera's walk takes for a reader of its own; one thread a camera."""

    def __init__(self, pool: ReadingPool, turn: _Turn) -> None:
        self._pool = pool
        self._turn = turn

    def read(
        self, image: BgrImage, moved: Sequence[BoundingBox] | None = None, *, follows: bool = False
    ) -> list[PlateRead]:
        with self._pool._lent(self._turn) as reader:
            return reader.read(image, moved, follows=follows)


class BehindReader:
    """Reads in a thread of its own, which `begin` has put behind the others: reading is most of what a box computes.

    Asking the list, keeping an event and decoding the next picture take a few milliseconds each, and somebody waits
    for them; beside readers of the same priority each of their steps waits for a core as long as a slice of reading.
    And what a thread's reading takes of memory stays that thread's (50 MiB): cameras' own threads read nothing.
    """

    def __init__(self, reader: Reader, begin: Callable[[], None]) -> None:
        self._reader = reader
        self._thread = ThreadPoolExecutor(1, "reading", initializer=begin)

    def read(
        self, image: BgrImage, moved: Sequence[BoundingBox] | None = None, *, follows: bool = False
    ) -> list[PlateRead]:
        return self._thread.submit(self._reader.read, image, moved, follows=follows).result()
