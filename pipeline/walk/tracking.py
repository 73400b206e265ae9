"""From the reads on each frame to tracks: one for every vehicle that passes.

Geometry decides, text only helps: two vehicles are never merged because their plates look alike, and one vehicle is
never two because a look was misread.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ocr.hypotheses import PlateHypothesis, top_hypotheses
from ocr.types import BoundingBox, PlateRead
from pipeline.settings import TrackSettings
from pipeline.types import Frame, FrameReads, InView, PlateTrack, SightLost
from pipeline.video.picture_shift import NO_SHIFT
from pipeline.walk.segment import Segment
from pipeline.walk.track_state import TrackState, track_of

SAME_SIZE = (1.0, 1.0)
MAX_COST = 3.0
"""Of `TrackState.cost`: what fits worse is another vehicle."""
CLASSES_OF_A_TEXT = 4
"""So many readings are looked at: one text may stand on plates of several colours, which dusk makes alike."""
CLASS_PROBABILITY = 0.8
"""Of the likeliest class of a text that has settled: then a listed vehicle is a hit also where two numbers in five are
issued."""
ASKED_PROBABILITY = 0.9
"""Of a text that has not settled, but is asked about after many looks. On 1,000 simulated approaches the texts that
would be flagged wrongly at some moment are 115, 2 of them for this; they were 137 before looks counted by how sure they
are (0.85 instead: 4 for this)."""


def track_plates(
    reads: Iterable[FrameReads | SightLost], tracker: "PlateTracker", in_view: InView
) -> Iterator[PlateTrack]:
    """Yield each track when it has settled, when it settles on another text, and when it ends; tell what is in view.

    Where the camera was lost, all end: what it sees when it is back is other vehicles.
    """
    for frame_reads in reads:
        yield from tracker.finish() if isinstance(frame_reads, SightLost) else tracker.update(frame_reads)
        in_view.is_settled, in_view.since = tracker.is_settled, tracker.in_view_since
        in_view.undecided, in_view.followed = tracker.undecided, tracker.followed
    yield from tracker.finish()


class PlateTracker:
    """Follows the plates of one camera."""

    def __init__(self, settings: TrackSettings, keep_looks: bool = False) -> None:
        """`keep_looks`: every look goes into its track, for reports."""
        self._settings = settings
        self._keep_looks = keep_looks
        self._tracks: list[TrackState] = []
        self._count = 0
        self._camera_id = ""

    def update(self, frame_reads: FrameReads) -> Iterator[PlateTrack]:
        """Take over one frame's reads; yield tracks that ended and those that can be decided early."""
        frame, reads = frame_reads.frame, list(frame_reads.reads)
        self._camera_id = frame.camera_id
        if frame_reads.scale != SAME_SIZE:
            for track in self._tracks:
                track.motion.scale(*frame_reads.scale)
        if frame_reads.shift != NO_SHIFT:
            for track in self._tracks:
                track.motion.shift(*frame_reads.shift)
        fitting = _assign(self._tracks, frame, reads)
        for track in list(self._tracks):
            read = fitting.get(track.number)
            if read is None:
                yield from () if frame_reads.is_partial else self._miss(track, frame)
                continue
            earlier = track.follow(frame, read)
            if earlier is not None:
                yield track_of(self._camera_id, track.number, earlier, is_final=True)
                track.number = self._next_number()
            yield from self._doubted(track)
            yield from self._decide_early(track)
        taken = {id(read) for read in fitting.values()}
        for read in reads:
            if id(read) not in taken:
                self._tracks.append(TrackState(self._next_number(), frame, read, self._settings, self._keep_looks))

    def finish(self) -> Iterator[PlateTrack]:
        """Yield the tracks that were still in view when the frames ended."""
        for track in self._tracks:
            yield from self._end(track)
        self._tracks = []

    @property
    def is_settled(self) -> bool:
        """Whether every vehicle in view has been decided."""
        return not self.undecided

    @property
    def undecided(self) -> tuple[BoundingBox, ...]:
        """Where the plates of vehicles that are in view and not decided yet were last seen."""
        return tuple(track.motion.box for track in self._undecided())

    @property
    def followed(self) -> tuple[BoundingBox, ...]:
        """Where those will soon be; empty where it cannot be said of one of them, or one is out of sight."""
        soon = [track.motion.soon() if track.missed_since is None else None for track in self._undecided()]
        return tuple(box for box in soon if box is not None) if None not in soon else ()

    def _undecided(self) -> list[TrackState]:
        return [track for track in self._tracks if track.decided_text is None and track.is_expected]

    @property
    def in_view_since(self) -> datetime | None:
        return min((track.current.started_at for track in self._tracks), default=None)

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    def _miss(self, track: TrackState, frame: Frame) -> Iterator[PlateTrack]:
        if track.miss(frame):
            self._tracks.remove(track)
            yield from self._end(track)
        elif track.is_to_be_asked(frame):
            yield track_of(self._camera_id, track.number, track.current, is_final=False)

    def _end(self, track: TrackState) -> Iterator[PlateTrack]:
        *earlier, last = track.finish()
        for segment in earlier:
            yield track_of(self._camera_id, track.number, segment, is_final=True)
            track.number = self._next_number()
        yield track_of(self._camera_id, track.number, last, is_final=True)
        yield from self._doubted(track)

    def _doubted(self, track: TrackState) -> Iterator[PlateTrack]:
        for segment in track.take_doubted():
            yield track_of(self._camera_id, self._next_number(), segment, is_final=True, is_doubted=True)

    def _decide_early(self, track: TrackState) -> Iterator[PlateTrack]:
        """Yield the track when its text has settled, and again when it settles on another text.

        One that is seen for long and does not settle is asked about once its text is likely.
        """
        segment, least = track.current, self._settings.settled_probability
        may_settle = segment.telling_count >= self._settings.settled_looks or segment.is_told_apart
        if not (may_settle or segment.may_be_asked_about):
            return
        found = likeliest_text(segment, min(least, ASKED_PROBABILITY))
        if found is None:
            return
        best, probability = found
        if may_settle and probability >= least and best.probability >= CLASS_PROBABILITY:
            if best.text != track.decided_text:
                track.decided_text = best.text
                yield track_of(self._camera_id, track.number, segment, is_final=False)
        elif probability >= ASKED_PROBABILITY and track.is_to_be_asked_early():
            yield track_of(self._camera_id, track.number, segment, is_final=False, is_tentative=True)


def likeliest_text(segment: Segment, least: float) -> tuple[PlateHypothesis, float] | None:
    """Return the best reading, and how probable its text is over all classes; None where it cannot be `least`."""
    distribution = segment.fusion.distribution()
    # Cheap bound first: no text is more probable than its weakest slot.
    if float(distribution.char_probs.max(axis=1).prod()) < least / 2:
        return None
    found = top_hypotheses(distribution, CLASSES_OF_A_TEXT)
    return (found[0], sum(each.probability for each in found if each.text == found[0].text)) if found else None


def _assign(tracks: Sequence[TrackState], frame: Frame, reads: Sequence[PlateRead]) -> dict[int, PlateRead]:
    """Return the read of each track's number; the best fitting pairs go first, each read and track once."""
    costs = sorted(
        ((track.cost(frame, read), track.number, position) for track in tracks for position, read in enumerate(reads)),
    )
    fitting: dict[int, PlateRead] = {}
    taken: set[int] = set()
    for cost, number, position in costs:
        if cost <= MAX_COST and number not in fitting and position not in taken:
            fitting[number] = reads[position]
            taken.add(position)
    return fitting
