"""A camera that goes, comes back or falls behind is said once; an address that cannot be one is said at the start."""

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from kakou.box.monitor import BoxHealth, CameraMonitor, HourCounter
from kakou.settings import SettingsError, load_settings
from pipeline.settings import SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.camera_state import CameraState
from tests.pipeline_kit import NOON


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="pipeline.video.camera_state")
    return caplog


def test_each_change_of_a_cameras_state_is_one_line(lines: pytest.LogCaptureFixture) -> None:
    state = CameraState("cam-1")
    for second in range(60):
        state.sends(25 * second, 0, float(second))
    for second in range(60, 90):
        state.ended("Connection refused", float(second))
    for second in range(90, 120):
        state.sends(25 * (second - 89), 0, float(second))
    there, lost, back = [record.getMessage() for record in lines.records]
    assert "there" in there
    assert "lost: Connection refused" in lost
    assert "again, after 32 s" in back


def test_a_camera_that_hangs_up_at_once_for_an_hour_is_one_line(lines: pytest.LogCaptureFixture) -> None:
    state = CameraState("cam-1")
    for second in range(3600):
        state.sends(3, 0, float(second))
        state.ended("Invalid data found", second + 0.5)
    assert len(lines.records) == 1


def test_a_password_in_an_address_is_in_no_line(lines: pytest.LogCaptureFixture) -> None:
    CameraState("cam-1").ended("rtsp://admin:secret@10.0.0.9/1: 401 Unauthorized", 0.0)
    assert "401" in lines.text
    assert "secret" not in lines.text


def test_a_box_that_cannot_keep_up_says_so_once_and_when_it_can_again(lines: pytest.LogCaptureFixture) -> None:
    state = CameraState("cam-1")
    for second in range(200):
        state.sends(25 * second, min(max(second - 10, 0), 100), float(second))
    assert [record.levelname for record in lines.records] == ["INFO", "WARNING", "INFO"]


def test_each_change_of_a_sub_streams_state_is_one_line_and_what_flickers_none(lines: pytest.LogCaptureFixture) -> None:
    state = CameraState("cam-1")
    for second in range(30):
        state.sub_stream(None if second < 3 else "there" if second % 10 else "frozen", None, float(second))
    for second in range(30, 60):
        state.sub_stream("lost", "rtsp://admin:secret@10.0.0.9/2: 404 Not Found", float(second))
    for second in range(60, 90):
        state.sub_stream("there", None, float(second))
    there, lost, back = [record.getMessage() for record in lines.records]
    assert "sub-stream is there" in there
    assert "子码流没有画面 (rtsp://10.0.0.9/2: 404 Not Found)" in lost
    assert "sub-stream is there" in back


@pytest.mark.parametrize(
    ("uri", "sub_uri"),
    [
        ("rtsp://10.0.0.9/1", "rstp://10.0.0.9/2"),
        ("rtsp://10.0.0.9/1", "rtsp://10.0.0.9:port/2"),
        ("rtsp://10.0.0.9/1", "102"),
        ("rtsp://10.0.0.9/1", "rtsp://10.0.0.9/1"),
        ("clips/a.mp4", "rtsp://10.0.0.9/2"),
        ("0", "rtsp://10.0.0.9/2"),
    ],
)
def test_a_sub_stream_that_cannot_be_one_is_told_at_the_start(uri: str, sub_uri: str) -> None:
    with pytest.raises(ValidationError, match="sub_uri"):
        SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri, sub_uri=sub_uri)


def test_a_password_with_an_at_sign_is_taken_in_the_address_of_a_sub_stream() -> None:
    uri = "rtsp://admin:a@b@10.0.0.9:554/cam/realmonitor?channel=1&subtype="
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=f"{uri}0", sub_uri=f"{uri}1")
    assert source.sub_uri == f"{uri}1"


@pytest.mark.parametrize("uri", ["rstp://10.0.0.9/1", "rtsp:///1", "rtsp://10.0.0.9:port/1", "file:///etc/passwd"])
def test_an_address_that_cannot_be_one_is_told_at_the_start(uri: str) -> None:
    with pytest.raises(ValidationError, match="uri"):
        SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri)


@pytest.mark.parametrize("uri", ["rtsp://admin:a@b@10.0.0.9:554/1", "http://[::1]:80/x", "0", "clips/a.mp4", "a b.ts"])
def test_addresses_files_and_webcams_are_taken(uri: str) -> None:
    assert SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri).uri == uri


def test_two_sources_with_one_id_are_told_with_the_id(tmp_path: Path) -> None:
    config = tmp_path / "kakou.toml"
    source = '[[source]]\ncamera_id = "cam-7"\ncheckpoint = "东门卡口"\nuri = "a.mp4"\n'
    config.write_text(source + source, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"source.*cam-7"):
        load_settings(config)


def test_the_status_tells_how_old_pictures_are_and_how_often_they_are_looked_at(tmp_path: Path) -> None:
    counts = ScreeningCounts(frames=10, looked_at=4, age_s=0.13, clock_offset_s=-2.5)
    monitor = CameraMonitor("cam-1", "东门卡口", "box-1", counts, HourCounter(tmp_path / "hours.sqlite"))
    counts.frames, counts.looked_at = 60, 24
    status = monitor.status(NOON, BoxHealth(1, 1.0, 35, 0, 0, True))
    assert status.frame_age_s == 0.13
    assert status.clock_offset_s == -2.5
    assert status.fps > status.looks_per_s > 0.0
