"""From the reads on each frame to tracks: one for every vehicle that passes.

Geometry decides, text only helps: two vehicles are never merged because their plates look alike, and one vehicle is
never two because a look was misread.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ocr.hypotheses import PlateHypothesis, top_hypotheses
from ocr.types import PlateRead
from pipeline.settings import TrackSettings
from pipeline.types import Frame, FrameReads, PlateTrack
from pipeline.walk.fusion import style_probability
from pipeline.walk.track_state import Segment, TrackState, track_of

MAX_COST = 1.0
SAME_PLACE_IOU = 0.3
NOT_PLATE = "not_plate"


class PlateTracker:
    """Follows the plates of one camera."""

    def __init__(self, settings: TrackSettings, keep_looks: bool = False) -> None:
        """`keep_looks`: every look goes into its track, for reports."""
        self.settings = settings
        self._keep_looks = keep_looks
        self._tracks: list[TrackState] = []
        self._count = 0
        self._camera_id = ""

    def update(self, frame_reads: FrameReads) -> Iterator[PlateTrack]:
        """Take over one frame's reads; yield tracks that ended and those that can be decided early."""
        frame, reads = frame_reads.frame, list(frame_reads.reads)
        self._camera_id = frame.camera_id
        fitting = _assign(self._tracks, frame, reads)
        for track in list(self._tracks):
            read = fitting.get(track.number)
            if read is None:
                if track.miss(frame):
                    self._tracks.remove(track)
                    yield from self._end(track)
                continue
            earlier = track.follow(frame, read)
            if earlier is not None:
                yield track_of(self._camera_id, track.number, earlier, is_final=True)
                track.number = self._next_number()
            yield from self._decide_early(track)
        taken = {id(read) for read in fitting.values()}
        for read in reads:
            if id(read) not in taken:
                self._tracks.append(TrackState(self._next_number(), frame, read, self.settings, self._keep_looks))

    def finish(self) -> Iterator[PlateTrack]:
        """Yield the tracks that were still in view when the frames ended."""
        for track in self._tracks:
            yield from self._end(track)
        self._tracks = []

    @property
    def is_calm(self) -> bool:
        """Return whether every vehicle in view has been decided: more looks soon would tell nothing new."""
        return all(track.decided_text is not None for track in self._tracks)

    def follows_any_since_before(self, moment: datetime) -> bool:
        """Return whether a vehicle is in view that was first seen before this moment."""
        return any(track.current.started_at < moment for track in self._tracks)

    def _next_number(self) -> int:
        self._count += 1
        return self._count

    def _end(self, track: TrackState) -> Iterator[PlateTrack]:
        *earlier, last = track.finish()
        for segment in earlier:
            yield track_of(self._camera_id, track.number, segment, is_final=True)
            track.number = self._next_number()
        yield track_of(self._camera_id, track.number, last, is_final=True)

    def _decide_early(self, track: TrackState) -> Iterator[PlateTrack]:
        """Yield the track when its text has settled, and again when it settles on another text."""
        segment = track.current
        if segment.fusion.look_count < self.settings.settled_looks:
            return
        best = settled_text(segment, self.settings.settled_probability)
        if best is not None and best.text != track.decided_text:
            track.decided_text = best.text
            yield track_of(self._camera_id, track.number, segment, is_final=False)


def settled_text(segment: Segment, least: float) -> PlateHypothesis | None:
    """Return the best text once it is at least this probable."""
    distribution = segment.fusion.distribution()
    # Cheap bound first: no text is more probable than its weakest slot.
    if float(distribution.char_probs.max(axis=1).prod()) < least / 2:
        return None
    best = next(iter(top_hypotheses(distribution, 1)), None)
    return best if best is not None and best.probability >= least else None


def is_vehicle(track: PlateTrack, settings: TrackSettings) -> bool:
    """Return whether a track is more than a thing that looked like a plate for a moment."""
    if style_probability(track.distribution, NOT_PLATE) > 0.5:
        return False
    return track.look_count >= settings.min_looks or track.evidence.confidence >= settings.sure_confidence


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
