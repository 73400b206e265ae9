"""The capture child of a live source: what comes is decoded in order, and goes to the parent while it is fresh."""

import threading
from multiprocessing.connection import Connection

from pipeline.video.capture_protocol import CaptureRequest, Ended, FrameMemory
from pipeline.video.ffmpeg import VideoStream
from pipeline.video.hand_over import HandOver
from pipeline.video.live_decoding import LiveDecoding
from pipeline.video.live_packets import LivePackets
from pipeline.video.sub_stream import SubStream

PROGRESS_EVERY_S = 0.5


def capture_live(
    stream: VideoStream,
    request: CaptureRequest,
    notices: Connection,
    slots: Connection,
    memory: FrameMemory,
    sub_stream: SubStream | None = None,
) -> Ended:
    """Deliver the frames that the gate wants, as many as the parent keeps up with, until the stream ends."""
    hand_over = HandOver(notices, memory, request.regions)
    decoding = LiveDecoding(stream, request, hand_over, LivePackets(stream), sub_stream)
    thread = threading.Thread(target=decoding.run, daemon=True)
    thread.start()
    while thread.is_alive():
        if slots.poll(PROGRESS_EVERY_S):
            slots.recv_bytes()
            hand_over.parent_returned()
        hand_over.send(decoding.progress())
    last = decoding.progress()
    return Ended(
        frames=last.frames, offset_ms=last.offset_ms, dropped=last.dropped, was_opened=True, damage="视频流结束了"
    )
