"""A live frame's time is when it was taken, however the line carried it."""

import random
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Frame, ScreeningCounts
from pipeline.video.live_clock import MAX_LATE_S, LiveClock
from pipeline.video.sources import read_frames
from tests.live_kit import paced_camera
from tests.pipeline_kit import moving_block, nursery, write_video

FRAME_S = 0.04
NETWORK_S = 0.03


def bursty(taken_s: float, burst_s: float) -> float:
    """Return when a frame arrives over a line that lets frames through every `burst_s` seconds only."""
    return (taken_s // burst_s + 1) * burst_s + NETWORK_S


def errors_s(burst_s: float, count: int = 750, pts_offset_s: float = 95_443.7, drift: float = 0.0) -> list[float]:
    """Return how wrong the clock is about each frame, beyond the line's least delay."""
    clock, rng = LiveClock(), random.Random(3)
    errors = []
    for index in range(count):
        taken_s = 1000.0 + index * FRAME_S
        arrived_s = bursty(taken_s, burst_s) + rng.uniform(0, 0.004)
        presented_s = (taken_s - 1000.0) * (1 + drift) + pts_offset_s
        errors.append(clock.captured_s(presented_s, arrived_s) - taken_s)
    return errors


@pytest.mark.parametrize("burst_s", [0.04, 0.2, 0.6, 1.1, 1.5])
def test_bursts_leave_no_trace_in_the_times(burst_s: float) -> None:
    settled = errors_s(burst_s)[int(2 * burst_s / FRAME_S) + 1 :]
    assert max(settled) - min(settled) < 0.025
    assert max(settled) < NETWORK_S + FRAME_S + 0.01


def test_a_camera_whose_crystal_runs_fast_is_followed() -> None:
    """100 ppm for half an hour are 180 ms: the window forgets the old offset."""
    settled = errors_s(0.6, count=45_000, drift=1e-4)[1000:]
    assert max(settled) - min(settled) < 0.05


def test_a_frame_is_never_later_than_it_came() -> None:
    clock, rng = LiveClock(), random.Random(5)
    for index in range(500):
        arrived_s = index * FRAME_S + rng.expovariate(5.0)
        assert clock.captured_s(index * FRAME_S, arrived_s) <= arrived_s


@pytest.mark.parametrize("jump_s", [-95_443.0, -3.0, 30.0, 95_443.0])
def test_times_that_begin_anew_cost_no_continuity(jump_s: float) -> None:
    """A 33-bit clock wraps, a camera restarts its encoder."""
    clock, captured = LiveClock(), []
    for index in range(200):
        presented_s = 100_000 + index * FRAME_S + (jump_s if index >= 100 else 0.0)
        captured.append(clock.captured_s(presented_s, bursty(index * FRAME_S, 0.4)))
    steps = [after - before for before, after in pairwise(captured[50:])]
    assert max(steps) < 0.5
    assert min(steps) > -0.001


@pytest.mark.parametrize("step_s", [0.0, -0.001, -0.04])
def test_times_that_stand_still_or_creep_back_are_not_believed_for_longer_than_a_second(step_s: float) -> None:
    """The gate would take all frames for one moment, and the camera would see nothing."""
    clock = LiveClock()
    for index in range(200):
        taken_s = index * FRAME_S
        presented_s = taken_s if index < 50 else 50 * FRAME_S + (index - 50) * step_s
        captured_s = clock.captured_s(presented_s, taken_s + NETWORK_S)
        if index > 50 + 1.1 / FRAME_S:
            assert captured_s == taken_s + NETWORK_S
    assert clock.lateness_s == 0.0


def test_a_backlog_after_a_stall_keeps_its_own_times() -> None:
    """Four seconds without a packet, then all of them at once: the frames are as old as they are."""
    clock = LiveClock()
    errors = []
    for index in range(400):
        taken_s = index * FRAME_S
        arrived_s = 12.0 if 8.0 <= taken_s < 12.0 else taken_s
        errors.append(clock.captured_s(taken_s, arrived_s + NETWORK_S) - taken_s)
    assert max(errors) - min(errors) < 0.001


def test_times_that_run_slower_than_the_camera_are_not_believed_for_ever() -> None:
    clock = LiveClock()
    late = [index * FRAME_S - clock.captured_s(index * FRAME_S / 2, index * FRAME_S) for index in range(3000)]
    assert max(late) < 3 * MAX_LATE_S
    assert max(late[-500:]) == 0.0


def live_frames(url: str, count: int) -> tuple[list[Frame], ScreeningCounts]:
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=url)
    settings = PipelineSettings.model_validate({"gate": {"enabled": False, "looks_per_s": 12.5}})
    counts, stop, frames = ScreeningCounts(), threading.Event(), list[Frame]()
    for frame in read_frames(source, settings, counts, stop, nursery=nursery()):
        frames.append(frame)
        if len(frames) >= count:
            stop.set()
    return frames, counts


def test_a_stream_in_bursts_gives_every_look_at_its_own_time(tmp_path: Path) -> None:
    """Over a real connection: 0.5 s of frames at once, every half second; a slow machine looks at fewer of them."""
    content = write_video(tmp_path / "a.ts", moving_block(100)).read_bytes()
    with paced_camera(content, length_s=4.0, burst_s=0.5) as camera:
        frames, _ = live_frames(camera.url, 20)
    first_connection = frames[: next((k for k, (a, b) in enumerate(pairwise(frames), 1) if b.index <= a.index), None)]
    settled = [frame for frame in first_connection if frame.index >= 25]
    captured = [frame.captured_at.timestamp() - frame.index * FRAME_S for frame in settled]
    arrived = [frame.arrived_at.timestamp() - frame.index * FRAME_S for frame in settled]
    assert len(settled) >= 5
    assert max(arrived) - min(arrived) > 0.25
    assert max(captured) - min(captured) < 0.1
    assert all(frame.captured_at <= frame.arrived_at for frame in frames)
