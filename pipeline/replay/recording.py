"""The frames of one recording around a unit: out of its own file and its neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.errors import SourceError, UnsteadyDecodingError
from pipeline.replay.units import ReplayUnit
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, ScreeningCounts
from pipeline.video.nursery import Nursery
from pipeline.video.sources import read_frames


@dataclass(frozen=True, slots=True)
class Recording:
    """Reads a unit's file and, where they are needed, those before and after it."""

    source: SourceSettings
    settings: PipelineSettings
    counts: ScreeningCounts
    """Of the unit's own file."""
    decoder_threads: int
    nursery: Nursery | None = None

    def frames(self, unit: ReplayUnit, start: datetime, from_ms: float, before_ms: float) -> Iterator[Frame]:
        """Yield frames in the order they were taken: `before_ms` of the earlier files, the file's own, the later ones.

        One that cannot be read is told in its own unit; here it only ends early.
        """
        began = start - timedelta(milliseconds=sum(each.length_ms for each in unit.before))
        left_out_ms = max(0.0, sum(each.length_ms for each in unit.before) - before_ms)
        for each in unit.before:
            if left_out_ms < each.length_ms:
                yield from self._neighbour(each.path, began, left_out_ms)
            left_out_ms = max(0.0, left_out_ms - each.length_ms)
            began += timedelta(milliseconds=each.length_ms)
        yield from self._read(self.source, self.counts, from_ms)
        began = start + timedelta(milliseconds=unit.length_ms)
        for each in unit.after:
            yield from self._neighbour(each.path, began, 0.0)
            began += timedelta(milliseconds=each.length_ms)

    def _neighbour(self, path: Path, start: datetime, from_ms: float) -> Iterator[Frame]:
        source = self.source.model_copy(update={"uri": str(path), "start": start})
        try:
            yield from self._read(source, ScreeningCounts(), from_ms)
        except UnsteadyDecodingError:
            raise
        except SourceError:
            return

    def _read(self, source: SourceSettings, counts: ScreeningCounts, from_ms: float) -> Iterator[Frame]:
        return read_frames(
            source,
            self.settings,
            counts,
            from_ms=from_ms,
            decoder_threads=self.decoder_threads,
            nursery=self.nursery,
        )
