"""Frames out of files and folders, whatever they hold: the readable part, an honest word on the rest, never a hang."""

import os
import socket
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import psutil
import pytest

from pipeline.errors import SourceError
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.capture_time import capture_start
from pipeline.video.sources import read_frames
from tests.pipeline_kit import fast_settings, moving_block, nursery, write_video

EVERY_FRAME = PipelineSettings.model_validate({"gate": {"enabled": False, "looks_per_s": 60}})


def make_source(path: Path | str, **more: object) -> SourceSettings:
    return SourceSettings.model_validate({"camera_id": "cam-1", "checkpoint": "东门卡口", "uri": str(path), **more})


def read_all(path: Path, settings: PipelineSettings = EVERY_FRAME) -> tuple[list[int], ScreeningCounts]:
    """Return the indexes of the frames worth looking at, and the counts."""
    counts = ScreeningCounts()
    return [frame.index for frame in read_frames(make_source(path), settings, counts, nursery=nursery())], counts


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "clip.avi", moving_block(50))


def test_a_file_gives_every_frame_at_its_presentation_time(clip: Path) -> None:
    start = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    source = make_source(clip, start=start.isoformat())
    times = [frame.captured_at for frame in read_frames(source, EVERY_FRAME, ScreeningCounts(), nursery=nursery())]
    assert len(times) == 50
    assert times[0] == start
    assert (times[25] - start).total_seconds() == 1.0


def test_the_pictures_are_those_of_the_file(clip: Path) -> None:
    brightest = []
    for frame in read_frames(make_source(clip), EVERY_FRAME, ScreeningCounts(), nursery=nursery()):
        yellow = frame.image[140, :, 2].astype(int) - frame.image[140, :, 0]
        brightest.append(int(np.flatnonzero(yellow > 100).min()))
    assert brightest == pytest.approx([10 * index for index in range(50)], abs=3)


@pytest.mark.parametrize(("turns", "matrix"), [(1, (0, 1, -1, 0)), (2, (-1, 0, 0, -1)), (3, (0, -1, 1, 0))])
def test_what_moved_in_a_phones_video_is_where_people_see_it(
    tmp_path: Path, turns: int, matrix: tuple[int, ...]
) -> None:
    """Such a video is stored lying and says how it is to be turned."""
    pictures = (np.ascontiguousarray(np.rot90(each, turns)) for each in moving_block(30))
    path = write_video(tmp_path / "a.mp4", pictures)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    source = SourceSettings(camera_id="c", checkpoint="x", uri=str(path))
    seen = 0
    for frame in read_frames(source, fast_settings(), ScreeningCounts()):
        assert frame.image.shape[:2] == (360, 640)
        block = np.argwhere(frame.image[:, :, 0] < 30)
        for moved in frame.moved or ():
            (y1, x1), (y2, x2) = block.min(axis=0), block.max(axis=0)
            assert moved.x1 - 40 <= (x1 + x2) / 2 <= moved.x2 + 40
            assert moved.y1 - 40 <= (y1 + y2) / 2 <= moved.y2 + 40
            seen += 1
    assert seen


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_every_common_container_is_read(tmp_path: Path, suffix: str) -> None:
    indexes, counts = read_all(write_video(tmp_path / f"clip{suffix}", moving_block(20)))
    assert indexes == list(range(20))
    assert counts.damage is None


def test_idle_frames_are_skipped_and_counted(tmp_path: Path) -> None:
    indexes, counts = read_all(write_video(tmp_path / "a.avi", moving_block(110, still=100)), PipelineSettings())
    assert counts.frames == 110
    assert len([index for index in indexes if 20 < index < 100]) <= 2


def test_a_truncated_file_gives_the_frames_before_the_damage(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    indexes, counts = read_all(cut)
    assert 15 <= len(indexes) <= 35
    assert counts.damage is not None
    assert "不完整" in counts.damage


def test_a_wrong_extension_does_not_matter(clip: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "clip.txt"
    renamed.write_bytes(clip.read_bytes())
    assert len(read_all(renamed)[0]) == 50


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(range(256)) * 40])
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"no\.mp4"):
        read_all(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4：读不了（没有这个文件"):
        read_all(tmp_path / "gone.mp4")


def test_a_pipe_that_never_speaks_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    with pytest.raises(SourceError, match="既不是文件也不是文件夹"):
        read_all(tmp_path / "fifo.mp4")


def test_tiny_pictures_do_no_harm(tmp_path: Path) -> None:
    pictures = [np.full((2, 2, 3), 10 * index, np.uint8) for index in range(5)]
    assert len(read_all(write_video(tmp_path / "tiny.avi", pictures))[0]) == 5


def test_a_sound_file_has_no_frames(tmp_path: Path) -> None:
    samples = b"\0" * 8000
    header = (
        b"RIFF"
        + struct.pack("<I", 36 + len(samples))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    )
    (tmp_path / "sound.mp4").write_bytes(header + b"data" + struct.pack("<I", len(samples)) + samples)
    with pytest.raises(SourceError, match=r"sound\.mp4"):
        read_all(tmp_path / "sound.mp4")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{target}'\n"),
        ("concat.mp4", "ffconcat version 1.0\nfile '{target}'\n"),
        ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n"),
    ],
)
def test_a_playlist_in_place_of_a_video_reaches_nothing(clip: Path, tmp_path: Path, name: str, text: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        for target in (str(clip), clip.name, f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"):
            (tmp_path / clip.name).write_bytes(clip.read_bytes())
            (tmp_path / name).write_text(text.format(target=target))
            with pytest.raises(SourceError):
                read_all(tmp_path / name)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_decoder_that_falls_silent_is_killed(clip: Path) -> None:
    """The clip's decoder is stopped by a signal, as a hung one would be."""
    counts = ScreeningCounts()
    frames = read_frames(make_source(clip), fast_settings(stall_timeout_s=0.5), counts)
    next(frames)
    for child in _children():
        os.kill(child, 19)
    started = time.monotonic()
    rest = list(frames)
    assert time.monotonic() - started < 5
    assert len(rest) < 50
    assert counts.damage is not None
    assert _children() == []


def test_a_decoder_that_crashes_ends_only_its_file(clip: Path) -> None:
    counts = ScreeningCounts()
    frames = read_frames(make_source(clip), EVERY_FRAME, counts)
    next(frames)
    for child in _children():
        os.kill(child, 11)
    assert len(list(frames)) < 49
    assert counts.damage is not None
    assert "crashed" in counts.damage


def test_leaving_early_leaves_no_process_behind(clip: Path) -> None:
    frames = read_frames(make_source(clip), EVERY_FRAME, ScreeningCounts())
    next(frames)
    assert len(_children()) == 1
    frames.close()  # type: ignore[attr-defined]  # a generator, typed as an iterator
    assert _children() == []


def test_a_stop_ends_a_file_early(clip: Path) -> None:
    stop = Event()
    frames = read_frames(make_source(clip), EVERY_FRAME, ScreeningCounts(), stop, nursery=nursery())
    next(frames)
    stop.set()
    assert list(frames) == []


def test_a_folder_of_images_is_read_in_name_order_and_bad_ones_are_counted(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "d.png"):
        cv2.imwrite(str(tmp_path / name), np.full((40, 60, 3), 99, np.uint8))
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    indexes, counts = read_all(tmp_path)
    assert indexes == [0, 1, 3]
    assert counts.frames == 4
    assert counts.damage is not None
    assert "c.jpg" in counts.damage


def test_images_of_a_folder_that_are_not_due_are_left_out_and_each_has_its_own_time(tmp_path: Path) -> None:
    for index in range(20):
        cv2.imwrite(str(tmp_path / f"{index:02}.png"), np.full((40, 60, 3), 12 * index, np.uint8))
    settings = PipelineSettings.model_validate({"gate": {"enabled": False, "looks_per_s": 10}})
    start = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    source = make_source(tmp_path, fps=20, start=start.isoformat())
    frames = list(read_frames(source, settings, ScreeningCounts()))
    assert [frame.index for frame in frames] == list(range(0, 20, 2))
    assert [(frame.captured_at - start).total_seconds() for frame in frames] == [
        index / 20 for index in range(0, 20, 2)
    ]


@pytest.mark.parametrize(
    ("name", "hour"),
    [("ch01_20261124120000.avi", 4), ("2026-11-24 08-30-00.avi", 0), ("front.20261124T235959.avi", 15)],
)
def test_a_recorders_file_name_tells_the_capture_time(clip: Path, tmp_path: Path, name: str, hour: int) -> None:
    named = tmp_path / name
    named.write_bytes(clip.read_bytes())
    start, found_in = capture_start(named)
    assert (start.day, start.hour, found_in) == (24, hour, "name")


def test_a_time_in_the_container_comes_before_the_files_own(tmp_path: Path) -> None:
    seconds = int((datetime(2026, 3, 1, tzinfo=UTC) - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())
    mvhd = struct.pack(">I4sII", 16, b"mvhd", 0, seconds)
    path = tmp_path / "phone.mp4"
    path.write_bytes(struct.pack(">I4sI", 12, b"ftyp", 0) + struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd)
    assert capture_start(path) == (datetime(2026, 3, 1, tzinfo=UTC), "container")


def test_without_any_hint_the_files_own_time_counts(clip: Path) -> None:
    assert capture_start(clip)[1] == "file time"


def _children() -> list[int]:
    """Return the process ids of our capture children."""
    each = psutil.process_iter(["ppid", "cmdline"])
    return [one.pid for one in each if one.info["ppid"] == os.getpid() and "capture_child" in _command(one)]


def _command(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or ())
