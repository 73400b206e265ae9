"""A camera's two streams from a real RTSP server: what passes is found with the main stream alone, and with its sub."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.camera_clips import with_noise
from ocr.types import BgrImage
from pipeline.types import Passage
from tests.alerts_kit import wait_until
from tests.replay_kit import BLUE, YELLOW, street_with
from tests.rtsp_camera import free_port, require_gstreamer, rtsp_server
from tests.test_pipeline_rtsp import FPS, TEXTS, Camera, write_h264

REST_S = 11
FAULT_AFTER_S = 7.5
"""Since the first vehicle was found: pictures wait by then."""


def scene() -> Iterator[BgrImage]:
    """Yield one vehicle, a long rest and another, before stones under a sensor's noise."""
    stones = np.random.default_rng(2).integers(-20, 20, (24, 32, 1)).repeat(10, axis=0).repeat(10, axis=1)
    first, second = street_with(BLUE, 45, 5, 30), street_with(YELLOW, 45, 5, 30)
    empty = [np.full((240, 320, 3), 90, np.uint8)]
    shown = [*empty * 12, *first, *empty * REST_S * FPS, *second, *empty * 10 * FPS]
    for picture in with_noise(shown):
        is_road = (np.abs(picture.astype(np.int16) - 90) < 20).all(axis=2, keepdims=True)
        yield np.asarray(np.clip(picture + stones * is_road, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    require_gstreamer()
    folder = tmp_path_factory.mktemp("rtsp")
    main, sub = folder / "main.mp4", folder / "sub.mp4"
    write_h264(main, scene())
    write_h264(sub, (np.asarray(cv2.resize(each, (176, 144)), np.uint8) for each in scene()))
    return main, sub


def screened(clips: tuple[Path, Path], fault: str | None) -> tuple[Camera, list[Passage]]:
    """Screen the scene; `fault`: what becomes of the sub-stream's server during the rest, None leaves it out."""
    port, sub_port = free_port(), free_port()
    with ExitStack() as closing:
        closing.enter_context(rtsp_server(port, clips[0]))
        server = closing.enter_context(rtsp_server(sub_port, clips[1]))
        sub_uri = None if fault is None else f"rtsp://127.0.0.1:{sub_port}/clip"
        camera = Camera(f"rtsp://127.0.0.1:{port}/clip", sub_uri)
        closing.callback(camera.close)
        camera.await_texts(TEXTS[:1])
        camera.stop.wait(FAULT_AFTER_S)
        if fault in ("killed", "frozen"):
            assert camera.screening.counts.sub_stream == "there"
            server.send_signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
        camera.await_texts(TEXTS)
        if fault in ("killed", "frozen"):
            wait_until(lambda: camera.screening.counts.sub_stream == "lost", timeout_s=10)
    return camera, camera.passages


def apart_s(passages: list[Passage]) -> float:
    return (passages[1].started_at - passages[0].started_at).total_seconds()


@pytest.mark.long
@pytest.mark.parametrize("fault", ["none", "killed", "frozen"])
def test_a_vehicle_after_a_long_rest_passes_as_with_the_main_stream_alone(clips: tuple[Path, Path], fault: str) -> None:
    _, alone = screened(clips, None)
    camera, passages = screened(clips, fault)
    assert [each.best.text for each in passages] == [each.best.text for each in alone]
    assert apart_s(passages) == pytest.approx(apart_s(alone), abs=0.13)
    assert passages[1].track.look_count >= alone[1].track.look_count - 2
    assert camera.screening.counts.spared >= FPS
