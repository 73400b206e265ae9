"""A camera's two streams from a real RTSP server: what passes is found with the main stream alone, and with its sub."""

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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

REST_S = 14
"""A sub-stream stands in after four seconds of it, on a full machine later."""
PATIENCE_S = 90.0
FAULTS = ("no sub-stream", "none", "killed", "frozen")
"""What becomes of the sub-stream's server during the rest."""
LATE_S = 0.13
"""All watch at once: what a full machine does to one it does to all, 0.04 s beside three busy loops."""


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


def screened(clips: tuple[Path, Path], fault: str) -> tuple[int, list[Passage]]:
    """Screen the scene; return how many pictures were not decoded, and who passed."""
    port, sub_port = free_port(), free_port()
    with ExitStack() as closing:
        closing.enter_context(rtsp_server(port, clips[0]))
        server = closing.enter_context(rtsp_server(sub_port, clips[1]))
        sub_uri = None if fault == "no sub-stream" else f"rtsp://127.0.0.1:{sub_port}/clip"
        camera = Camera(f"rtsp://127.0.0.1:{port}/clip", sub_uri)
        closing.callback(camera.close)
        camera.await_texts(TEXTS[:1], PATIENCE_S)
        if fault in ("killed", "frozen"):
            counts = camera.screening.counts
            wait_until(lambda: counts.sub_stream == "there" and counts.spared >= FPS, timeout_s=REST_S)
            assert len(camera.passages) == 1
            server.send_signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
        camera.await_texts(TEXTS, PATIENCE_S)
        passages = list(camera.passages)
        if fault in ("killed", "frozen"):
            wait_until(lambda: camera.screening.counts.sub_stream == "lost", timeout_s=10)
        return camera.screening.counts.spared, passages


@pytest.fixture(scope="module")
def seen(clips: tuple[Path, Path]) -> dict[str, Future[tuple[int, list[Passage]]]]:
    """All watch at once: they wait most of the half minute that it takes."""
    with ThreadPoolExecutor(len(FAULTS)) as pool:
        return {fault: pool.submit(screened, clips, fault) for fault in FAULTS}


def apart_s(passages: list[Passage]) -> float:
    return (passages[1].started_at - passages[0].started_at).total_seconds()


@pytest.mark.long
@pytest.mark.timing
@pytest.mark.parametrize("fault", FAULTS[1:])
def test_a_vehicle_after_a_long_rest_passes_as_with_the_main_stream_alone(
    seen: dict[str, Future[tuple[int, list[Passage]]]], fault: str
) -> None:
    _, alone = seen["no sub-stream"].result()
    spared, passages = seen[fault].result()
    assert [each.best.text for each in passages] == [each.best.text for each in alone] == TEXTS
    assert apart_s(passages) == pytest.approx(apart_s(alone), abs=LATE_S)
    assert passages[1].track.look_count >= alone[1].track.look_count - 2
    assert spared >= FPS
