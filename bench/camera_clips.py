"""Clips for the cameras of `bench.cameras`: the fixtures' traffic larger, at another rate, with a running clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from fixtures.render.sensor import caption
from fixtures.truth import FIXTURE_VIDEOS, ClipTruth
from ocr.types import BgrImage
from pipeline.video.ffmpeg import VideoPacket

TRAFFIC = ("day_gantry", "dusk_booth", "two_lanes", "rain_caption")
"""Fixture clips without a parked car: what stands there in every repetition is one passage, however often."""
EMPTY_S = 2.0
"""Of the empty road after each repetition: long enough for what was in view to have left."""
VISITS, REST_S = 3, 4.0
END_S = 10
CLOCK_AT = 1_583_020_800
NOISE = 2.5
"""Grey levels of a sensor's noise, standard deviation."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a camera sends its picture."""

    width: int
    height: int
    fps: int
    kbit_per_s: int = 4000
    has_clock: bool = False
    quality: int | None = None
    """Of a camera whose rate follows what its picture needs (x264's crf); None keeps to the rate above."""
    codec: str = "libx264"
    b_frames: int = 2
    is_interlaced: bool = False
    """Two moments a picture: it has half as many pictures a second as moments."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """A clip in memory: its pictures and what passes in it."""

    texts: tuple[str, ...]
    pictures: list[BgrImage]
    empty: BgrImage


def traffic(name: str, width: int, height: int) -> Traffic:
    truth = ClipTruth.model_validate_json((FIXTURE_VIDEOS / f"{name}.json").read_text(encoding="utf-8"))
    with av.open(str(FIXTURE_VIDEOS / truth.clip)) as container:
        shown = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    pictures = [np.asarray(cv2.resize(each, (width, height)), np.uint8) for each in shown]
    empty = np.asarray(np.median(np.stack(pictures[:: max(1, len(pictures) // 15)]), axis=0), np.uint8)
    return Traffic(tuple(each.text for each in truth.passages), pictures, empty)


def played_s(name: str, fps: int) -> float:
    """Return for how long one repetition of a clip's traffic plays."""
    with av.open(str(FIXTURE_VIDEOS / f"{name}.mp4")) as container:
        return EMPTY_S + sum(1 for _ in container.decode(video=0)) / fps


def repeated(one: Traffic, fps: int, repetitions: int, rest_s: float) -> Iterator[BgrImage]:
    """Yield the traffic so many times, the road empty in between and for `rest_s` at its end."""
    gap = [one.empty] * round(EMPTY_S * fps)
    for _ in range(repetitions):
        yield from gap
        yield from one.pictures
    yield from repeat(one.empty, round(rest_s * fps))


def idle(picture: BgrImage, count: int) -> Iterator[BgrImage]:
    """Yield a still road under a sensor's noise."""
    yield from with_noise(repeat(picture, count))


def with_noise(pictures: Iterable[BgrImage], seed: int = 5) -> Iterator[BgrImage]:
    rng = np.random.default_rng(seed)
    noises: list[NDArray[np.int16]] = []
    for index, picture in enumerate(pictures):
        if not noises:
            noises = [np.asarray(rng.normal(0, NOISE, picture.shape), np.int16) for _ in range(8)]
        yield np.asarray(np.clip(picture + noises[index % 8], 0, 255), np.uint8)


def settled(one: Traffic, fps: int) -> list[BgrImage]:
    """Return an empty road that traffic passes often enough for a camera's packets to be known, ending with a rest."""
    rest = [one.empty] * round(REST_S * fps)
    return [*[one.empty] * (END_S * fps), *(picture for _ in range(VISITS) for picture in [*one.pictures, *rest])]


def woven(moments: Iterable[BgrImage]) -> Iterator[BgrImage]:
    """Yield pictures whose odd rows are of the moment after that of their even rows."""
    one = iter(moments)
    for even, odd in zip(one, one, strict=False):
        both = even.copy()
        both[1::2] = odd[1::2]
        yield both


def write_clip(path: Path, pictures: Iterable[BgrImage], look: Look, end_again: int = 0, end_early: int = 0) -> Path:
    """`end_again`, `end_early`: how often the last ten seconds are shown again, and after the first ten already."""
    options = {"preset": "ultrafast" if look.codec == "libx265" else "veryfast", "g": str(2 * look.fps)}
    options["bf"] = str(look.b_frames)
    if look.quality is not None:
        options["crf"] = str(look.quality)
    elif look.codec == "libx264":
        options |= {"nal-hrd": "cbr", "x264-params": "tff=1" if look.is_interlaced else "filler=1"}
    else:
        options["x265-params"] = "log-level=none"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(look.codec, rate=look.fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = look.width, look.height, "yuv420p"
        stream.bit_rate = look.kbit_per_s * 1000
        stream.codec_context.thread_count = 2
        packets: list[VideoPacket] = []
        for index, picture in enumerate(pictures):
            shown = with_clock(picture, index // look.fps) if look.has_clock else picture
            frame = av.VideoFrame.from_ndarray(shown, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, look.fps)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        container.mux(_stretched(packets, END_S * look.fps, end_again, end_early))
    return path


def _stretched(packets: list[VideoPacket], count: int, end_again: int, end_early: int) -> list[VideoPacket]:
    if not end_again and not end_early:
        return packets
    keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
    first = max(index for index in keys if index <= count)
    last = min(index for index in keys if index >= len(packets) - count)
    end = range(last, len(packets))
    order = [*range(first), *[*end] * end_early, *range(first, len(packets)), *[*end] * end_again]
    return [_copy(packets[index], place - index) for place, index in enumerate(order)]


def _copy(packet: VideoPacket, later: int) -> VideoPacket:
    copy = cast(VideoPacket, av.Packet(bytes(packet)))
    assert packet.pts is not None
    assert packet.dts is not None
    assert packet.time_base is not None
    frame = round(packet.duration or 1)
    copy.pts, copy.dts, copy.duration = packet.pts + later * frame, packet.dts + later * frame, packet.duration
    copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.is_keyframe, packet.stream
    return copy


def with_clock(picture: BgrImage, second: int) -> BgrImage:
    shown = picture.copy()
    size = picture.shape[0] // 30
    words = str(np.datetime64(CLOCK_AT + second, "s")).replace("T", " ")
    caption(shown, words, (size, size // 2), size)
    return shown
