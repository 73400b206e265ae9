"""A sub-stream that crashes the decoder does not keep its camera dark: it is left out, and tried again later."""

import logging
import sys
from pathlib import Path

import pytest

from pipeline.video import sub_stream_trust
from pipeline.video.sub_stream_trust import AGAIN_S, LONGEST_S, WITHIN_S, SubStreamTrust
from tests.alerts_kit import wait_until
from tests.rtsp_camera import free_port, rtsp_camera
from tests.test_pipeline_rtsp import TEXTS, Camera, clip

__all__ = ["clip"]
SUB = "rtsp://camera/sub"
DIES_OF_ITS_SUB_STREAM = """
import os, signal
from pathlib import Path
from pipeline.video.sub_stream import SubStream
taken = SubStream.take
def take(self, luma, captured_s):
    if Path({fault!r}).exists():
        os.kill(os.getpid(), signal.SIGSEGV)
    taken(self, luma, captured_s)
SubStream.take = take
"""


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_two_crashes_within_an_hour_leave_it_out_until_it_is_tried_again():
    trust = SubStreamTrust(SUB, clock := Clock())
    trust.crashed()
    assert (trust.to_open(), trust.is_left_out) == (SUB, False)
    clock.now_s += WITHIN_S
    trust.crashed()
    assert (trust.to_open(), trust.is_left_out, trust.is_due) == (None, True, False)
    clock.now_s += AGAIN_S
    assert trust.is_due
    assert (trust.to_open(), trust.is_left_out, trust.is_due) == (SUB, False, False)


def test_a_crash_a_day_is_no_reason():
    trust = SubStreamTrust(SUB, clock := Clock())
    for _ in range(3):
        trust.crashed()
        assert trust.to_open() == SUB
        clock.now_s += 24 * 3600.0


def test_one_that_crashes_again_is_tried_more_and_more_rarely_and_one_that_was_mended_as_at_first():
    trust = SubStreamTrust(SUB, clock := Clock())
    trust.crashed()
    trust.crashed()
    waits = []
    for _ in range(7):
        began_s = clock.now_s
        while not trust.is_due:
            clock.now_s += 1800.0
        waits.append(clock.now_s - began_s)
        assert trust.to_open() == SUB
        trust.crashed()
        assert trust.to_open() is None
    assert waits == [min(AGAIN_S * 2**n, LONGEST_S) for n in range(7)]
    clock.now_s += LONGEST_S
    assert trust.to_open() == SUB
    clock.now_s += 2 * WITHIN_S
    trust.crashed()
    assert trust.to_open() == SUB
    trust.crashed()
    clock.now_s += AGAIN_S
    assert trust.is_due


def test_a_camera_that_crashes_without_its_sub_stream_or_has_none_waits_for_nothing_else():
    trust = SubStreamTrust(SUB, clock := Clock())
    for _ in range(5):
        trust.crashed()
    clock.now_s += AGAIN_S
    assert trust.to_open() == SUB
    alone = SubStreamTrust(None, clock)
    for _ in range(5):
        alone.crashed()
        assert (alone.to_open(), alone.is_left_out, alone.is_due) == (None, False, False)


@pytest.mark.parametrize("is_mended", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_camera_whose_sub_stream_crashes_the_decoder_is_screened_without_it_and_with_it_once_it_is_mended(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_mended: bool
) -> None:
    (fault := tmp_path / "fault").touch()
    (tmp_path / "sitecustomize.py").write_text(DIES_OF_ITS_SUB_STREAM.format(fault=str(fault)))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    if is_mended:
        monkeypatch.setattr(sub_stream_trust, "AGAIN_S", 30.0)
    caplog.set_level(logging.INFO)
    with rtsp_camera(clip, port := free_port(), clip) as uri:
        camera = Camera(uri, f"rtsp://127.0.0.1:{port}/sub")
        try:
            camera.await_texts(TEXTS)
            assert camera.screening.counts.sub_stream == "crashes"
            fault.unlink()
            if is_mended:
                wait_until(lambda: camera.screening.counts.sub_stream in ("there", "misses"), timeout_s=60)
        finally:
            camera.close()
    lines = [each.getMessage() for each in caplog.records if "cam-1" in each.getMessage()]
    assert len([line for line in lines if "the decoder crashed (signal 11)" in line]) == 1
    assert len([line for line in lines if "打开子码流时解码进程崩溃" in line]) == 1
