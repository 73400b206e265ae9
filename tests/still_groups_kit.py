"""A camera's packets as if they came at their own pace, decoded as fast as they can be, and who was looked at when."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import cast

import av
import numpy as np
from av.video.frame import PictureType

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.capture_protocol import CaptureRequest, FrameReady
from pipeline.video.deinterlace import Plane
from pipeline.video.disposable import begins_group, is_disposable
from pipeline.video.ffmpeg import VideoStream, open_stream
from pipeline.video.hand_over import HandOver
from pipeline.video.live_decoding import LiveDecoding
from pipeline.video.live_packets import Arrived, LivePackets
from pipeline.video.pictures import luma_of

FPS = 25
WIDTH, HEIGHT = 320, 180


@dataclass
class Looks:
    """Stands in for the way to the parent."""

    arrivals: "PacedPackets"
    seconds: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    """How much of the stream had come when the frame was offered, after the frame itself."""
    pictures: list[Plane] = field(default_factory=list)
    dropped: int = 0

    def offer(self, frame: av.VideoFrame, ready: FrameReady, _fresh_s: float) -> None:
        self.seconds.append(ready.offset_ms / 1000.0)
        self.late_s.append(self.arrivals.came_s - self.seconds[-1])
        self.pictures.append(luma_of(frame).copy())


class PacedPackets:
    """Stands in for the line: each packet comes when it was encoded."""

    undecoded = 0
    clock_offset_s = None
    lateness_s = 0.0

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._opened_s = time.monotonic()
        self.came_s = 0.0

    def catch_up(self, behind_s: float) -> None:
        """Nothing: who is offered a frame has always time."""

    def in_order(self) -> Iterator[Arrived]:
        for arrived in arrived_at(self._stream, self._opened_s):
            self.came_s = max(self.came_s, arrived.arrived_s - self._opened_s)
            yield arrived


def arrived_at(stream: VideoStream, opened_s: float) -> Iterator[Arrived]:
    """Yield the packets as if each had come at the moment that it is shown, the first when the stream was opened."""
    first_s = None
    for packet in stream.packets():
        if not packet.size:
            continue
        assert packet.pts is not None
        shown_s = float(packet.pts * packet.time_base)
        first_s = shown_s if first_s is None else first_s
        moment = opened_s + shown_s - first_s
        content = memoryview(packet)
        begins = packet.is_keyframe and begins_group(stream.codec, content)
        yield Arrived(packet, moment, moment, is_disposable(stream.codec, content), begins)


@dataclass(frozen=True)
class Decoded:
    looks: Looks
    spared: int
    frames: int
    clock_box: tuple[float, float, float, float] | None


def decode(path: Path, decoder_threads: int = 1, **gate: float) -> Decoded:
    settings = GateSettings.model_validate(gate)
    request = CaptureRequest(uri=str(path), is_live=True, gate=settings, decoder_threads=decoder_threads)
    stream = open_stream(request)
    arrivals = PacedPackets(stream)
    looks = Looks(arrivals)
    decoding = LiveDecoding(stream, request, cast(HandOver, looks), cast(LivePackets, arrivals))
    decoding.run()
    progress = decoding.progress()
    return Decoded(looks, progress.spared, progress.frames, progress.clock_box)


def write_stream(
    path: Path,
    pictures: Iterator[BgrImage],
    group_s: float = 1.0,
    codec: str = "libx264",
    options: Mapping[str, str] = MappingProxyType({}),
    long_from: int | None = None,
) -> Path:
    """Write a clip; one of MPEG transport stream (.ts) has packets as an RTSP camera's are.

    `long_from`: no group begins after this picture.

    A picture that comes again, the same array, is put into the encoder's colours once.
    """
    chosen = {
        "preset": "ultrafast",
        "g": str(round(group_s * FPS) if long_from is None else 10_000),
        "sc_threshold": "0",
        "bf": "0",
        "crf": "26",
        **options,
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=chosen)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuv420p"
        known: dict[int, tuple[BgrImage, av.VideoFrame]] = {}
        for index, picture in enumerate(pictures):
            if not index:
                stream.height, stream.width = picture.shape[:2]
            _, frame = known.get(id(picture), (picture, None))
            if frame is None:
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            if not picture.flags.writeable:
                known[id(picture)] = picture, frame  # kept, so that no other array gets its number
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            if long_from is not None:
                begins = index <= long_from and index % round(group_s * FPS) == 0
                frame.pict_type = PictureType.I if begins else PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


VISITS_S = [7.0, 11.0, 15.0]
"""When something passes while a camera's sizes are learnt; from 19 s on they are believed."""


def road(
    visits_s: list[float],
    until_s: float,
    side: int = 40,
    noise: float = 3.0,
    stone: int = 1,
    seed: int = 4,
    lasts_s: float = 1.0,
) -> Iterator[BgrImage]:
    """Yield a noisy road, of stones of this size, that something crosses, in so long, at each of these times.

    Pictures of the empty road come again and again, and are not to be written into.
    """
    rng = np.random.default_rng(seed)
    still = np.repeat(rng.uniform(70, 120, (HEIGHT // stone, WIDTH // stone, 1)), 3, axis=2)
    still = still.repeat(stone, axis=0).repeat(stone, axis=1)
    grain = [rng.normal(0, noise, still.shape) for _ in range(8)]
    pictures = [np.clip(still + each, 0, 255).astype(np.uint8) for each in grain]
    for each in pictures:
        each.flags.writeable = False
    vehicle = rng.integers(20, 230, (side, side, 3), np.uint8)
    for index in range(round(until_s * FPS)):
        picture = pictures[index % 8]
        for visit_s in visits_s:
            since_s = index / FPS - visit_s
            if 0 <= since_s < lasts_s:
                x = round((WIDTH - side) * since_s / lasts_s)
                picture = picture.copy()
                picture[70 : 70 + side, x : x + side] = vehicle
        yield picture


def with_apparition(pictures: Iterator[BgrImage], from_s: float) -> Iterator[BgrImage]:
    """Yield the pictures with something that fades in so slowly that no packet is larger for it, and out again."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 50.0 * np.exp(-(((rows - 50) / 20) ** 2 + ((columns - 80) / 20) ** 2))[..., None]
    for index, picture in enumerate(pictures):
        since_s = index / FPS - from_s
        strength = min(since_s / 1.2, 1.0, (2.4 - since_s) / 1.2)
        yield np.clip(picture + light * strength, 0, 255).astype(np.uint8) if strength > 0 else picture
