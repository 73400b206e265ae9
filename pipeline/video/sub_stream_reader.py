"""Reads a camera's sub-stream beside the main one, in a thread, again and again."""

import random
import threading
import time
from collections import OrderedDict

from pipeline.errors import SourceError
from pipeline.video.camera_tls import tls_fault
from pipeline.video.capture_protocol import CaptureRequest
from pipeline.video.ffmpeg import VideoStream, open_stream
from pipeline.video.live_clock import LiveClock
from pipeline.video.pictures import luma_of
from pipeline.video.sub_stream import SubStream

REOPEN_MIN_S, REOPEN_MAX_S = 1.0, 5.0
JITTER = 0.25
MAX_REORDERED = 64


def watched_sub_stream(request: CaptureRequest) -> SubStream | None:
    """Return the sub-stream that the request names, which is being opened; None where none is named or needed.

    To be called before the main stream is opened: a camera that plays a recording plays both from the same moment.
    """
    if request.sub_uri is None or not (request.gate.enabled and request.gate.skip_still_groups):
        return None
    own = request.model_copy(update={"uri": request.sub_uri, "sub_uri": None})
    sub_stream = SubStream(request.gate, request.regions)
    threading.Thread(target=_watch, args=(own, sub_stream), daemon=True).start()
    return sub_stream


def _watch(request: CaptureRequest, sub_stream: SubStream) -> None:
    wait_s = REOPEN_MIN_S
    while True:
        try:
            stream = open_stream(request)
        except SourceError as error:
            sub_stream.lost(tls_fault(request) or str(error))
        else:
            sub_stream.opened()
            if _look(stream, sub_stream):
                wait_s = REOPEN_MIN_S
            stream.close()
            sub_stream.lost("视频流结束了")
        time.sleep(wait_s * random.uniform(1 - JITTER, 1 + JITTER))
        wait_s = min(2 * wait_s, REOPEN_MAX_S)


def _look(stream: VideoStream, sub_stream: SubStream) -> bool:
    """Look at its pictures until it ends; return whether there were any."""
    clock, has_shown = LiveClock(), False
    moments: OrderedDict[int | None, float] = OrderedDict()
    for packet in stream.packets():
        if not packet.size:
            continue
        captured_s = moments[packet.pts] = clock.captured_s(stream.presented_s(packet), time.monotonic())
        while len(moments) > MAX_REORDERED:
            moments.popitem(last=False)
        for frame in stream.decoded(packet):
            sub_stream.take(luma_of(frame), moments.pop(frame.pts, captured_s))
            has_shown = True
    return has_shown
