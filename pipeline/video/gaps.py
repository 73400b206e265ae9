"""A gap in a recording: what is seen after it is other vehicles."""

from collections.abc import Iterator
from datetime import timedelta

from pipeline.types import Frame, Sighting, SightLost

LOST_S = 10.0
"""A camera that was away for longer is taken to see other vehicles; a brief loss must not make two passages of one."""


def tell_gaps(frames: Iterator[Frame], idle_look_s: float) -> Iterator[Sighting]:
    """Put a `SightLost` where a recorder paused; frames that the gate left out, `idle_look_s` apart, are no gap."""
    longest = timedelta(seconds=LOST_S + idle_look_s)
    before = None
    for frame in frames:
        if before is not None and frame.captured_at - before > longest:
            yield SightLost(frame.camera_id, frame.captured_at, "the recording has a gap")
        before = frame.captured_at
        yield frame
