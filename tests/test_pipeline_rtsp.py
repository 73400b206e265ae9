"""A camera over RTSP, from a real server: every vehicle passes once, and again when the camera is back."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import pytest

from ocr.types import BgrImage
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import Passage
from pipeline.walk.camera import CameraParts, screen_source
from tests.pipeline_kit import KeptEvents, ListedPlates, make_screening
from tests.replay_kit import BLUE, PLATE_OF_COLOR, YELLOW, ColorReader, street_with
from tests.rtsp_camera import free_port, require_gstreamer, rtsp_camera

FPS = 25
TEXTS = [PLATE_OF_COLOR[BLUE], PLATE_OF_COLOR[YELLOW]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two vehicles one after the other, then an empty street for as long as a test may take to cut the line."""
    require_gstreamer()
    path = tmp_path_factory.mktemp("rtsp") / "clip.mp4"
    pictures = [*street_with(BLUE, 45, 5, 30), *street_with(YELLOW, 45, 5, 30)]
    empty = np.full_like(pictures[0], 90)
    write_h264(path, iter([*[empty] * 12, *pictures, *[empty] * 20 * FPS]))
    return path


def write_h264(path: Path, pictures: Iterator[BgrImage]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "g": str(FPS), "bf": "2"})
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(pictures):
            if not index:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


class Camera:
    """One camera's walk in a thread of its own, and what came of it."""

    def __init__(self, uri: str, sub_uri: str | None = None) -> None:
        self.passages: list[Passage] = []
        self.outbox = KeptEvents()
        self.stop = threading.Event()
        self._source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri, sub_uri=sub_uri)
        self.screening = make_screening(ListedPlates(TEXTS[0]), self.outbox)
        self._thread = threading.Thread(target=self._walk)
        self._thread.start()

    def _walk(self) -> None:
        settings = PipelineSettings(reopen_min_s=0.2, reopen_max_s=0.5)
        parts = CameraParts(ColorReader(), self.screening)
        for passage in screen_source(self._source, settings, parts, self.stop):
            self.passages.append(passage)

    def await_texts(self, texts: list[str], within_s: float = 30.0) -> None:
        """Wait until as many passages are there, and a moment for one too many."""
        until_s = time.monotonic() + within_s
        while len(self.passages) < len(texts) and time.monotonic() < until_s:
            self.stop.wait(0.05)
        self.stop.wait(0.5)
        assert [passage.best.text for passage in self.passages] == texts

    def close(self) -> None:
        self.stop.set()
        self._thread.join()


@pytest.mark.parametrize("comes_back", [False, pytest.param(True, marks=pytest.mark.long)])
def test_each_vehicle_passes_once_and_so_it_does_when_a_killed_camera_is_back(clip: Path, comes_back: bool) -> None:
    port = free_port()
    with ExitStack() as closing:
        with rtsp_camera(clip, port) as uri:
            camera = Camera(uri)
            closing.callback(camera.close)
            camera.await_texts(TEXTS)
        if comes_back:
            with rtsp_camera(clip, port):
                camera.await_texts(TEXTS * 2)
    assert len(camera.outbox.events) == 1 + comes_back
