"""The walk: frame, read, track, match, event."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from alerts.flagged import FlaggedEvent
from ocr.grammar import EVERYDAY_CLASSES
from ocr.hypotheses import PlateHypothesis
from ocr.wrong_length import match_hypotheses
from pipeline.settings import TrackSettings
from pipeline.types import (
    FrameReads,
    Outcome,
    Passage,
    PlateTrack,
    Reader,
    ScreeningCounts,
    Sighting,
    SightLost,
)
from pipeline.walk.flagging import Flagging
from pipeline.walk.tracking import PlateTracker, is_vehicle
from riskdb.types import Hypothesis, RiskDBError, RiskMatch

Match: TypeAlias = Callable[[Sequence[Hypothesis], datetime], RiskMatch | None]
"""Is one of these plates listed at this time? Raises RiskDBError when the list could not be asked."""


log = logging.getLogger(__name__)


class UncheckedSpool(Protocol):
    """Where passages wait that could not be checked (`pipeline.walk.spool.Spool`)."""

    def keep(self, passage: Passage) -> None: ...


@dataclass(frozen=True, slots=True)
class Screening:
    """What the end of the walk needs from outside; one for each camera."""

    match: Match
    flagging: Flagging
    spool: UncheckedSpool
    now: Callable[[], datetime]
    """Box time, aware UTC; a replay gives the moment whose list it asks."""
    checkpoint: str
    counts: ScreeningCounts
    hypothesis_count: int = 32


def screen(
    frames: Iterable[Sighting], reader: Reader, tracker: PlateTracker, screening: Screening
) -> Iterator[Passage]:
    """Yield every vehicle that passed: flagged ones at once, the others when they have left.

    A flagged event is in the outbox before its passage is yielded. Raises OutboxError when it cannot be kept.
    """
    reads = read_plates(pace_looks(frames, tracker), reader, screening.counts)
    tracks = track_plates(reads, tracker)
    return match_risk(tracks, tracker, screening)


def pace_looks(frames: Iterable[Sighting], tracker: PlateTracker) -> Iterator[Sighting]:
    """Leave out frames while the tracker is calm; it has seen every earlier frame when the next one is asked for."""
    calm_look = timedelta(seconds=tracker.settings.calm_look_s)
    looked_at: datetime | None = None
    for frame in frames:
        if isinstance(frame, SightLost):
            looked_at = None
            yield frame
        # A clock that was set back would hide all frames until it has caught up.
        elif looked_at is None or not tracker.is_calm or not timedelta(0) <= frame.captured_at - looked_at < calm_look:
            looked_at = frame.captured_at
            yield frame


def read_plates(
    frames: Iterable[Sighting], reader: Reader, counts: ScreeningCounts
) -> Iterator[FrameReads | SightLost]:
    for frame in frames:
        if isinstance(frame, SightLost):
            yield frame
            continue
        counts.looked_at += 1
        yield FrameReads(frame, tuple(reader.read(frame.image)))


def track_plates(reads: Iterable[FrameReads | SightLost], tracker: PlateTracker) -> Iterator[PlateTrack]:
    """Yield each track when it has settled, when it settles on another text, and when it ends.

    Where the camera was lost, all end: what it sees when it is back is other vehicles.
    """
    for frame_reads in reads:
        yield from tracker.finish() if isinstance(frame_reads, SightLost) else tracker.update(frame_reads)
    yield from tracker.finish()


def match_risk(tracks: Iterable[PlateTrack], tracker: PlateTracker, screening: Screening) -> Iterator[Passage]:
    """Yield one passage for each vehicle; what is no passage is counted as unread."""
    flagged: set[int] = set()
    for track in tracks:
        if track.number in flagged:
            # Decided while it was in view; more looks change nothing, people have been told.
            if track.is_final:
                flagged.discard(track.number)
            continue
        passage = _decide(track, tracker, screening)
        if passage is None:
            screening.counts.unread += track.is_final
        elif passage.outcome == "flagged" or track.is_final:
            _count(screening.counts, passage.outcome)
            if passage.outcome == "unchecked":
                _keep_unchecked(screening, passage)
            if not track.is_final:
                flagged.add(track.number)
            yield passage


def _keep_unchecked(screening: Screening, passage: Passage) -> None:
    try:
        screening.spool.keep(passage)
    except OSError as error:  # the next vehicles matter, too; this one stays counted as unchecked
        log.error("an unchecked passage cannot be kept for its check: %s", error.strerror)


def _decide(track: PlateTrack, tracker: PlateTracker, screening: Screening) -> Passage | None:
    hypotheses = match_hypotheses(track.distribution, screening.hypothesis_count)
    if not hypotheses or not is_vehicle(track, tracker.settings):
        return None
    now = screening.now()
    is_readable = _is_readable(hypotheses[0], tracker.settings)
    try:
        match = screening.match(hypotheses, now)
    except RiskDBError:
        return _passage(track, screening, "unchecked", hypotheses[0], None, None, now) if is_readable else None
    if match is None:
        return _passage(track, screening, "clear", hypotheses[0], None, None, now) if is_readable else None
    event = screening.flagging.flag(track, match, screening.checkpoint, now)
    return _passage(track, screening, "flagged", hypotheses[0], match, event, now)


def _is_readable(best: PlateHypothesis, settings: TrackSettings) -> bool:
    """Weigh the text against all else that it could be, with what is known of how often its class is met (Bayes)."""
    share = 1.0 if best.plate_class in EVERYDAY_CLASSES else settings.rare_class_share
    weight = share * best.probability
    return weight / (weight + 1.0 - min(best.probability, 1.0)) >= settings.min_probability


def _passage(
    track: PlateTrack,
    screening: Screening,
    outcome: Outcome,
    best: PlateHypothesis,
    match: RiskMatch | None,
    event: FlaggedEvent | None,
    decided_at: datetime,
) -> Passage:
    return Passage(track.camera_id, screening.checkpoint, track, outcome, best, match, event, decided_at)


def _count(counts: ScreeningCounts, outcome: Outcome) -> None:
    if outcome == "flagged":
        counts.flagged += 1
    elif outcome == "unchecked":
        counts.unchecked += 1
    else:
        counts.clear += 1
