"""The walk: frame, read, track, match, event. `kakou run`, `kakou replay` and the tests compose it here."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from ocr.types import BoundingBox
from pipeline.settings import TrackSettings
from pipeline.types import Frame, FrameReads, InView, Passage, PlateTrack, Reader, ScreeningCounts, Sighting, SightLost
from pipeline.walk.deciding import PassageRule, Screening, match_risk
from pipeline.walk.tracking import PlateTracker, track_plates

FAR_SHARE = 1 / 16
"""Of the picture's width: a plate that is narrower has too few pixels where the whole picture is searched at once."""
SURROUNDINGS = 1.5
"""How far around its middle a plate is searched for on the next look, in its own widths."""
TrackStage: TypeAlias = Callable[[Iterator[PlateTrack]], Iterator[PlateTrack]]
"""Takes tracks and gives tracks; it may note them, and leave some out."""


def screen(
    frames: Iterable[Sighting],
    reader: Reader,
    settings: TrackSettings,
    screening: Screening,
    *,
    in_view: InView | None = None,
    between: TrackStage = iter,
    keep_looks: bool = False,
) -> Iterator[Passage]:
    """Yield every vehicle that passed: flagged ones at once, the others when they have left.

    A flagged event is in the outbox before its passage is yielded. Raises OutboxError when it cannot be kept.
    `in_view` is told what is in view, for a caller whose frames depend on it. `between` stands between tracks and
    decision. `keep_looks`: every look goes into its track, for reports.
    """
    in_view = in_view or InView()
    looks = pace_looks(frames, in_view, settings.calm_look_s)
    reads = read_plates(looks, reader, screening.counts, in_view)
    tracks = track_plates(reads, PlateTracker(settings, keep_looks), in_view)
    return match_risk(between(tracks), PassageRule.of(settings), screening)


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


def read_plates(
    frames: Iterable[Sighting], reader: Reader, counts: ScreeningCounts, in_view: InView
) -> Iterator[FrameReads | SightLost]:
    for frame in frames:
        if isinstance(frame, SightLost):
            yield frame
            continue
        counts.looked_at += 1
        yield FrameReads(frame, tuple(reader.read(frame.image, _to_search_closely(frame, in_view))))


def _to_search_closely(frame: Frame, in_view: InView) -> tuple[BoundingBox, ...] | None:
    """Return where to search for far plates: where something moves, and around those that were seen but not decided."""
    if frame.moved is None:
        return None
    far = [box for box in in_view.undecided if box.width < FAR_SHARE * frame.image.shape[1]]
    return (*frame.moved, *(_with_surroundings(box) for box in far))


def _with_surroundings(plate: BoundingBox) -> BoundingBox:
    (x, y), side = plate.center, SURROUNDINGS * plate.width
    return BoundingBox(x - side, y - side, x + side, y + side)
