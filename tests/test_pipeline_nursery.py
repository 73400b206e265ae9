"""Decoders are forked from one process that has loaded the libraries, and die with it."""

import dataclasses
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import replay_unit
from pipeline.settings import GateSettings
from pipeline.video.capture import CaptureProcess
from pipeline.video.capture_protocol import CaptureRequest, Ended, FrameReady
from pipeline.video.nursery import Nursery
from tests.pipeline_kit import NOON, moving_block, write_video
from tests.replay_kit import build_parts


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as one:
        yield one


@pytest.fixture(scope="module")
def request_of_clip(tmp_path_factory: pytest.TempPathFactory) -> CaptureRequest:
    path = write_video(tmp_path_factory.mktemp("nursery") / "a.mp4", moving_block(6))
    return CaptureRequest(uri=str(path), is_live=False, gate=GateSettings(enabled=False, looks_per_s=120))


def decoded(request: CaptureRequest, nursery: Nursery) -> tuple[int, Ended]:
    """Return how many frames came, and the end."""
    count = 0
    with CaptureProcess(request, 10.0, nursery) as capture:
        for notice in capture.notices():
            if isinstance(notice, FrameReady):
                count += 1
                capture.give_back(notice)
            last = notice
    assert isinstance(last, Ended)
    return count, last


def children_of(nursery: Nursery) -> list[psutil.Process]:
    return list(psutil.Process(nursery._process.pid).children())


def test_a_forked_decoder_decodes_and_leaves_nothing_however_often(nursery: Nursery, request_of_clip: CaptureRequest):
    decoded(request_of_clip, nursery)
    process = psutil.Process(nursery._process.pid)
    before = psutil.Process().num_fds(), process.num_fds()
    for _ in range(10):
        count, last = decoded(request_of_clip, nursery)
        assert (count, last.damage) == (6, None)
    assert psutil.Process().num_fds() == before[0]
    # It tells the end of the last one before it closes that one's pipe.
    assert process.num_fds() <= before[1] + 1
    assert children_of(nursery) == []


def test_how_a_forked_decoder_died_is_said(nursery: Nursery, request_of_clip: CaptureRequest):
    with CaptureProcess(request_of_clip, 10.0, nursery) as capture:
        notices = capture.notices()
        next(notices)
        [child] = children_of(nursery)
        child.send_signal(signal.SIGSEGV)
        *_, last = notices
    assert isinstance(last, Ended)
    assert last.damage == "the decoder crashed (signal 11)"


def test_several_cameras_ask_at_once(nursery: Nursery, request_of_clip: CaptureRequest):
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(decoded(request_of_clip, nursery)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [6] * 4


def test_a_nursery_that_has_gone_is_an_error_and_takes_its_children_along(request_of_clip: CaptureRequest):
    with Nursery() as one, CaptureProcess(request_of_clip, 10.0, one) as capture:
        notices = capture.notices()
        next(notices)
        [child] = children_of(one)
        os.kill(one._process.pid, signal.SIGKILL)
        *_, last = notices
        assert isinstance(last, Ended)
        assert "crashed" in (last.damage or "")
        assert child.wait(10) is None or not child.is_running()
        with pytest.raises(OSError, match=r"has gone|Broken pipe"):
            CaptureProcess(request_of_clip, 10.0, one)


def test_footage_is_read_all_the_same_when_the_nursery_has_gone(request_of_clip: CaptureRequest):
    unit = ReplayUnit(Path(request_of_clip.uri), "a.mp4", NOON)
    with Nursery() as one:
        parts = dataclasses.replace(build_parts(), nursery=one)
        one._process.kill()
        one._process.wait()
        video = replay_unit(unit, parts, "f", lambda *_: None).video
    assert (video.frames, video.damage) == (6, None)
