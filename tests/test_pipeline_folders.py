"""Nothing that may hold a vehicle is passed over in silence: it is read, or it is named."""

import os
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ocr.images import load_image
from pipeline.replay.units import find_units, find_videos, pictures_beside
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


def test_links_to_folders_are_followed_once_and_one_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    disk, archive = tmp_path / "disk", tmp_path / "archive"
    (archive / "cam2").mkdir(parents=True)
    disk.mkdir()
    (disk / "a.mp4").write_bytes(b"nothing of use")
    (archive / "cam2" / "b.mp4").write_bytes(b"nothing of use")
    (archive / "cam1").symlink_to(disk)
    (archive / "again").symlink_to(archive)
    (archive / "a latest").symlink_to(archive / "cam2")
    (archive / "gone.mp4").symlink_to(tmp_path / "away" / "gone.mp4")
    (archive / "loop.jpg").symlink_to("loop.jpg")
    units, problems = find_units([archive], None)
    assert [unit.video for unit in units] == ["cam1/a.mp4", "cam2/b.mp4"]
    assert [problem.partition("archive/")[2] for problem in sorted(problems)] == [
        "gone.mp4：这个链接打不开：没有这个文件或文件夹",
        "loop.jpg：这个链接打不开：链接绕成一圈",
    ]
    done = call_kakou("read", str(archive), "--json")
    assert done.exit_code == 3
    assert "loop.jpg：这个链接打不开" in done.stderr


def test_pictures_beside_videos_are_counted(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.jfif", "b.GIF", "c.txt"):
        (tmp_path / name).write_bytes(b"nothing of use")
    units, _ = find_units([tmp_path], None)
    assert pictures_beside(units, [tmp_path]) == {tmp_path: 2}
    named, _ = find_units([tmp_path / "a.mp4"], None)
    assert pictures_beside(named, [tmp_path / "a.mp4"]) == {}


def test_an_avi_with_moments_that_have_no_picture_lacks_none(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index, picture in enumerate(moving_block(20)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:64, :96]), format="bgr24")
            frame.pts = 5 * index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    [unit], _ = find_units([path], None)
    assert replay_unit(unit, build_parts(), "f", lambda *_: None).video.damage is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "不完整" in (replay_unit(unit, build_parts(), "f", lambda *_: None).video.damage or "")


@pytest.mark.parametrize("is_folder", [False, True])
def test_footage_that_is_still_being_written_is_said(tmp_path: Path, is_folder: bool) -> None:
    if is_folder:
        for index, picture in enumerate(moving_block(5)):
            cv2.imwrite(str(tmp_path / f"{index}.png"), picture)
        [unit], _ = find_units([tmp_path], None)
    else:
        [unit], _ = find_units([write_video(tmp_path / "a.mp4", moving_block(20))], None)
    assert replay_unit(unit, build_parts(), "f", lambda *_: None).video.damage is None

    def grow(*_: object) -> None:
        with (tmp_path / ("5.png" if is_folder else "a.mp4")).open("ab") as file:
            file.write(b"more")

    assert "还在变" in (replay_unit(unit, build_parts(), "f", grow).video.damage or "")
