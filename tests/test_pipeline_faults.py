"""What goes wrong beside the road: clocks that jump, cameras that are lost, recordings that are not what they seem."""

import errno
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import pipeline.video.sources
from kakou.box.reporter import LANE_WAITING, CameraReporter
from kakou.wiring.box import Box
from pipeline.errors import SourceError
from pipeline.replay.units import find_units
from pipeline.settings import PipelineSettings, SourceSettings, TrackSettings
from pipeline.types import Frame, FrameReads, InView, Passage, ScreeningCounts, Sighting, SightLost
from pipeline.video.capture_time import capture_start
from pipeline.video.sources import read_frames, watch_frames
from pipeline.walk.screening import pace_looks
from pipeline.walk.tracking import PlateTracker
from tests.box_kit import small_box
from tests.pipeline_kit import (
    NOON,
    KeptEvents,
    ListedPlates,
    box_at,
    frames_of,
    make_frame,
    make_screening,
    nursery,
    screened,
)
from tests.plates import make_read
from tests.test_pipeline_live import Camera, camera  # noqa: F401  a fixture is used by its name

HOURS_8 = timedelta(hours=8)
LOST = SightLost("cam-1", NOON, "视频流结束了")


def standing(text: str, looks: int) -> list[FrameReads]:
    return list(frames_of([[make_read(text, box_at(200, 200))] for _ in range(looks)]))


def later(reads: list[FrameReads], by: timedelta) -> list[FrameReads]:
    return [replace(each, frame=replace(each.frame, captured_at=each.frame.captured_at + by)) for each in reads]


def passages(reads: list[FrameReads | SightLost], *listed: str) -> list[Passage]:
    return list(screened(reads, make_screening(ListedPlates(*listed), KeptEvents())))


# --- clocks


def test_a_clock_that_is_set_back_hides_no_frame():
    frames = [make_frame(index) for index in range(50)]
    stepped = [replace(frame, captured_at=frame.captured_at - HOURS_8) for frame in frames]
    looked_at = list(pace_looks([*frames, *stepped], InView(), 0.15))
    assert sum(isinstance(frame, Frame) and frame.captured_at < NOON for frame in looked_at) >= len(looked_at) // 3


def test_a_vehicle_that_leaves_after_the_clock_was_set_back_has_passed():
    scene = [*standing("京A12345", 8)]
    empty = list(frames_of([[] for _ in range(400)]))
    tracker = PlateTracker(TrackSettings())
    seen: list[str] = []
    for reads in (*scene, *later(empty[:2], timedelta(seconds=1)), *later(empty, -HOURS_8)):
        seen += [track.camera_id for track in tracker.update(reads) if track.is_final]
    assert len(seen) == 1


# --- a lost camera


def test_vehicles_before_and_after_the_loss_of_the_camera_are_two():
    before = standing("京A12345", 4)
    after = later(standing("京A12368", 4), timedelta(minutes=10))
    found = passages([*before, LOST, *after], "京A12345", "京A12368")
    assert [passage.best.text for passage in found] == ["京A12345", "京A12368"]
    assert {passage.outcome for passage in found} == {"flagged"}


def test_a_vehicle_in_view_is_decided_when_the_camera_is_lost_and_not_when_it_is_back():
    back = threading.Event()

    def reads() -> Iterator[FrameReads | SightLost]:
        yield from standing("京A12345", 2)
        yield LOST
        back.set()

    screening = make_screening(ListedPlates("京A12345"), KeptEvents())
    passage = next(screened(reads(), screening))
    assert passage.outcome == "flagged"
    assert not back.is_set()


def test_a_live_source_says_once_that_it_is_lost_and_goes_on_when_it_is_back(
    camera: Camera,  # noqa: F811  a fixture is used by its name
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(pipeline.video.sources, "LOST_S", 0.3)
    camera.frames_per_connection = 5
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=camera.url)
    changes = {"reopen_min_s": 0.7, "reopen_max_s": 0.7, "gate": {"enabled": False, "looks_per_s": 60}}
    stop = threading.Event()
    seen: list[Sighting] = []
    settings = PipelineSettings.model_validate(changes)
    for frame in watch_frames(source, settings, ScreeningCounts(), stop, nursery()):
        seen.append(frame)
        if isinstance(frame, Frame) and any(isinstance(earlier, SightLost) for earlier in seen):
            stop.set()
    (lost,) = [item for item in seen if isinstance(item, SightLost)]
    assert (lost.camera_id, lost.reason) == ("cam-1", "视频流结束了")
    assert isinstance(seen[0], Frame)
    assert isinstance(seen[-1], Frame)


# --- the uplink


def test_the_walk_never_waits_for_the_lane_strip(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    box = Box.build(small_box(tmp_path, alerts={"stream_url": redis_url}), redis_url)
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="x.mp4")
    reporter = CameraReporter(box, source, ScreeningCounts())
    resolver = threading.Event()
    monkeypatch.setattr(reporter._board, "announce", lambda _: resolver.wait(10))
    [passage] = passages([*standing("京A12345", 8)])
    before = datetime.now(UTC)
    for _ in range(3 * LANE_WAITING):
        reporter.passed(passage)
    assert datetime.now(UTC) - before < timedelta(seconds=1)
    resolver.set()
    reporter.close()


def test_a_vehicle_that_is_told_of_late_is_not_on_the_lane_strip(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    box = Box.build(small_box(tmp_path, alerts={"stream_url": redis_url}), redis_url)
    reporter = CameraReporter(box, SourceSettings(camera_id="K01", checkpoint="东门卡口", uri="0"), ScreeningCounts())
    shown: list[str] = []
    monkeypatch.setattr(reporter._board, "announce", lambda lane: shown.append(lane.text))
    [late] = passages([*standing("京A12345", 8)])
    [fresh] = passages([*standing("京A12346", 8)])
    reporter.passed(replace(late, track=replace(late.track, is_late=True)))
    reporter.passed(fresh)
    reporter.close()
    assert [text[-2:] for text in shown] == ["46"]


# --- footage


def test_two_recordings_of_one_name_are_two_videos(tmp_path: Path):
    for folder in ("cam1", "cam2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "20261124_080000.mp4").write_bytes(b"x")
    (tmp_path / "cam2" / "20261124_090000.mp4").write_bytes(b"x")
    units, problems = find_units([tmp_path / "cam1", tmp_path / "cam2"], None)
    assert problems == []
    assert len({unit.video for unit in units}) == 3
    assert units[-1].video == "20261124_090000.mp4"
    assert units[0].video.endswith("cam1/20261124_080000.mp4")


def test_a_container_that_is_cut_within_its_header_has_no_time_of_its_own(tmp_path: Path):
    path = tmp_path / "cut.mp4"
    path.write_bytes(b"\0\0\0\x10moov\0\0\0\x08mvhd")
    assert capture_start(path, None)[0] is not None


def test_a_folder_that_may_not_be_read_is_a_source_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=str(tmp_path))
    with pytest.raises(SourceError, match="没有权限"):
        next(read_frames(source, PipelineSettings(), ScreeningCounts()))
