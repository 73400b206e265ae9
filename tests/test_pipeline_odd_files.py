"""Files as recorders really leave them: frames at uneven times, a picture size that changes, no length at all."""

import socket
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ocr.types import BgrImage
from pipeline.errors import SourceError
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, ScreeningCounts
from pipeline.video.sources import read_frames
from tests.pipeline_kit import NOON, moving_block, nursery, write_video

IN_SAMPLE_TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
EVERY_FRAME = PipelineSettings.model_validate({"gate": {"enabled": False, "looks_per_s": 60}})


def frames_of(path: Path, counts: ScreeningCounts | None = None) -> Iterator[Frame]:
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=str(path), start=NOON)
    return read_frames(source, EVERY_FRAME, counts or ScreeningCounts(), nursery=nursery())


def offsets_ms(path: Path) -> list[float]:
    return [(frame.captured_at - NOON).total_seconds() * 1000 for frame in frames_of(path)]


def edited(content: bytes, name: bytes, change: bytes, inside: tuple[bytes, ...] = IN_SAMPLE_TABLE) -> bytes:
    """Return an MP4 with a box's content replaced; the boxes around it are told their new size (ISO 14496-12)."""
    at = content.index(name) - 4
    (old_size,) = struct.unpack_from(">I", content, at)
    grown = len(change) + 8 - old_size
    whole = bytearray(content[:at] + struct.pack(">I", len(change) + 8) + name + change + content[at + old_size :])
    for around in inside:
        place = content.rindex(around, 0, at) - 4
        struct.pack_into(">I", whole, place, struct.unpack_from(">I", content, place)[0] + grown)
    return bytes(whole)


def test_uneven_frames_are_taken_at_their_presentation_times(tmp_path: Path) -> None:
    """25 frames 20 ms apart, then 25 frames 60 ms apart: the file still lasts two seconds."""
    path = write_video(tmp_path / "even.mp4", moving_block(50))
    content = path.read_bytes()
    at = content.index(b"stts") + 8
    entries, count, delta = struct.unpack_from(">III", content, at)
    assert (entries, count) == (1, 50)
    uneven = struct.pack(">IIIIII", 0, 2, 25, delta // 2, 25, delta + delta // 2)
    path.write_bytes(edited(content, b"stts", uneven))
    expected = [20.0 * i for i in range(26)] + [500.0 + 60.0 * i for i in range(1, 25)]
    assert offsets_ms(path) == pytest.approx(expected, abs=1.0)


def test_a_matroska_file_that_begins_where_another_ended_lacks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "second.mkv"
    with av.open(str(path), "w") as written:
        stream = written.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="bgr24")
            frame.pts, frame.time_base = 3_600_000 + 40 * number, Fraction(1, 1000)
            written.mux(stream.encode(frame))
        written.mux(stream.encode())
    counts = ScreeningCounts()
    assert len(list(frames_of(path, counts))) == 50
    assert counts.length_ms == pytest.approx(2000, abs=100)


def block_at_a_quarter(width: int, height: int, count: int) -> Iterator[BgrImage]:
    for _ in range(count):
        picture = np.full((height, width, 3), 90, np.uint8)
        picture[height // 4 : height // 2, width // 4 : width // 2] = (0, 200, 255)
        yield picture


def test_a_picture_size_that_changes_midway_loses_no_frame(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.ts", block_at_a_quarter(320, 240, 20))
    large = write_video(tmp_path / "large.ts", block_at_a_quarter(640, 480, 20))
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    counts = ScreeningCounts()
    lefts = []
    for frame in frames_of(path, counts):
        height, width = frame.image.shape[:2]
        row = frame.image[3 * height // 8].astype(int)
        lefts.append(int(np.flatnonzero(row[:, 2] - row[:, 0] > 100).min()) / width)
    assert lefts == pytest.approx([0.25] * 40, abs=0.02)
    assert counts.frames == 40


def test_a_file_of_no_frames_and_no_length_is_named(tmp_path: Path) -> None:
    """A recorder that was switched off at once leaves a header alone."""
    path = write_video(tmp_path / "full.avi", moving_block(5))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(SourceError, match=r"full\.avi"):
        list(frames_of(path))


@pytest.mark.parametrize("kind", [b"url ", b"alis"])
def test_an_mp4_that_says_its_pictures_lie_elsewhere_reaches_nothing(tmp_path: Path, kind: bytes) -> None:
    """A data reference (ISO 14496-12, `dref`) may name another file or a server."""
    path = write_video(tmp_path / "elsewhere.mp4", moving_block(10))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        place = f"http://127.0.0.1:{server.getsockname()[1]}/other.mov".encode() + b"\0"
        entry = struct.pack(">I4sI", 12 + len(place), kind, 0) + place
        inside = (b"moov", b"trak", b"mdia", b"minf", b"dinf")
        path.write_bytes(edited(path.read_bytes(), b"dref", struct.pack(">II", 0, 1) + entry, inside))
        assert len(list(frames_of(path))) == 10
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_picture_of_one_pixel_does_no_harm(tmp_path: Path) -> None:
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((1, 1, 3), 80 * index, np.uint8))
    assert [frame.image.shape for frame in frames_of(tmp_path)] == [(1, 1, 3)] * 3


@pytest.mark.parametrize("sizes", [((160, 90), (640, 360)), ((640, 360), (160, 90))])
def test_of_two_videos_in_one_file_the_larger_is_screened(tmp_path: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    path = tmp_path / "both.mkv"
    with av.open(str(path), "w") as written:
        streams = [written.add_stream("mpeg4", rate=10) for _ in sizes]
        for stream, (width, height) in zip(streams, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(5):
            for stream in streams:
                blank = np.zeros((stream.height, stream.width, 3), np.uint8)
                written.mux(stream.encode(av.VideoFrame.from_ndarray(blank, format="bgr24")))
        for stream in streams:
            written.mux(stream.encode(None))
    assert {frame.image.shape[:2] for frame in frames_of(path)} == {(360, 640)}
