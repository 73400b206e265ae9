"""The pace of looking: while nothing new can be learnt, frames are left out."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pipeline.types import InView, Sighting, SightLost


def pace_looks(frames: Iterable[Sighting], in_view: InView, calm_look_s: float) -> Iterator[Sighting]:
    """Leave out frames that are less than `calm_look_s` after the last look, while all that is in view is settled."""
    calm_look = timedelta(seconds=calm_look_s)
    looked_at: datetime | None = None
    for frame in frames:
        if isinstance(frame, SightLost):
            looked_at = None
            yield frame
        # A clock that was set back would hide all frames until it has caught up.
        elif (
            looked_at is None or not in_view.is_settled or not timedelta(0) <= frame.captured_at - looked_at < calm_look
        ):
            looked_at = frame.captured_at
            yield frame
