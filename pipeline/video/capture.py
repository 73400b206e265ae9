"""The parent's side of a capture child: starts it, reads its notices, kills it when it falls silent."""

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import ValidationError

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.capture_protocol import (
    NOTICE,
    CaptureRequest,
    Ended,
    FrameMemory,
    FrameReady,
    Notice,
    Opened,
    Progress,
    Started,
    create_frame_memory,
)
from pipeline.video.capture_time import told_length_ms
from pipeline.video.nursery import Child, Nursery, StartedChild

START_TIMEOUT_S = 60.0
"""Loading OpenCV takes half a second, on a box that is overloaded many."""
END_TIMEOUT_S = 5.0
NOT_ITS_FAULT = (None, 0, -signal.SIGKILL, -signal.SIGTERM)
"""Ends that somebody else has brought about, who is not what was decoded."""


class CaptureProcess:
    """A killable decoder of one source; a context manager."""

    def __init__(self, request: CaptureRequest, stall_timeout_s: float, nursery: Nursery | None = None) -> None:
        """`nursery`: where the decoder is forked; None starts an interpreter for it. Raises OSError."""
        self._stall_timeout_s = stall_timeout_s
        self._last = Ended(frames=0, offset_ms=0, dropped=0, was_opened=False)
        self.has_crashed = False
        """Whether what was decoded has ended the child."""
        descriptor = create_frame_memory()
        notices_in, notices_out = os.pipe()
        slots_in, slots_out = os.pipe()
        try:
            self._memory = FrameMemory(descriptor)
            start = nursery.fork if nursery is not None else StartedChild
            self._child: Child = start(notices_out, slots_in, descriptor)
        finally:
            for end in (notices_out, slots_in, descriptor):
                os.close(end)
        self._notices = Connection(notices_in, writable=False)
        self._slots = Connection(slots_out, readable=False)
        self._send(request.model_dump_json().encode())

    def notices(self) -> Iterator[Notice]:
        """Yield what the child says; the last one is always an `Ended`, whatever happens to the child."""
        notice = self._next_notice(START_TIMEOUT_S)
        advanced_at = time.monotonic()
        while not isinstance(notice, Ended):
            if isinstance(notice, Started | Opened) or notice.frames > self._last.frames:
                advanced_at = time.monotonic()
            elif time.monotonic() - advanced_at > self._stall_timeout_s:
                notice = self._ended(f"no new frame for {self._stall_timeout_s:.0f} s")
                break
            if not isinstance(notice, Started | Opened):
                self._remember(notice)
            yield notice
            notice = self._next_notice(self._stall_timeout_s)
        yield notice

    def picture(self, frame: FrameReady) -> BgrImage:
        """Return the frame's picture, valid until `give_back`."""
        return self._memory.picture(frame.slot, frame.height, frame.width)

    def give_back(self, frame: FrameReady) -> None:
        self._send(str(frame.slot).encode())

    def __enter__(self) -> "CaptureProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.exit_code(END_TIMEOUT_S)
        self._notices.close()
        self._slots.close()
        self._memory.close()

    def _next_notice(self, timeout_s: float) -> Notice:
        try:
            if not self._notices.poll(timeout_s):
                return self._ended(f"the decoder hung for {timeout_s:.0f} s")
            return NOTICE.validate_json(self._notices.recv_bytes())
        except (EOFError, ConnectionResetError):
            code = self._child.exit_code(1.0)
            self.has_crashed = code not in NOT_ITS_FAULT
            return self._ended(f"the decoder crashed ({_exit_reason(code)})")
        except (ValidationError, OSError) as error:
            return self._ended(f"the decoder cannot be understood ({type(error).__name__})")

    def _ended(self, damage: str) -> Ended:
        return self._last.model_copy(update={"damage": damage})

    def _remember(self, notice: FrameReady | Progress) -> None:
        self._last = Ended(frames=notice.frames, offset_ms=notice.offset_ms, dropped=notice.dropped, was_opened=True)

    def _send(self, message: bytes) -> None:
        try:
            self._slots.send_bytes(message)
        except (BrokenPipeError, ConnectionResetError):
            # The child has gone; its end shows up among the notices.
            return


def video_length_ms(path: Path, timeout_s: float, nursery: Nursery | None = None) -> float:
    """Return a file's length as its container says, 0.0 when it says nothing or cannot be opened."""
    if (told_ms := told_length_ms(path)) is not None:
        return told_ms
    request = CaptureRequest(uri=str(path), is_live=False, gate=GateSettings())
    with CaptureProcess(request, timeout_s, nursery) as capture:
        opened = next((notice for notice in capture.notices() if not isinstance(notice, Started)), None)
    return opened.length_ms if isinstance(opened, Opened) else 0.0


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    return f"signal {-code}" if code < 0 else f"exit {code}"
