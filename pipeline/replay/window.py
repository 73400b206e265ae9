"""Which frames a piece of a long video needs, and which tracks are its own."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pipeline.replay.units import ReplayUnit
from pipeline.types import Frame, InView, PlateTrack

LEAD_IN_S = 5.0
MAX_LEAD_OUT_S = 120.0
"""A vehicle that stays longer than this behind the end of its piece has its looks cut there."""


class UnitWindow:
    """A piece owns the tracks that begin in it."""

    def __init__(self, unit: ReplayUnit, start: datetime, parked_gap_s: float) -> None:
        self._from = start + timedelta(milliseconds=unit.from_ms)
        until_ms = unit.length_ms if unit.after and unit.until_ms is None else unit.until_ms
        self._until = None if until_ms is None else start + timedelta(milliseconds=until_ms)
        # A vehicle that was there before the cut, even if hidden behind others at the moment, must be known.
        lead_in_ms = unit.from_ms - 1000.0 * (parked_gap_s + LEAD_IN_S)
        self.read_from_ms = max(0.0, lead_in_ms)
        self.before_ms = max(0.0, -lead_in_ms)
        """How much of what was recorded before this file has to be looked at, too."""

    def until_done(self, frames: Iterator[Frame], in_view: InView) -> Iterator[Frame]:
        """Go on behind the end while a vehicle of this piece is still in view, but not for ever."""
        for frame in frames:
            if self._until is not None and frame.captured_at >= self._until:
                is_too_late = frame.captured_at - self._until > timedelta(seconds=MAX_LEAD_OUT_S)
                if is_too_late or in_view.since is None or in_view.since >= self._until:
                    return
            yield frame

    def own(self, tracks: Iterator[PlateTrack]) -> Iterator[PlateTrack]:
        for track in tracks:
            if self._from <= track.started_at and (self._until is None or track.started_at < self._until):
                yield track
