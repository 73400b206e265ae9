"""The walk: frame, read, track, match, event. `kakou run`, `kakou replay` and the tests compose it here."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

from ocr.types import BoundingBox
from pipeline.settings import TrackSettings
from pipeline.types import Frame, FrameReads, InView, Passage, PlateTrack, Reader, ScreeningCounts, Sighting, SightLost
from pipeline.video.picture_shift import NO_SHIFT, PictureShift
from pipeline.walk.deciding import PassageRule, Screening, match_risk
from pipeline.walk.tracking import SAME_SIZE, PlateTracker, track_plates

FAR_SHARE = 1 / 16
"""Of the picture's width: a plate that is narrower has too few pixels where the whole picture is searched at once."""
SURROUNDINGS = 1.5
"""How far around its middle a plate is searched for on the next look, in its own widths."""
WHOLE_EVERY = timedelta(seconds=0.17)
"""The whole picture is looked at this often, or with every look where looks lie farther apart. At 0.4 s, and followed
before their way was known, 25 of 2,074 simulated passages were wrong: fast vehicles seen two or three times."""
MOST_IN_A_ROW = 2
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
    following, shaking = Following(), PictureShift()
    size: tuple[int, ...] | None = None
    for frame in frames:
        if isinstance(frame, SightLost):
            yield frame
            continue
        counts.looked_at += 1
        before, size = size, frame.image.shape[:2]
        scale = SAME_SIZE if before is None else (size[1] / before[1], size[0] / before[0])
        if scale != SAME_SIZE:
            in_view.scale(*scale)
        shift = shaking.since_last(frame.image, frame.captured_at.timestamp())
        if shift != NO_SHIFT:
            in_view.shift(*shift)
        if (plates := following.plates(frame, in_view)) is not None:
            reads = reader.read(frame.image, plates, follows=True)
            following.found(len(reads), len(plates))
        else:
            reads = reader.read(frame.image, _to_search_closely(frame, in_view))
        yield FrameReads(frame, tuple(reads), is_partial=plates is not None, shift=shift, scale=scale)


def _to_search_closely(frame: Frame, in_view: InView) -> tuple[BoundingBox, ...] | None:
    """Return where to search for far plates: where something moves, and around those that were seen but not decided."""
    if frame.moved is None:
        return None
    far = [box for box in in_view.undecided if box.width < FAR_SHARE * frame.image.shape[1]]
    return (*frame.moved, *(_with_surroundings(box) for box in far))


def _with_surroundings(plate: BoundingBox) -> BoundingBox:
    (x, y), side = plate.center, SURROUNDINGS * plate.width
    return BoundingBox(x - side, y - side, x + side, y + side)


class Following:
    """Chooses what to look at: all of it or, for a quarter of the time, vehicles that are not decided yet.

    One camera each; the answer depends on frames and what they showed alone.
    """

    def __init__(self) -> None:
        self._whole_at: datetime | None = None
        self._in_a_row = 0

    def plates(self, frame: Frame, in_view: InView) -> tuple[BoundingBox, ...] | None:
        """Return where the plates to look for are expected; None where the whole picture is to be looked at."""
        is_due = self._whole_at is None or not timedelta(0) <= frame.captured_at - self._whole_at < WHOLE_EVERY
        if frame.moved is None or not in_view.followed or is_due or self._in_a_row >= MOST_IN_A_ROW:
            self._whole_at, self._in_a_row = frame.captured_at, 0
            return None
        self._in_a_row += 1
        return in_view.followed

    def found(self, count: int, wanted: int) -> None:
        """Be told of a look at a part: where it missed a vehicle, the next one is at the whole picture."""
        if count < wanted:
            self._in_a_row = MOST_IN_A_ROW
