"""How long a camera's pictures are held back: as long as their order asks for, whatever the encoder says."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
import pytest

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.capture_protocol import CaptureRequest
from pipeline.video.ffmpeg import VideoStream, open_stream
from pipeline.video.pictures import picture_of
from pipeline.video.reordering import _without_restriction

FPS, COUNT = 25, 80


def pictures() -> Iterator[BgrImage]:
    """Yield pictures whose brightness tells which one each is."""
    noise = np.random.default_rng(1).integers(0, 30, (144, 176, 3))
    for index in range(COUNT):
        yield np.asarray(noise + 2 * index, np.uint8)


def written(path: Path, options: Mapping[str, str], codec: str = "libx264") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options={"preset": "veryfast", "g": "25", **options})
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = 144, 176, "yuv420p"
        for picture in pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def opened(path: Path | str, *, is_live: bool = True) -> VideoStream:
    return open_stream(CaptureRequest(uri=str(path), is_live=is_live, gate=GateSettings(), decoder_threads=1))


def shown(stream: VideoStream, count: int = COUNT) -> list[tuple[int, av.VideoFrame]]:
    """Return after how many packets each picture was there."""
    found = []
    for number, packet in enumerate(stream.packets()):
        found += [(number, frame) for frame in (stream.decoded(packet) if packet.size else stream.finish())]
        if number == count:
            break
    stream.close()
    return found


def ages(found: list[tuple[int, av.VideoFrame]], first: float) -> set[int]:
    return {number - round((float(frame.time or 0.0) - first) * FPS) for number, frame in found if 20 <= number < 70}


@pytest.mark.parametrize(
    "options",
    [
        {"bf": "2", "x264-params": "b-pyramid=normal:b-adapt=0"},
        {"bf": "2", "x264-params": "b-pyramid=normal:b-adapt=0:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:cqm=jvt"},
        {"bf": "2", "x264-params": "b-pyramid=normal:b-adapt=0:sar=300/299:overscan=show:colorprim=bt709:chromaloc=1"},
    ],
)
def test_of_two_b_pictures_none_waits_for_what_is_not_needed_and_all_are_the_same(
    tmp_path: Path, options: dict[str, str]
) -> None:
    clip = written(tmp_path / "clip.ts", options)
    as_said, live = shown(opened(clip, is_live=False)), shown(opened(clip))
    first = float(as_said[0][1].time or 0.0)
    assert (ages(as_said, first), ages(live, first)) == ({2}, {1})
    said = {frame.pts: picture_of(frame) for _, frame in as_said}
    assert [frame.pts for _, frame in live] == sorted(frame.pts for _, frame in live if frame.pts is not None)
    assert COUNT - 2 <= len(live) <= COUNT
    assert all(np.array_equal(picture_of(frame), said[frame.pts]) for _, frame in live)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"bf": "0"}),
        ("libx264", {"bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0"}),
        ("libx264", {"bf": "2", "x264-params": "b-pyramid=none:interlaced=1"}),
        ("libx265", {"bf": "2", "x265-params": "log-level=none"}),
        ("mpeg2video", {"bf": "2"}),
    ],
)
def test_of_other_cameras_no_picture_is_lost_and_none_is_later(
    tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    clip = written(tmp_path / "clip.ts", options, codec)
    as_said, live = shown(opened(clip, is_live=False)), shown(opened(clip))
    first = float(as_said[0][1].time or 0.0)
    assert max(ages(live, first)) <= max(ages(as_said, first))
    assert len(live) >= len(as_said) - (3 if "bf" in options and options["bf"] != "0" and codec == "libx264" else 0)
    said = {frame.pts: picture_of(frame) for _, frame in as_said}
    assert all(np.array_equal(picture_of(frame), said[frame.pts]) for _, frame in live)


def test_what_is_held_back_stays_so_where_the_decoder_begins_anew(tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.ts", {"bf": "2", "x264-params": "b-pyramid=normal:b-adapt=0"})
    stream, found = opened(clip), []
    for number, packet in enumerate(stream.packets()):
        frames = stream.finish() if not packet.size or packet.is_keyframe else []
        found += [(number, frame) for frame in [*frames, *(stream.decoded(packet) if packet.size else [])]]
    stream.close()
    assert len(found) >= COUNT - 2
    first = float(found[0][1].time or 0.0)
    assert max(ages(found, first)) == 1


@pytest.mark.parametrize("filling", [b"\x00\x00\x03", b"\xaa", b"\x01\x00"])
def test_a_parameter_set_of_a_megabyte_is_left_as_it_came_and_costs_nothing(filling: bytes) -> None:
    units = b"\x00\x00\x01\x67\x64\x00\x1f" + filling * 400_000
    before_s = time.process_time()
    assert _without_restriction(units) == units
    assert time.process_time() - before_s < 0.2
