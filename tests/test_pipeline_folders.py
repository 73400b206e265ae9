"""Nothing that may hold a vehicle is passed over in silence: it is read, or it is named."""

import os
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ocr.images import load_image
from pipeline.replay.units import find_units, find_videos
from pipeline.replay.worker import replay_unit
from pipeline.video.capture_time import capture_start
from tests.commands import call_kakou
from tests.pipeline_kit import moving_block, write_video
from tests.replay_kit import build_parts


@pytest.mark.parametrize("name", ["a.heic", "a.gif", "a.avif"])
def test_photos_of_phones_are_read(tmp_path: Path, name: str) -> None:
    picture = np.full((64, 96, 3), 30, np.uint8)
    picture[:, :48] = (0, 0, 220)
    path = tmp_path / name
    if name.endswith("heic"):
        import pillow_heif

        pillow_heif.from_bytes("BGR", (96, 64), picture.tobytes()).save(path, quality=95)
    else:
        cv2.imwrite(str(path), picture)
    read = load_image(path)
    assert read.shape == (64, 96, 3)
    assert np.abs(read[32, 10].astype(int) - (0, 0, 220)).max() < 30
    assert np.abs(read[32, 80].astype(int) - 30).max() < 40


def test_a_file_named_in_gbk_is_named_and_the_others_are_screened(tmp_path: Path) -> None:
    (tmp_path / "卡口一.mp4").write_bytes(b"nothing of use")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + "卡口二.mp4".encode("gbk"))).write_bytes(b"nothing of use")
    [unit], [problem] = find_units([tmp_path], None)
    assert unit.video == "卡口一.mp4"
    assert "卡口二.mp4：文件名不是 UTF-8" in problem


@pytest.mark.parametrize("name", ["a.mp4", "a.DAV", "a.ps", "a.h264", "a.hevc", "a.3gp", "a.vob", "a.rmvb"])
def test_recorders_files_in_a_folder_are_tried_whatever_they_are(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of use")
    [unit], problems = find_units([tmp_path], None)
    assert (unit.video, problems) == (name, [])
    assert find_videos(tmp_path) == [tmp_path / name]
    assert replay_unit(unit, build_parts(), "f", lambda *_: None).video.damage is not None


def test_a_video_or_a_raw_photo_among_photos_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((64, 96, 3), 30, np.uint8))
    (tmp_path / "b.cr2").write_bytes(b"II*\0 raw")
    (tmp_path / "c.dav").write_bytes(b"DHAV")
    (tmp_path / "notes.txt").write_text("no footage")
    done = call_kakou("read", str(tmp_path), "--json")
    assert done.exit_code == 3
    assert done.stdout.count("\n") == 1
    assert "b.cr2" in done.stderr
    assert "c.dav" in done.stderr
    assert "notes.txt" not in done.stderr


def test_a_stream_without_times_says_that_its_rate_is_a_guess(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", moving_block(5))
    with av.open(str(tmp_path / "raw.h264"), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=15, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for picture in moving_block(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    notes = {}
    for path in (source, tmp_path / "raw.h264"):
        [unit], _ = find_units([path], None)
        video = replay_unit(unit, build_parts(), "f", lambda *_: None).video
        assert video.damage is None
        notes[path.name] = video.note
    assert notes["a.mp4"] is None
    assert "每秒 25 帧" in str(notes["raw.h264"])


def test_a_recorders_header_may_hold_its_local_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving_block(2))
    content = bytearray(path.read_bytes())
    at = content.index(b"mvhd") + 8
    written = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    content[at : at + 4] = int((written - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()).to_bytes(4, "big")
    path.write_bytes(content)
    assert capture_start(path) == (written, "container")
    assert capture_start(path, None, "local") == (written.replace(hour=0), "container local")
