"""The capture child of a live source: one thread drains the camera, the newest wanted frame goes to the parent."""

import threading
import time
from multiprocessing.connection import Connection

from pipeline.video.capture_protocol import SLOTS, Ended, FrameMemory, FrameReady, Progress
from pipeline.video.ffmpeg import VideoStream
from pipeline.video.motion import MotionGate

PROGRESS_EVERY_S = 0.5


class _Newest:
    """At most one frame with the parent and one waiting; a newer one replaces the waiting one."""

    def __init__(self, notices: Connection) -> None:
        self._notices = notices
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))
        self._waiting: FrameReady | None = None
        self._is_with_parent = False
        self.dropped = 0

    def take_slot(self) -> int:
        with self._lock:
            return self._free.pop()

    def give_back(self, slot: int) -> None:
        with self._lock:
            self._free.append(slot)

    def offer(self, frame: FrameReady) -> None:
        with self._lock:
            if self._waiting is not None:
                self._free.append(self._waiting.slot)
                self.dropped += 1
            self._waiting = frame
            self._send_waiting()

    def parent_returned(self, slot: int) -> None:
        with self._lock:
            self._free.append(slot)
            self._is_with_parent = False
            self._send_waiting()

    def send(self, message: Progress) -> None:
        with self._lock:
            self._notices.send_bytes(message.model_dump_json().encode())

    def _send_waiting(self) -> None:
        if self._waiting is not None and not self._is_with_parent:
            frame = self._waiting.model_copy(update={"dropped": self.dropped})
            self._notices.send_bytes(frame.model_dump_json().encode())
            self._waiting = None
            self._is_with_parent = True


def capture_live(
    stream: VideoStream, gate: MotionGate, notices: Connection, slots: Connection, memory: FrameMemory
) -> Ended:
    """Deliver the newest wanted frame whenever the parent is free, until the stream ends."""
    newest = _Newest(notices)
    draining = threading.Thread(target=_drain, args=(stream, gate, memory, newest), daemon=True)
    draining.start()
    while draining.is_alive():
        if slots.poll(PROGRESS_EVERY_S):
            newest.parent_returned(int(slots.recv_bytes()))
        newest.send(Progress(frames=stream.frames, offset_ms=stream.offset_ms, dropped=newest.dropped))
    return Ended(
        frames=stream.frames,
        offset_ms=stream.offset_ms,
        dropped=newest.dropped,
        was_opened=True,
        damage="the stream ended",
    )


def _drain(stream: VideoStream, gate: MotionGate, memory: FrameMemory, newest: _Newest) -> None:
    opened = time.monotonic()
    while stream.grab():
        # A camera's own clock may be wrong or absent; what counts is when the picture was here.
        offset_ms = (time.monotonic() - opened) * 1000.0
        if not gate.is_due(offset_ms):
            continue
        slot = newest.take_slot()
        shape = stream.retrieve_into(memory, slot)
        if shape is None or not gate.wants(memory.picture(slot, *shape), offset_ms):
            newest.give_back(slot)
            continue
        newest.offer(
            FrameReady(
                slot=slot,
                height=shape[0],
                width=shape[1],
                index=stream.frames - 1,
                offset_ms=offset_ms,
                arrived_at=time.time(),
                frames=stream.frames,
                dropped=0,
            )
        )
