"""One unit of footage through the walk: the same for the local pool and for Ray."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alerts.flagged import FlaggedEvent
from ocr.types import BgrImage, PlateRead
from pipeline.errors import SourceError, UnsteadyDecodingError
from pipeline.replay.book import ReplayBook
from pipeline.replay.records import UnitResult, UnitTimings, VideoRecord
from pipeline.replay.units import ReplayUnit, footage_sha256
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, Passage, PlateTrack, Reader, ScreeningCounts
from pipeline.video.capture_time import StartSource, capture_start
from pipeline.video.sources import read_frames
from pipeline.walk.flagging import EventSink, Flagging
from pipeline.walk.screening import Match, Screening, match_risk, pace_looks, read_plates, track_plates
from pipeline.walk.tracking import PlateTracker

REPORT_EVERY_S = 0.2
LEAD_IN_S = 5.0
MAX_LEAD_OUT_S = 120.0
"""A vehicle that stays longer than this behind the end of its piece has its looks cut there."""
OnProgress = Callable[[str, float, float], None]
"""Called with the unit's label, how far it is and how long (0.0: unknown), both in milliseconds of footage."""


@dataclass(frozen=True, slots=True)
class ReplayParts:
    """What a worker needs; built once a process."""

    reader: Reader
    match: Match
    list_at: datetime
    """The moment whose list is asked: what has expired by then does not match."""
    settings: PipelineSettings
    id_key: bytes
    models: dict[str, str]
    checkpoint: str
    outbox: EventSink | None
    """None sends nothing anywhere."""
    evidence_folder: Path | None
    """Where a flagged vehicle's pictures go; None with no outbox."""


@dataclass
class _Stopwatch:
    """Reads, times and reports; stands where the reader stands."""

    reader: Reader
    unit: ReplayUnit
    on_progress: OnProgress
    frame_s: list[float] = field(default_factory=list)
    wait_s: float = 0.0
    last_ms: float = 0.0
    reported_at: float = 0.0

    def read(self, image: BgrImage) -> list[PlateRead]:
        started = time.perf_counter()
        reads = self.reader.read(image)
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


class _NoOutbox:
    """A replay that emits nothing still builds its events, to know their ids."""

    def append(self, event: FlaggedEvent) -> bool:  # noqa: ARG002
        return True

    def has_room_for_pictures(self) -> bool:
        return True


class _NoSpool:
    """What a replay could not check is in its record; nothing is checked again later."""

    def keep(self, passage: Passage) -> None: ...


def replay_unit(
    unit: ReplayUnit, parts: ReplayParts, fingerprint: str, on_progress: OnProgress, decoder_threads: int = 1
) -> UnitResult:
    """Return what the unit shows. Footage that cannot be read is told in the record, never raised.

    The answer does not depend on `decoder_threads`: damaged footage is begun again with one.
    """
    # What went out cannot be taken back: no second try where events are sent.
    threads = decoder_threads if parts.outbox is None else 1
    try:
        return _replay_unit(unit, parts, fingerprint, on_progress, threads)
    except UnsteadyDecodingError:
        return _replay_unit(unit, parts, fingerprint, on_progress, 1)


def _replay_unit(
    unit: ReplayUnit, parts: ReplayParts, fingerprint: str, on_progress: OnProgress, decoder_threads: int
) -> UnitResult:
    started = time.perf_counter()
    watch = _Stopwatch(parts.reader, unit, on_progress)
    counts = ScreeningCounts()
    try:
        sha256 = footage_sha256(unit.path)
        start, start_from = capture_start(unit.path, unit.start)
        with ReplayBook(unit.video, start) as book:
            _walk(unit, start, parts, watch, counts, book, decoder_threads)
            passages, jpegs = book.finished()
    except UnsteadyDecodingError:
        raise
    except (SourceError, OSError) as error:
        return unreadable(unit, fingerprint, str(error), time.perf_counter() - started)
    return UnitResult(
        fingerprint=fingerprint,
        video=_video_record(unit, sha256, start, start_from, watch.last_ms, counts),
        passages=passages,
        plate_jpegs=jpegs,
        timings=watch.timings(time.perf_counter() - started),
    )


def _walk(
    unit: ReplayUnit,
    start: datetime,
    parts: ReplayParts,
    watch: _Stopwatch,
    counts: ScreeningCounts,
    book: ReplayBook,
    decoder_threads: int,
) -> None:
    camera_id = "".join(c if c.isalnum() or c in "_.-" else "_" for c in unit.video)
    source = SourceSettings(camera_id=camera_id, checkpoint=parts.checkpoint, uri=str(unit.path), start=start)
    screening = Screening(
        match=parts.match,
        flagging=Flagging(
            parts.outbox or _NoOutbox(), parts.evidence_folder, parts.id_key, parts.models, is_replay=True
        ),
        spool=_NoSpool(),
        now=lambda: parts.list_at,
        checkpoint=parts.checkpoint,
        counts=counts,
        hypothesis_count=parts.settings.hypothesis_count,
    )
    tracker = PlateTracker(parts.settings.track, keep_looks=True)
    window = _Window(unit, start, parts.settings.track.parked_gap_s)
    frames = read_frames(source, parts.settings, counts, from_ms=window.read_from_ms, decoder_threads=decoder_threads)
    timed = watch.waiting(window.until_done(frames, tracker), start, counts)
    reads = read_plates(pace_looks(timed, tracker), watch, counts)
    tracks = book.noting_ends(window.own(track_plates(reads, tracker)))
    for passage in match_risk(tracks, tracker, screening):
        book.note_passage(passage)


class _Window:
    """Which frames a piece needs, and which tracks are its own: those that begin in it."""

    def __init__(self, unit: ReplayUnit, start: datetime, parked_gap_s: float) -> None:
        self._from = start + timedelta(milliseconds=unit.from_ms)
        until_ms = unit.until_ms
        self._until = None if until_ms is None else start + timedelta(milliseconds=until_ms)
        # A vehicle that was there before the cut, even if hidden behind others at the moment, must be known.
        self.read_from_ms = max(0.0, unit.from_ms - 1000.0 * (parked_gap_s + LEAD_IN_S))

    def until_done(self, frames: Iterator[Frame], tracker: PlateTracker) -> Iterator[Frame]:
        """Go on behind the end while a vehicle of this piece is still in view, but not for ever."""
        for frame in frames:
            if self._until is not None and frame.captured_at >= self._until:
                is_too_late = frame.captured_at - self._until > timedelta(seconds=MAX_LEAD_OUT_S)
                if is_too_late or not tracker.follows_any_since_before(self._until):
                    return
            yield frame

    def own(self, tracks: Iterator[PlateTrack]) -> Iterator[PlateTrack]:
        for track in tracks:
            if self._from <= track.started_at and (self._until is None or track.started_at < self._until):
                yield track


def _video_record(
    unit: ReplayUnit, sha256: str, start: datetime, start_from: StartSource, last_ms: float, counts: ScreeningCounts
) -> VideoRecord:
    end_ms = last_ms if unit.until_ms is None else unit.until_ms
    return VideoRecord(
        video=unit.video,
        from_ms=round(unit.from_ms, 1),
        sha256=sha256,
        start=start,
        start_from=start_from,
        duration_ms=round(max(0.0, end_ms - unit.from_ms), 1),
        frames=counts.frames,
        looked_at=counts.looked_at,
        passages=counts.passages,
        clear=counts.clear,
        flagged=counts.flagged,
        unchecked=counts.unchecked,
        unread=counts.unread,
        damage=counts.damage,
    )


def unreadable(unit: ReplayUnit, fingerprint: str, reason: str, total_s: float) -> UnitResult:
    counts = ScreeningCounts(damage=reason)
    video = VideoRecord(
        video=unit.video,
        sha256="",
        start=None,
        start_from=None,
        from_ms=round(unit.from_ms, 1),
        duration_ms=0.0,
        frames=0,
        looked_at=0,
        passages=0,
        clear=0,
        flagged=0,
        unchecked=0,
        unread=0,
        damage=counts.damage,
    )
    timings = UnitTimings(total_s=total_s, decode_wait_s=0.0, read_s=0.0, track_s=0.0, frame_ms=())
    return UnitResult(fingerprint=fingerprint, video=video, passages=(), timings=timings)
