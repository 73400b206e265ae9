"""How a live source's frames go to the parent: one at a time, as long as they are fresh."""

import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import av

from pipeline.video.capture_protocol import FrameMemory, FrameReady, Progress
from pipeline.video.masks import Regions
from pipeline.video.pictures import put_picture

SLOT = 0
"""The one that pictures travel in: the parent has it, or it is free."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame as it was decoded, and what is said of it once it has become a picture."""

    frame: av.VideoFrame
    ready: FrameReady


class HandOver:
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
