"""Frames out of any source: a video file, a folder of images, a webcam, a live URL."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from ocr.decoding import PictureDecoder
from ocr.images import IMAGE_SUFFIXES
from ocr.types import BoundingBox, OcrError
from pipeline.errors import SourceError, UnsteadyDecodingError
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, ScreeningCounts, Sighting, SightLost
from pipeline.video.camera_state import CameraState
from pipeline.video.capture import CaptureProcess
from pipeline.video.capture_protocol import CaptureRequest, Ended, FrameReady, Opened, Progress, Started
from pipeline.video.capture_time import capture_start
from pipeline.video.close_looks import Place
from pipeline.video.motion import MotionGate
from pipeline.video.nursery import Nursery
from pipeline.video.sub_stream_trust import SubStreamTrust
from riskdb.system_words import system_words

LOST_S = 10.0
"""A camera that was away for longer is taken to see other vehicles; a brief loss must not make two passages of one."""
JITTER = 0.25


def read_frames(
    source: SourceSettings,
    settings: PipelineSettings,
    counts: ScreeningCounts,
    stop: Event | None = None,
    from_ms: float = 0.0,
    decoder_threads: int | None = None,
    nursery: Nursery | None = None,
) -> Iterator[Frame]:
    """Yield the frames worth looking at, in order; a frame's picture is valid until the next one is asked for.

    `from_ms`: of a video file, what was presented before this time is passed over. `decoder_threads`: 1 gives the same
    pictures every time; more give the same pictures or, at the first damage, an UnsteadyDecodingError; None leaves the
    number to FFmpeg and takes damage as it comes. `nursery`: where decoders are forked; None starts an interpreter for
    each.

    Frames and damage are counted in `counts`. A live source is opened again and again; `stop`, which may be set from
    another thread, ends any source within a second.
    Raises SourceError when a file or folder cannot be opened at all; damage later on only ends the frames.
    """
    viewing = Viewing(source, settings, counts, stop or Event(), from_ms, decoder_threads, nursery)
    return (frame for frame in _sightings(viewing) if isinstance(frame, Frame))


def watch_frames(
    source: SourceSettings,
    settings: PipelineSettings,
    counts: ScreeningCounts,
    stop: Event | None = None,
    nursery: Nursery | None = None,
) -> Iterator[Sighting]:
    """Yield the frames of `read_frames`, and SightLost where a source was lost, or a recording paused, for LOST_S."""
    if source.is_live:
        return _sightings(Viewing(source, settings, counts, stop or Event(), nursery=nursery))
    return tell_gaps(read_frames(source, settings, counts, stop, nursery=nursery), settings.gate.idle_look_s)


def tell_gaps(frames: Iterator[Frame], idle_look_s: float) -> Iterator[Sighting]:
    """Put a `SightLost` where a recorder paused; frames that the gate left out, `idle_look_s` apart, are no gap."""
    longest = timedelta(seconds=LOST_S + idle_look_s)
    before = None
    for frame in frames:
        if before is not None and frame.captured_at - before > longest:
            yield SightLost(frame.camera_id, frame.captured_at, "the recording has a gap")
        before = frame.captured_at
        yield frame


@dataclass(frozen=True, slots=True)
class Viewing:
    """What the generator of a source's frames is given; see `read_frames`."""

    source: SourceSettings
    settings: PipelineSettings
    counts: ScreeningCounts
    stop: Event
    from_ms: float = 0.0
    decoder_threads: int | None = None
    nursery: Nursery | None = None


def _sightings(viewing: Viewing) -> Iterator[Sighting]:
    read = next(read for is_its_kind, read in KINDS if is_its_kind(viewing.source))
    return read(viewing)


def _read_file(viewing: Viewing) -> Iterator[Sighting]:
    source, settings, counts = viewing.source, viewing.settings, viewing.counts
    _require_file(source)
    start, _ = capture_start(source.path, source.start)
    threads = viewing.decoder_threads
    request = CaptureRequest(
        uri=source.uri,
        is_live=False,
        gate=settings.gate,
        decoder_threads=threads or 0,
        stops_at_damage=threads is not None and threads > 1,
        from_ms=viewing.from_ms,
        regions=source.regions,
    )
    with CaptureProcess(request, settings.stall_timeout_s, viewing.nursery) as capture:
        for notice in capture.notices():
            if isinstance(notice, FrameReady):
                counts.frames = notice.frames
                captured_at = start + timedelta(milliseconds=notice.offset_ms)
                yield _frame(source, notice, captured_at, capture)
                capture.give_back(notice)
            elif isinstance(notice, Ended):
                counts.frames = notice.frames
                counts.damage = notice.damage
                if notice.guessed_fps:
                    counts.note = f"录像里没有时间：按每秒 {notice.guessed_fps:.0f} 帧估计"
                if notice.stopped_at_damage:
                    raise UnsteadyDecodingError(f"{source.uri}：{notice.damage}")
                if notice.frames == 0:
                    raise SourceError(f"{source.uri}：{notice.damage}")
            elif isinstance(notice, Opened):
                counts.length_ms = notice.length_ms
            elif isinstance(notice, Progress):
                counts.frames = notice.frames
            if viewing.stop.is_set():
                return


def _read_folder(viewing: Viewing) -> Iterator[Sighting]:
    """Images in name order, `fps` a second; one that cannot be read is counted as damage and passed over."""
    source, counts = viewing.source, viewing.counts
    try:
        paths = sorted(p for p in source.path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    except OSError as error:
        raise SourceError(f"{source.uri}：读不了（{system_words(error)}）") from error
    if not paths:
        raise SourceError(f"{source.uri}：这个文件夹里没有图片")
    start, _ = capture_start(source.path, source.start)
    unreadable = 0
    gate = MotionGate(viewing.settings.gate, source.regions)
    with PictureDecoder() as decoder:
        for index, path in enumerate(paths):
            if viewing.stop.is_set():
                return
            offset_ms = index * 1000.0 / source.fps
            counts.frames += 1
            try:
                picture = decoder.load(path)
            except OcrError as error:
                unreadable += 1
                counts.damage = f"{len(paths)} 张图片中 {unreadable} 张无法读取，最后一张：{error}"
                continue
            if picture.unseen and not unreadable:
                counts.damage = f"{path.name}：{picture.unseen}"
            image = picture.image
            if gate.is_due(offset_ms) and gate.wants(image, offset_ms):
                source.regions.hide(image)
                captured_at = start + timedelta(milliseconds=offset_ms)
                size = image.shape[:2]
                moved = _boxes(gate.places(size, offset_ms), size)
                yield Frame(source.camera_id, index, captured_at, datetime.now(UTC), image, moved)


def _read_live(viewing: Viewing) -> Iterator[Sighting]:
    source, settings, counts, stop = viewing.source, viewing.settings, viewing.counts, viewing.stop
    wait_s = settings.reopen_min_s
    lost_at, is_told = None, False
    request = _live_request(source, settings)
    frames_before = dropped_before = undecoded_before = 0
    state, trust = CameraState(source.camera_id), SubStreamTrust(source.sub_uri)
    while not stop.is_set():
        to_open = request.model_copy(update={"sub_uri": trust.to_open()})
        with CaptureProcess(to_open, settings.stall_timeout_s, viewing.nursery) as capture:
            for notice in capture.notices():
                if stop.is_set():
                    return
                if isinstance(notice, Started):
                    continue
                if isinstance(notice, Opened):
                    counts.damage = None
                    continue
                counts.frames = frames_before + notice.frames
                counts.dropped = dropped_before + notice.dropped
                if isinstance(notice, Progress):
                    counts.undecoded = undecoded_before + notice.undecoded
                    _note_progress(notice, counts, state, trust)
                    if trust.is_due:
                        break
                if isinstance(notice, FrameReady):
                    wait_s, lost_at = settings.reopen_min_s, None
                    yield _frame(source, notice, datetime.fromtimestamp(notice.captured_at, UTC), capture)
                    capture.give_back(notice)
                elif isinstance(notice, Ended):
                    counts.damage = notice.damage
        frames_before, dropped_before, undecoded_before = counts.frames, counts.dropped, counts.undecoded
        if capture.has_crashed:
            trust.crashed()
        if trust.is_due:
            continue
        state.ended(counts.damage)
        if lost_at is None:
            lost_at, is_told = time.monotonic(), False
        left_s = max(0.0, lost_at + LOST_S - time.monotonic())
        if not is_told and left_s <= wait_s:
            stop.wait(left_s)
            yield SightLost(source.camera_id, datetime.now(UTC), counts.damage)
            is_told = True
        # A switch that comes back must not be asked by all its cameras' readers at once.
        stop.wait(wait_s * random.uniform(1 - JITTER, 1 + JITTER))
        wait_s = min(2 * wait_s, settings.reopen_max_s)


def _live_request(source: SourceSettings, settings: PipelineSettings) -> CaptureRequest:
    return CaptureRequest(
        uri=source.uri,
        is_live=True,
        gate=settings.gate,
        decoder_threads=1,
        regions=source.regions,
        quality_hold_s=settings.quality_hold_s,
        tls_verify=source.tls_verify,
        ca_file=source.ca_file,
    )


def _note_progress(notice: Progress, counts: ScreeningCounts, state: CameraState, trust: SubStreamTrust) -> None:
    counts.age_s, counts.clock_offset_s = notice.late_s, notice.clock_offset_s
    counts.spared = notice.spared
    counts.quality = notice.quality or counts.quality
    counts.clock_box = notice.clock_box or counts.clock_box
    counts.sub_stream = "crashes" if trust.is_left_out else notice.sub_stream
    state.sub_stream(counts.sub_stream, notice.sub_stream_reason)
    state.sends(notice.frames, notice.undecoded)
    state.judged(counts.camera_quality)


def _frame(source: SourceSettings, notice: FrameReady, captured_at: datetime, capture: CaptureProcess) -> Frame:
    arrived_at = datetime.fromtimestamp(notice.arrived_at, UTC)
    moved = _boxes(notice.moved, (notice.height, notice.width))
    return Frame(source.camera_id, notice.index, captured_at, arrived_at, capture.picture(notice), moved)


def _boxes(places: tuple[Place, ...] | None, size: tuple[int, int]) -> tuple[BoundingBox, ...] | None:
    height, width = size
    if places is None:
        return None
    return tuple(BoundingBox(x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in places)


def _require_file(source: SourceSettings) -> None:
    try:
        # Before the open: that of a pipe without a writer never returns.
        is_file, size = source.path.is_file(), source.path.stat().st_size
        if is_file and size:
            source.path.open("rb").close()
    except OSError as error:
        raise SourceError(f"{source.uri}：读不了（{system_words(error)}）") from error
    if not is_file:
        raise SourceError(f"{source.uri}：既不是文件也不是文件夹")
    if not size:
        raise SourceError(f"{source.uri}：文件是空的")


KINDS: tuple[tuple[Callable[[SourceSettings], bool], Callable[[Viewing], Iterator[Sighting]]], ...] = (
    (lambda source: source.is_live, _read_live),
    (lambda source: source.path.is_dir(), _read_folder),
    (lambda _: True, _read_file),
)
"""How a kind of source is told, and the generator of its frames; the first row that fits."""
