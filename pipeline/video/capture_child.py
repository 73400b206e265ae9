"""The process that decodes one source: `python -m pipeline.video.capture_child NOTICES SLOTS MEMORY` (descriptors).

Started (or forked by `pipeline.video.nursery_process`) and, when it hangs, killed by `pipeline.video.capture`. It
knows nothing of plates.
"""

import contextlib
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import NoReturn

from pipeline.errors import SourceError
from pipeline.freed_memory import return_freed_memory
from pipeline.parent_death import die_with_parent
from pipeline.video.camera_tls import tls_fault
from pipeline.video.capture_protocol import (
    SLOTS,
    CaptureRequest,
    Ended,
    FrameMemory,
    FrameReady,
    Opened,
    Progress,
    Started,
)
from pipeline.video.close_looks import Place
from pipeline.video.error_lines import ErrorLines
from pipeline.video.ffmpeg import FALLBACK_FPS, VideoStream, open_stream
from pipeline.video.live_capture import capture_live
from pipeline.video.motion import MotionGate
from pipeline.video.pictures import shown_places
from pipeline.video.sub_stream_reader import watched_sub_stream

PROGRESS_EVERY_S = 0.5
MAX_MISSING_SHARE = 0.02
"""Containers round their frame count and their length; a file that lacks more than this was cut off."""
MAX_MISSING_FRAMES = 3
MAX_MISSING_MS = 1000.0


def run(notices_out: int, slots_in: int, memory_descriptor: int) -> NoReturn:
    """Decode what the parent asks for, and end the process."""
    notices = Connection(notices_out, readable=False)
    slots = Connection(slots_in, writable=False)
    memory = FrameMemory(memory_descriptor)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    notices.send_bytes(Started().model_dump_json().encode())
    request = CaptureRequest.model_validate_json(slots.recv_bytes())
    # The parent has gone or closed its end: nobody wants the rest.
    with contextlib.suppress(BrokenPipeError, EOFError, ConnectionResetError):
        notices.send_bytes(_capture(request, notices, slots, memory).model_dump_json().encode())
    # No tidy exit: a decoder's threads may hang in it.
    os._exit(0)


def _capture(request: CaptureRequest, notices: Connection, slots: Connection, memory: FrameMemory) -> Ended:
    with ErrorLines() as errors:
        sub_stream = watched_sub_stream(request) if request.is_live else None
        try:
            stream = open_stream(request)
        except SourceError as error:
            reason = tls_fault(request) or errors.first or str(error)
            return Ended(frames=0, offset_ms=0, dropped=0, was_opened=False, damage=reason)
        opened = Opened(length_ms=stream.length_ms)
        notices.send_bytes(opened.model_dump_json().encode())
        if request.is_live:
            return_freed_memory()  # footage makes as many pictures a second as it can: it keeps the pages
            return capture_live(stream, request, notices, slots, memory, sub_stream)
        return _capture_file(stream, request, notices, slots, memory, errors)


def _capture_file(
    stream: VideoStream,
    request: CaptureRequest,
    notices: Connection,
    slots: Connection,
    memory: FrameMemory,
    errors: ErrorLines,
) -> Ended:
    """Deliver every frame that the gate wants; wait while the parent holds all slots."""
    gate = MotionGate(request.gate, request.regions)
    free = list(range(SLOTS))
    reported = time.monotonic()
    undecodable = 0
    while stream.grab() and not (request.stops_at_damage and errors.count):
        if time.monotonic() - reported > PROGRESS_EVERY_S:
            reported = time.monotonic()
            progress = Progress(frames=stream.frames, offset_ms=stream.offset_ms, dropped=0)
            notices.send_bytes(progress.model_dump_json().encode())
        if not gate.is_due(stream.offset_ms):
            continue
        while not free or slots.poll():
            free.append(int(slots.recv_bytes()))
        if not gate.wants(stream.luma(), stream.offset_ms):
            continue
        shape = stream.retrieve_into(memory, free[-1])
        if shape is None:
            undecodable += 1
        else:
            request.regions.hide(memory.picture(free[-1], *shape))
            frame = stream.frame
            assert frame is not None
            size = shape[::-1] if frame.rotation // 90 % 2 else shape
            moved = shown_places(frame, gate.places((size[0], size[1]), stream.offset_ms))
            notice = _ready(stream, free.pop(), shape, moved)
            notices.send_bytes(notice.model_dump_json().encode())
    errors.finish()
    return Ended(
        frames=stream.frames,
        offset_ms=stream.offset_ms,
        dropped=0,
        was_opened=True,
        damage=_damage(stream, undecodable, errors),
        stopped_at_damage=request.stops_at_damage and errors.count > 0,
        guessed_fps=0.0 if stream.has_times else stream.fps or FALLBACK_FPS,
    )


def _ready(stream: VideoStream, slot: int, shape: tuple[int, int], moved: tuple[Place, ...] | None) -> FrameReady:
    return FrameReady(
        slot=slot,
        height=shape[0],
        width=shape[1],
        index=stream.passed_over + stream.frames - 1,
        offset_ms=stream.offset_ms,
        captured_at=0.0,
        arrived_at=time.time(),
        frames=stream.frames,
        dropped=0,
        moved=moved,
    )


def _damage(stream: VideoStream, undecodable: int, errors: ErrorLines) -> str | None:
    if stream.frames == 0:
        return errors.first or "里面没有画面"
    if (missing := _missing(stream)) is not None:
        return missing
    if undecodable:
        return f"{undecodable} 帧无法解码"
    if errors.count:
        return f"有损坏：{errors.first}（解码器共报 {errors.count} 次）"
    return None


def _missing(stream: VideoStream) -> str | None:
    """Say what a file that was cut off lacks, by its container's count of frames, or by its length where it has none.

    Never one by the other: a recorder that paused leaves a gap in its times, and nothing is missing.
    """
    missing = stream.frame_count - stream.passed_over - stream.frames
    if missing > max(MAX_MISSING_FRAMES, MAX_MISSING_SHARE * stream.frame_count):
        return f"不完整：{stream.frame_count} 帧中只有 {stream.frames} 帧"
    missing_ms = stream.length_ms - stream.offset_ms if stream.has_times and not stream.frame_count else 0.0
    if missing_ms > max(MAX_MISSING_MS, MAX_MISSING_SHARE * stream.length_ms):
        return f"不完整：{stream.length_ms / 1000:.1f} 秒中只有 {stream.offset_ms / 1000:.1f} 秒"
    return None


if __name__ == "__main__":
    run(*map(int, sys.argv[1:4]))
