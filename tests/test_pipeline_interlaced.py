"""A camera that interlaces is screened like any other."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ocr.types import BgrImage
from pipeline.types import Frame, ScreeningCounts
from pipeline.video.deinterlace import deinterlaced
from tests.pipeline_kit import moving_block
from tests.test_pipeline_odd_files import frames_of

STEP_PX = 10
"""How far `moving_block` goes from one moment to the next."""


def woven(count: int) -> list[BgrImage]:
    """Return pictures whose even rows are of one moment and whose odd rows are of the next."""
    moments = list(moving_block(2 * count))
    for even, odd in zip(moments[::2], moments[1::2], strict=True):
        even[1::2] = odd[1::2]
    return moments[::2]


def write_interlaced(path: Path, codec: str, options: dict[str, str], pictures: list[BgrImage]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        stream.bit_rate = 8_000_000
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def left_edges(frame: Frame) -> list[int]:
    """Return where the block begins in each of its rows, but for those at its rim."""
    yellow = frame.image[110:170, :, 2].astype(int) - frame.image[110:170, :, 0]
    return [int(np.flatnonzero(row > 100).min()) for row in yellow]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mpg", "mpeg2video", {"flags": "+ildct+ilme", "top": "1"}),
        ("a.ts", "libx264", {"flags": "+ildct+ilme", "preset": "ultrafast"}),
        ("a.mp4", "libx264", {"x264-params": "tff=1", "preset": "ultrafast"}),
    ],
)
def test_interlaced_footage_gives_pictures_of_one_moment(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_interlaced(tmp_path / name, codec, options, woven(12))
    counts = ScreeningCounts()
    edges = [left_edges(frame) for frame in frames_of(path, counts)]
    assert [int(np.median(each)) for each in edges] == pytest.approx([2 * STEP_PX * i for i in range(12)], abs=4)
    assert max(max(each) - min(each) for each in edges) < STEP_PX - 1
    assert counts.damage is None


def test_fields_that_come_one_by_one_are_shown_at_their_pictures_height(tmp_path: Path) -> None:
    """HEVC knows no interlaced pictures: it sends the even rows, then the odd ones, as pictures of half the height."""
    fields = [field for picture in woven(6) for field in (picture[0::2], picture[1::2])]
    options = {"x265-params": "interlace=tff:log-level=none", "preset": "ultrafast"}
    path = write_interlaced(tmp_path / "a.mp4", "libx265", options, fields)
    frames = [(frame.image.shape, int(np.median(left_edges(frame)))) for frame in frames_of(path)]
    assert [shape for shape, _ in frames] == [(360, 640, 3)] * 12
    assert [edge for _, edge in frames] == pytest.approx([STEP_PX * i for i in range(12)], abs=4)


def test_what_stands_still_keeps_all_its_rows() -> None:
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 255, (200, 300, 3), np.uint8)
    picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.6), np.uint8)
    assert np.abs(deinterlaced(picture).astype(int) - picture).mean() < 1.5


def test_a_picture_of_an_odd_number_of_rows_does_no_harm() -> None:
    picture = np.zeros((7, 9), np.uint8)
    assert deinterlaced(picture).shape == (7, 9)
