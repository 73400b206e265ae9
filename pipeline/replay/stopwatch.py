"""How long a unit takes, and how far it is; never part of the answer."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.replay.records import UnitTimings
from pipeline.replay.units import ReplayUnit
from pipeline.types import Frame, Reader, ScreeningCounts

REPORT_EVERY_S = 0.2
OnProgress: TypeAlias = Callable[[str, float, float], None]
"""Called with the unit's label, how far it is and how long (0.0: unknown), both in milliseconds of footage."""


@dataclass
class Stopwatch:
    """Reads, times and reports; stands where the reader stands."""

    reader: Reader
    unit: ReplayUnit
    on_progress: OnProgress
    frame_s: list[float] = field(default_factory=list)
    wait_s: float = 0.0
    last_ms: float = 0.0
    reported_at: float = 0.0

    def read(
        self, image: BgrImage, moved: Sequence[BoundingBox] | None = None, *, follows: bool = False
    ) -> list[PlateRead]:
        started = time.perf_counter()
        reads = self.reader.read(image, moved, follows=follows)
        self.frame_s.append(time.perf_counter() - started)
        return reads

    def waiting(self, frames: Iterator[Frame], start: datetime, counts: ScreeningCounts) -> Iterator[Frame]:
        while True:
            started = time.perf_counter()
            frame = next(frames, None)
            now = time.perf_counter()
            self.wait_s += now - started
            if frame is None:
                return
            self.last_ms = (frame.captured_at - start) / timedelta(milliseconds=1)
            if now - self.reported_at > REPORT_EVERY_S:
                self.reported_at = now
                reached_ms, length_ms = self.unit.share_of(self.last_ms, counts.length_ms)
                self.on_progress(self.unit.label, reached_ms, length_ms)
            yield frame

    def timings(self, total_s: float) -> UnitTimings:
        read_s = sum(self.frame_s)
        return UnitTimings(
            total_s=total_s,
            decode_wait_s=self.wait_s,
            read_s=read_s,
            track_s=max(0.0, total_s - read_s - self.wait_s),
            frame_ms=tuple(round(1000 * seconds, 2) for seconds in self.frame_s),
        )
