"""What a recorder cut into files is one recording; what it did not record ends what was in view."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from ocr.types import BgrImage
from pipeline.replay.records import PassageRecord
from pipeline.replay.segments import link_segments
from pipeline.replay.units import ReplayUnit, find_units
from pipeline.replay.worker import replay_unit
from pipeline.types import Frame, SightLost
from pipeline.video.capture import video_length_ms
from pipeline.video.capture_time import told_length_ms
from pipeline.video.sources import tell_gaps
from tests.pipeline_kit import make_frame, moving_block, nursery, write_video
from tests.replay_kit import BLUE, YELLOW, build_parts


def street(frames: int) -> Iterator[BgrImage]:
    """Yield a street on which a blue block is parked and a yellow one drives by all the while."""
    for index in range(frames):
        picture = np.full((240, 320, 3), 90, np.uint8)
        picture[180:210, 220:300] = BLUE
        x = 4 + 2 * index
        picture[60:90, x : x + 80] = YELLOW
        yield picture


def cut(folder: Path, names: tuple[str, ...]) -> list[ReplayUnit]:
    """Write a recording of 4 s as files of equal length; return its units as the command makes them."""
    pictures = list(street(100))
    share = len(pictures) // len(names)
    folder.mkdir()
    for place, name in enumerate(names):
        write_video(folder / name, pictures[place * share : (place + 1) * share])
    units, problems = find_units([folder], None)
    assert problems == []
    return link_segments(units, lambda path: video_length_ms(path, 10.0, nursery()))


def passages_of(units: list[ReplayUnit]) -> list[list[PassageRecord]]:
    return [list(replay_unit(unit, build_parts(), "f", lambda *_: None).passages) for unit in units]


def test_a_vehicle_in_two_files_of_one_recording_passes_once(tmp_path: Path) -> None:
    units = cut(tmp_path / "cam1", ("cam1_20261128_080004.mp4", "cam1_20261128_080006.mp4"))
    first, second = passages_of(units)
    assert sorted(each.text for each in first) == ["京A12345", "沪B67890"]
    assert second == []
    assert {each.video for each in first} == {"cam1_20261128_080004.mp4"}
    assert min(each.end_ms for each in first) > 3000


def test_a_unit_knows_its_own_recording_whatever_runs_beside_it(tmp_path: Path) -> None:
    """Each file is a unit of its own: none waits for another."""
    units = cut(tmp_path / "cam1", tuple(f"20261128_08000{second}.mp4" for second in (4, 5, 6, 7)))
    assert [len(unit.before) for unit in units] == [0, 1, 2, 3]
    assert [len(unit.after) for unit in units] == [3, 2, 1, 0]
    assert [len(found) for found in passages_of([units[2], units[0]])] == [0, 2]


def test_files_that_do_not_touch_are_recordings_of_their_own(tmp_path: Path) -> None:
    units = cut(tmp_path / "cam1", ("20261128_080004.mp4", "20261128_080015.mp4"))
    assert [(unit.before, unit.after) for unit in units] == [((), ()), ((), ())]
    assert [len(found) for found in passages_of(units)] == [2, 2]


def test_files_without_a_time_of_their_own_are_never_put_together(tmp_path: Path) -> None:
    units = cut(tmp_path / "clips", ("a.avi", "b.avi"))
    assert [(unit.before, unit.after) for unit in units] == [((), ()), ((), ())]


def test_cameras_in_folders_of_their_own_are_not_mixed(tmp_path: Path) -> None:
    for camera, name in (("cam1", "20261128_080004.mp4"), ("cam2", "20261128_080006.mp4")):
        (tmp_path / camera).mkdir()
        write_video(tmp_path / camera / name, street(50))
    units, _ = find_units([tmp_path], None)
    assert all(not unit.before and not unit.after for unit in link_segments(units, lambda _: 2000.0))


def test_an_mp4_tells_its_length_unopened(tmp_path: Path) -> None:
    assert told_length_ms(write_video(tmp_path / "a.mp4", moving_block(50))) == 2000.0
    assert told_length_ms(write_video(tmp_path / "a.avi", moving_block(50))) is None
    assert video_length_ms(tmp_path / "a.avi", 10.0, nursery()) == 2000.0


def test_a_pause_of_the_recorder_ends_what_was_in_view() -> None:
    frames = [make_frame(index) for index in range(3)]
    later = [Frame("cam-1", 3, frames[-1].captured_at + timedelta(seconds=30), frames[-1].arrived_at, frames[-1].image)]
    told = list(tell_gaps(iter(frames + later), idle_look_s=2.0))
    assert [isinstance(each, SightLost) for each in told] == [False, False, False, True, False]


def test_frames_that_the_gate_left_out_are_no_pause() -> None:
    frames = [make_frame(25 * index) for index in range(20)]
    assert all(after.captured_at - before.captured_at >= timedelta(seconds=2) for before, after in pairwise(frames))
    assert list(tell_gaps(iter(frames), idle_look_s=2.0)) == frames
