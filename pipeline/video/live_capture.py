"""The capture child of a live source: what comes is decoded in order, and goes to the parent while it is fresh."""

import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from multiprocessing.connection import Connection

import av

from pipeline.video.capture_protocol import CaptureRequest, Ended, FrameMemory, FrameReady, Progress
from pipeline.video.ffmpeg import VideoStream
from pipeline.video.live_packets import Arrived, LivePackets
from pipeline.video.masks import Regions
from pipeline.video.motion import MotionGate
from pipeline.video.picture_health import PictureHealth
from pipeline.video.pictures import put_picture, shown_size

PROGRESS_EVERY_S = 0.5
SLOT = 0
"""The one that pictures travel in: the parent has it, or it is free."""
FRESH_S = 0.05
"""A frame that waits for the parent gives way to a newer one when it is older than the line made it by this much."""
UNDECODABLE_S = 5.0
"""A decoder that gives no picture for this long, while packets come, cannot read them."""
MAX_REORDERED = 64
"""Frames that a decoder holds back while it puts them in order; the standards allow 16."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame as it was decoded, and what is said of it once it has become a picture."""

    frame: av.VideoFrame
    ready: FrameReady


class _HandOver:
    """At most one frame with the parent and one waiting.

    The waiting one keeps the decoder from going on while it is fresh, so that the frames of a burst are all looked at;
    then a newer one takes its place, so that a parent that cannot keep up looks at fewer frames and never at old ones.
    Only what the parent takes becomes a picture, in the one slot that it has given back: a slot is 6 MB at 1080p.
    """

    def __init__(self, notices: Connection, memory: FrameMemory, regions: Regions) -> None:
        self._notices = notices
        self._memory = memory
        self._regions = regions
        self._changed = threading.Condition()
        self._waiting: _Waiting | None = None
        self._is_with_parent = False
        self.dropped = 0

    def offer(self, frame: av.VideoFrame, ready: FrameReady, fresh_s: float) -> None:
        """Hand over a frame, after the one before it has gone or is older than `fresh_s`."""
        with self._changed:
            if self._waiting is not None:
                left_s = self._waiting.ready.captured_at + fresh_s - time.time()
                self._changed.wait_for(lambda: self._waiting is None, timeout=max(0.0, min(left_s, fresh_s)))
            self.dropped += self._waiting is not None
            self._waiting = _Waiting(frame, ready)
            self._send_waiting()

    def parent_returned(self) -> None:
        with self._changed:
            self._is_with_parent = False
            self._send_waiting()

    def send(self, message: Progress) -> None:
        with self._changed:
            self._notices.send_bytes(message.model_dump_json().encode())

    def _send_waiting(self) -> None:
        if self._waiting is None or self._is_with_parent:
            return
        waiting, self._waiting = self._waiting, None
        self._changed.notify()
        shape = put_picture(waiting.frame, self._memory, SLOT)
        if shape is None:
            return
        self._regions.hide(self._memory.picture(SLOT, *shape))
        told = {"dropped": self.dropped, "height": shape[0], "width": shape[1]}
        self._notices.send_bytes(waiting.ready.model_copy(update=told).model_dump_json().encode())
        self._is_with_parent = True


class _Decoding:
    """Decodes what arrived and offers the frames that the gate wants."""

    def __init__(self, stream: VideoStream, request: CaptureRequest, hand_over: _HandOver) -> None:
        self._stream = stream
        self._gate = MotionGate(request.gate, request.regions)
        self._hand_over = hand_over
        self._moments: OrderedDict[int | None, Arrived] = OrderedDict()
        self._opened_s = self._decoded_s = time.monotonic()
        self._health = PictureHealth(request.quality_hold_s, request.regions)
        self._arrivals = LivePackets(stream)
        self._decoded_ms: deque[float] = deque(maxlen=MAX_REORDERED)
        self._spared = 0
        self.late_s = 0.0

    def run(self) -> None:
        for arrived in self._arrivals.in_order():
            if arrived.is_disposable and self._is_spare(self._offset_ms(arrived)):
                # Nothing refers to it and nobody would look at it.
                self._stream.frames += 1
                self._spared += 1
                continue
            self._decoded_ms.append(self._offset_ms(arrived))
            self._moments[arrived.packet.pts] = arrived
            while len(self._moments) > MAX_REORDERED:
                self._moments.popitem(last=False)
            frames = self._stream.decoded(arrived.packet)
            if not frames and time.monotonic() - self._decoded_s > UNDECODABLE_S:
                self._health.undecodable(time.monotonic())
            for frame in frames:
                self._stream.take(frame)
                self._look(self._moments.pop(frame.pts, arrived))

    def progress(self) -> Progress:
        undecoded = self._arrivals.undecoded
        return Progress(
            frames=self._stream.frames + undecoded,
            offset_ms=self._stream.offset_ms,
            dropped=self._hand_over.dropped + undecoded,
            undecoded=undecoded,
            late_s=self.late_s,
            clock_offset_s=self._arrivals.clock_offset_s,
            quality=self._health.quality,
            spared=self._spared,
            clock_box=self._gate.clock_box,
        )

    def _is_spare(self, offset_ms: float) -> bool:
        """Return whether this frame would not be due so shortly after one that was decoded, shown yet or not."""
        older_ms = (each for each in self._decoded_ms if each <= offset_ms)
        return offset_ms - max(older_ms, default=float("-inf")) < self._gate.interval_ms(offset_ms)

    def _offset_ms(self, arrived: Arrived) -> float:
        return (arrived.captured_s - self._opened_s) * 1000.0

    def _look(self, arrived: Arrived) -> None:
        stream = self._stream
        now_s = self._decoded_s = time.monotonic()
        self._health.look(stream.luma(), now_s, is_key=stream.is_key)
        self.late_s = now_s - arrived.captured_s
        # Never backwards: the offset between the clocks is still being found.
        stream.offset_ms = max(stream.offset_ms, self._offset_ms(arrived))
        if not self._gate.is_due(stream.offset_ms) or not self._gate.wants(stream.luma(), stream.offset_ms):
            return
        frame = stream.frame
        assert frame is not None
        shape = shown_size(frame)
        now_s, now = time.monotonic(), time.time()
        arrived_at = now - (now_s - arrived.arrived_s)
        undecoded = self._arrivals.undecoded
        ready = FrameReady(
            slot=SLOT,
            height=shape[0],
            width=shape[1],
            index=stream.frames + undecoded - 1,
            offset_ms=stream.offset_ms,
            # The offset never goes back, not even behind a frame whose time was too late: none is later than it came.
            captured_at=min(arrived_at, now - (now_s - self._opened_s) + stream.offset_ms / 1000.0),
            arrived_at=arrived_at,
            frames=stream.frames + undecoded,
            dropped=0,
            moved=self._gate.places(shape, stream.offset_ms),
        )
        self._hand_over.offer(frame, ready, self._arrivals.lateness_s + FRESH_S)


def capture_live(
    stream: VideoStream, request: CaptureRequest, notices: Connection, slots: Connection, memory: FrameMemory
) -> Ended:
    """Deliver the frames that the gate wants, as many as the parent keeps up with, until the stream ends."""
    hand_over = _HandOver(notices, memory, request.regions)
    decoding = _Decoding(stream, request, hand_over)
    thread = threading.Thread(target=decoding.run, daemon=True)
    thread.start()
    while thread.is_alive():
        if slots.poll(PROGRESS_EVERY_S):
            slots.recv_bytes()
            hand_over.parent_returned()
        hand_over.send(decoding.progress())
    last = decoding.progress()
    return Ended(
        frames=last.frames, offset_ms=last.offset_ms, dropped=last.dropped, was_opened=True, damage="the stream ended"
    )
