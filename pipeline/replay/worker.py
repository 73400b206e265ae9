"""One unit of footage through the walk: the same for the local pool and for Ray."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.flagged import FlaggedEvent
from pipeline.errors import SourceError, UnsteadyDecodingError
from pipeline.replay.book import ReplayBook
from pipeline.replay.recording import Recording
from pipeline.replay.records import UnitResult, UnitTimings, VideoRecord
from pipeline.replay.stopwatch import OnProgress, Stopwatch
from pipeline.replay.units import ReplayUnit, footage_sha256, footage_state
from pipeline.replay.window import UnitWindow
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import InView, PlateTrack, Reader, ScreeningCounts
from pipeline.video.capture_time import StartSource, capture_start
from pipeline.video.nursery import Nursery
from pipeline.video.sources import tell_gaps
from pipeline.walk.deciding import Match, NoSpool, Screening
from pipeline.walk.flagging import EventSink, Flagging
from pipeline.walk.screening import screen
from riskdb.system_words import system_words


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
    nursery: Nursery | None = None
    """Where decoders are forked: a file of a few seconds takes less to decode than an interpreter to start."""

    def nursery_if_there(self) -> Nursery | None:
        """Return None where it has gone, too: every file then gets an interpreter of its own."""
        return self.nursery if self.nursery is not None and self.nursery.is_there() else None


class _NoOutbox:
    """A replay that emits nothing still builds its events, to know their ids."""

    def append(self, event: FlaggedEvent) -> bool:  # noqa: ARG002  the outbox's signature
        return True

    def has_room_for_pictures(self) -> bool:
        return True


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
    watch = Stopwatch(parts.reader, unit, on_progress)
    counts = ScreeningCounts()
    try:
        before, sha256 = footage_state(unit.path), footage_sha256(unit.path)
        start, start_from = capture_start(unit.path, unit.start, unit.container_time)
        with ReplayBook(unit.video, start) as book:
            _walk(unit, start, parts, watch, counts, book, decoder_threads)
            passages, jpegs = book.finished()
        if footage_state(unit.path) != before:
            counts.damage = f"回放时还在变（录像机在写，或正在拷贝）：写完后再放一次{_beside(counts.damage)}"
    except UnsteadyDecodingError:
        raise
    except (SourceError, OSError) as error:
        return unreadable(unit, fingerprint, system_words(error), time.perf_counter() - started)
    return UnitResult(
        fingerprint=fingerprint,
        video=_video_record(unit, sha256, start, start_from, watch.last_ms, counts),
        passages=passages,
        plate_jpegs=jpegs,
        timings=watch.timings(time.perf_counter() - started),
    )


def _beside(damage: str | None) -> str:
    return f"；{damage}" if damage else ""


def _walk(
    unit: ReplayUnit,
    start: datetime,
    parts: ReplayParts,
    watch: Stopwatch,
    counts: ScreeningCounts,
    book: ReplayBook,
    decoder_threads: int,
) -> None:
    camera_id = "".join(c if c.isalnum() or c in "_.-" else "_" for c in unit.video)
    source = SourceSettings(camera_id=camera_id, checkpoint=parts.checkpoint, uri=str(unit.path), start=start)
    recording = Recording(source, parts.settings, counts, decoder_threads, parts.nursery_if_there())
    window = UnitWindow(unit, start, parts.settings.track.parked_gap_s)
    in_view = InView()
    frames = recording.frames(unit, start, window.read_from_ms, window.before_ms)
    timed = watch.waiting(window.until_done(frames, in_view), start, counts)
    sightings = tell_gaps(timed, parts.settings.gate.idle_look_s)

    def noted(tracks: Iterator[PlateTrack]) -> Iterator[PlateTrack]:
        return book.noting_ends(window.own(tracks))

    for passage in screen(
        sightings,
        watch,
        parts.settings.track,
        _screening(parts, counts),
        in_view=in_view,
        between=noted,
        keep_looks=True,
    ):
        book.note_passage(passage)


def _screening(parts: ReplayParts, counts: ScreeningCounts) -> Screening:
    outbox = parts.outbox or _NoOutbox()
    return Screening(
        match=parts.match,
        flagging=Flagging(outbox, parts.evidence_folder, lambda: parts.id_key, parts.models, is_replay=True),
        spool=NoSpool(),  # what it could not check is in its record
        now=lambda: parts.list_at,
        checkpoint=parts.checkpoint,
        counts=counts,
        hypothesis_count=parts.settings.hypothesis_count,
    )


def _video_record(
    unit: ReplayUnit, sha256: str, start: datetime, start_from: StartSource, last_ms: float, counts: ScreeningCounts
) -> VideoRecord:
    own_ms = min(last_ms, unit.length_ms) if unit.length_ms else last_ms
    end_ms = own_ms if unit.until_ms is None else unit.until_ms
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
        note=counts.note,
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
