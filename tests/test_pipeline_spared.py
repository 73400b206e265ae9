"""What nobody would look at is not decoded, and whoever drives by is seen all the same."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
import pytest

from ocr.types import BgrImage
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.disposable import is_disposable
from pipeline.video.sources import read_frames
from tests.live_kit import paced_camera
from tests.pipeline_kit import moving_block, nursery

STILL = 75


def stream_of(path: Path, pictures: Iterator[BgrImage], b_frames: int) -> bytes:
    options = {"preset": "veryfast", "g": "25", "bf": str(b_frames), "b-adapt": "0", "sc_threshold": "0"}
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(("b_frames", "least_spared"), [(2, 0.3), pytest.param(0, 0.0, marks=pytest.mark.long)])
def test_frames_nobody_would_look_at_are_not_decoded_and_a_vehicle_is_seen_at_once(
    tmp_path: Path, b_frames: int, least_spared: float
) -> None:
    content = stream_of(tmp_path / "street.ts", moving_block(STILL + 40, still=STILL), b_frames)
    counts, stop, moved_at = ScreeningCounts(), threading.Event(), []
    with paced_camera(content, length_s=(STILL + 40) / 25, burst_s=0.08) as camera:
        source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=camera.url)
        first = None
        for frame in read_frames(source, PipelineSettings(), counts, stop, nursery=nursery()):
            first = first or frame.captured_at
            if frame.image[100:180].max() > 200:
                moved_at.append(frame.captured_at - first)
            if len(moved_at) >= 5 or frame.captured_at - first > timedelta(seconds=10):
                stop.set()
    assert len(moved_at) >= 5
    assert moved_at[0] < timedelta(seconds=STILL / 25 + 0.6)
    assert counts.frames * least_spared <= counts.spared
    assert (counts.spared > 0) == (b_frames > 0)


@pytest.mark.parametrize(
    ("packet", "is_spare"),
    [
        (b"\0\0\0\1\x09\xf0\0\0\1\x01\x9a", True),
        (b"\0\0\0\1\x09\xf0\0\0\1\x06\x05\x01\0\0\1\x41\x9a", False),
        (b"\0\0\1\x67\x42\0\0\1\x68\xce\0\0\1\x65\x88", False),
        (b"\0\0\1", False),
        (b"", False),
    ],
)
def test_an_h264_picture_tells_whether_others_refer_to_it(packet: bytes, is_spare: bool) -> None:
    assert is_disposable("h264", packet) == is_spare
    assert not is_disposable("hevc", packet)
