"""A live camera in virtual time: packets come when they were encoded; decoding and looking take what a test says."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import pytest

from pipeline.settings import GateSettings
from pipeline.video.capture_protocol import CaptureRequest, FrameReady
from pipeline.video.ffmpeg import VideoPacket, VideoStream, open_stream
from pipeline.video.hand_over import HandOver
from pipeline.video.live_decoding import LiveDecoding
from pipeline.video.live_packets import Arrived, LivePackets
from tests.still_groups_kit import arrived_at

OPENED_S = 1000.0


class VirtualTime:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now_s = OPENED_S

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s

    def reach(self, moment_s: float) -> None:
        self.now_s = max(self.now_s, moment_s)


@dataclass
class BusyReader:
    """Stands in for the way to the parent, whose every look takes as long; frames wait as `HandOver` has it."""

    time: VirtualTime
    look_s: float
    looks: list[tuple[float, float]] = field(default_factory=list)
    """Of each: the moment of the picture and when it was looked at, in seconds of the stream."""
    told: list[tuple[float, float]] = field(default_factory=list)
    """Before each packet is decoded: when, and how old the newest picture is said to be."""
    dropped: int = 0
    _waiting: tuple[FrameReady, float] | None = None
    _free_s: float = 0.0

    def offer(self, _frame: av.VideoFrame, ready: FrameReady, fresh_s: float) -> None:
        self._go_on()
        if self._waiting is not None:
            left_s = self._waiting[0].captured_at + fresh_s - self.time.now_s
            self.time.reach(min(self._free_s, self.time.now_s + max(0.0, min(left_s, fresh_s))))
            self._go_on()
        self.dropped += self._waiting is not None
        self._waiting = ready, self.time.now_s
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting is None or self._free_s > self.time.now_s:
            return
        (ready, offered_s), self._waiting = self._waiting, None
        at_s = max(offered_s, self._free_s)
        self._free_s = at_s + self.look_s
        self.looks.append((ready.captured_at - OPENED_S, at_s - OPENED_S))


class VirtualPackets(LivePackets):
    """Has what had come by now."""

    def __init__(self, stream: VideoStream, time: VirtualTime) -> None:
        self._coming = deque(arrived_at(stream, OPENED_S))
        self._time = time
        super().__init__(cast(VideoStream, NoPackets()), time.monotonic)

    def _next(self) -> Arrived | None:
        if not self._waiting and self._coming:
            self._time.reach(self._coming[0].arrived_s)
        while self._coming and self._coming[0].arrived_s <= self._time.now_s:
            self._waiting.append(self._coming.popleft())
        return self._take() if self._waiting else None


class NoPackets:
    """A stream that has ended."""

    def packets(self) -> Iterator[VideoPacket]:
        return iter(())


def screened_in_time(path: Path, patch: pytest.MonkeyPatch, decode_s: float, look_s: float) -> BusyReader:
    """Return who looked at what, and when, if each packet takes the decoder so long and each look the reader."""
    time = VirtualTime()
    request = CaptureRequest(uri=str(path), is_live=True, gate=GateSettings(), decoder_threads=1)
    stream = open_stream(request)
    decoded = stream.decoded

    def decoded_in_time(packet: "VideoPacket | None") -> list[av.VideoFrame]:
        reader.told.append((time.now_s - OPENED_S, decoding.late_s))
        time.reach(time.now_s + (decode_s if packet is not None else 0.0))
        return decoded(packet)

    patch.setattr(stream, "decoded", decoded_in_time)
    patch.setattr("pipeline.video.live_decoding.time", time)
    reader = BusyReader(time, look_s)
    decoding = LiveDecoding(stream, request, cast(HandOver, reader), VirtualPackets(stream, time))
    decoding.run()
    return reader
