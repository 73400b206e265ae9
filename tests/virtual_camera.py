"""A live camera in virtual time: packets come when they were encoded; decoding and looking take what a test says."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import pytest

from pipeline.settings import GateSettings
from pipeline.video.capture_protocol import CaptureRequest, FrameReady
from pipeline.video.deinterlace import Plane
from pipeline.video.ffmpeg import VideoPacket, VideoStream, open_stream
from pipeline.video.hand_over import HandOver
from pipeline.video.live_decoding import LiveDecoding
from pipeline.video.live_packets import Arrived, LivePackets
from pipeline.video.pictures import luma_of
from pipeline.video.sub_stream import SubStream
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

    def __init__(self, stream: VideoStream, time: VirtualTime, on_packet: Callable[[], None]) -> None:
        self._coming = deque(arrived_at(stream, OPENED_S))
        self._time = time
        self._on_packet = on_packet
        super().__init__(cast(VideoStream, NoPackets()), time.monotonic)

    def _next(self) -> Arrived | None:
        if not self._waiting and self._coming:
            self._time.reach(self._coming[0].arrived_s)
        while self._coming and self._coming[0].arrived_s <= self._time.now_s:
            self._waiting.append(self._coming.popleft())
        self._on_packet()
        return self._take() if self._waiting else None


class NoPackets:
    """A stream that has ended."""

    def packets(self) -> Iterator[VideoPacket]:
        return iter(())


class VirtualSubStream(SubStream):
    """Has shown the pictures that had come by now; each came at the moment that it is said to be of, or later."""

    def __init__(self, time: VirtualTime, pictures: Sequence[tuple[float, float, Plane]]) -> None:
        """`pictures`: seconds of the stream that each is of and came at, and its brightness."""
        super().__init__(GateSettings(), None, time.monotonic)
        self._time = time
        self._coming = deque(pictures)
        self.opened()

    def come(self) -> None:
        while self._coming and OPENED_S + self._coming[0][1] <= self._time.now_s:
            captured_s, _, luma = self._coming.popleft()
            self.take(luma, OPENED_S + captured_s)

    def _wait(self, is_known: Callable[[], bool]) -> None:
        self.come()
        while not is_known():
            next_s = OPENED_S + self._coming[0][1] if self._coming else self._time.now_s + 0.5
            self._time.reach(min(next_s, self._time.now_s + 0.5))
            self.come()


def pictures_of(path: Path) -> list[tuple[float, Plane]]:
    """Return a clip's pictures and their times."""
    with av.open(str(path)) as container:
        frames = [frame for frame in container.decode(video=0) if frame.time is not None]
        return [(float(each.time or 0.0) - float(frames[0].time or 0.0), luma_of(each).copy()) for each in frames]


@dataclass
class Screened(BusyReader):
    """Who looked, and what the decoder says at the end."""

    spared: int = 0
    states: list[tuple[float, str | None]] = field(default_factory=list)
    """What is said of the sub-stream, at each second."""
    undecoded: int = 0


def screened_in_time(
    path: Path,
    patch: pytest.MonkeyPatch,
    decode_s: float,
    look_s: float,
    pictures: Sequence[tuple[float, float, Plane]] | None = None,
    **gate: float,
) -> Screened:
    """Return who looked at what, and when, if each packet takes the decoder so long and each look the reader.

    `pictures`: of the sub-stream, where there is one.
    """
    time = VirtualTime()
    settings = GateSettings.model_validate(gate)
    request = CaptureRequest(uri=str(path), is_live=True, gate=settings, decoder_threads=1)
    sub_stream = None if pictures is None else VirtualSubStream(time, pictures)
    stream = open_stream(request)
    decoded = stream.decoded

    def decoded_in_time(packet: "VideoPacket | None") -> list[av.VideoFrame]:
        reader.told.append((time.now_s - OPENED_S, decoding.late_s))
        time.reach(time.now_s + (decode_s if packet is not None else 0.0))
        return decoded(packet)

    patch.setattr(stream, "decoded", decoded_in_time)
    for module in ("live_decoding", "vouching"):
        patch.setattr(f"pipeline.video.{module}.time", time)
    reader = Screened(time, look_s)
    packets = VirtualPackets(stream, time, lambda: _note(reader, sub_stream))
    decoding = LiveDecoding(stream, request, cast(HandOver, reader), packets, sub_stream)
    decoding.run()
    reader.spared, reader.undecoded = decoding.progress().spared, packets.undecoded
    return reader


def _note(reader: Screened, sub_stream: VirtualSubStream | None) -> None:
    if sub_stream is None:
        return
    sub_stream.come()
    at_s = round(reader.time.now_s - OPENED_S, 2)
    if not reader.states or at_s >= reader.states[-1][0] + 1:
        reader.states.append((at_s, sub_stream.state))
