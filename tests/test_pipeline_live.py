"""Live sources: the newest frame, and a camera that goes away comes back."""

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest

from pipeline.errors import SourceError
from pipeline.settings import GateSettings, PipelineSettings, SourceSettings
from pipeline.types import Frame, ScreeningCounts
from pipeline.video.capture import CaptureProcess
from pipeline.video.capture_protocol import CaptureRequest, FrameReady
from pipeline.video.ffmpeg import open_stream
from pipeline.video.sources import read_frames
from tests.alerts_kit import wait_until
from tests.pipeline_kit import moving_block, nursery

BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


class Camera(ThreadingHTTPServer):
    """An HTTP camera (motion JPEG) that can go silent or hang up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CameraHandler)
        self.jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in moving_block(50)]
        self.frames_per_connection = 10_000
        self.goes_silent = False
        self.closing = threading.Event()
        self.connections = 0
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stream"


class CameraHandler(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        self.server.connections += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for index in range(self.server.frames_per_connection):
                jpeg = self.server.jpegs[index % 50]
                self.wfile.write(BOUNDARY % len(jpeg) + jpeg + b"\r\n")
                self.server.sent += 1
                if self.server.closing.wait(0.02):
                    return
            if self.server.goes_silent:
                self.server.closing.wait(30)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not a log."""


@pytest.fixture
def camera() -> Iterator[Camera]:
    server = Camera()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


def take(
    camera: Camera, count: int, stop_after_connections: int = 0, **settings: float
) -> tuple[list[Frame], ScreeningCounts]:
    """Return the first frames, without their pictures, and the counts."""
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=camera.url)
    counts = ScreeningCounts()
    changes = {"reopen_min_s": 0.05, "reopen_max_s": 0.1, "gate": {"enabled": False, "looks_per_s": 60}, **settings}
    stop = threading.Event()
    frames: list[Frame] = []
    for frame in read_frames(source, PipelineSettings.model_validate(changes), counts, stop, nursery=nursery()):
        frames.append(frame)
        if len(frames) >= count and camera.connections >= stop_after_connections:
            stop.set()
    return frames, counts


def test_a_frame_without_a_presentation_time_is_of_the_moment_it_came(camera: Camera) -> None:
    """Motion JPEG; what FFmpeg makes up for it is 25 frames a second, whatever the camera sends."""
    before = datetime.now(UTC)
    frames, _ = take(camera, 5)
    assert all(before < frame.captured_at for frame in frames)
    assert all(abs(frame.captured_at - frame.arrived_at) < timedelta(milliseconds=1) for frame in frames)
    assert frames[-1].captured_at - before < timedelta(seconds=20)


def test_a_slow_reader_gets_the_newest_frame_and_the_rest_is_counted(camera: Camera) -> None:
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=camera.url)
    counts = ScreeningCounts()
    settings = PipelineSettings.model_validate({"gate": {"enabled": False, "looks_per_s": 60}})
    frames = read_frames(source, settings, counts, nursery=nursery())
    first = next(frames)
    sent = camera.sent
    wait_until(lambda: camera.sent >= sent + 40, what="40 frames that nobody fetched")
    next(frames)
    third = next(frames)
    frames.close()  # type: ignore[attr-defined]  # a generator, typed as an iterator
    assert third.index - first.index > 15
    assert datetime.now(UTC) - third.captured_at < timedelta(seconds=1)
    assert counts.dropped > 10


def test_a_camera_takes_the_memory_of_one_picture_however_many_nobody_fetches(camera: Camera) -> None:
    request = CaptureRequest(uri=camera.url, is_live=True, gate=GateSettings(enabled=False, looks_per_s=60))
    with CaptureProcess(request, 10.0, nursery()) as capture:
        frames = (notice for notice in capture.notices() if isinstance(notice, FrameReady))
        slots = set()
        for frame in itertools.islice(frames, 4):
            slots.add(frame.slot)
            camera.closing.wait(0.12)  # six frames that nobody fetches
            capture.give_back(frame)
    assert len(slots) == 1


def test_a_stream_that_ends_is_opened_again(camera: Camera) -> None:
    camera.frames_per_connection = 8
    _, counts = take(camera, 12, stop_after_connections=2)
    assert camera.connections >= 2
    assert counts.frames >= 12


def test_a_stream_that_falls_silent_is_opened_again(camera: Camera) -> None:
    camera.frames_per_connection, camera.goes_silent = 8, True
    take(camera, 12, stop_after_connections=2, stall_timeout_s=1.5)
    assert camera.connections >= 2


def test_a_camera_that_is_away_comes_back(camera: Camera) -> None:
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="http://127.0.0.1:9/away")
    counts = ScreeningCounts()
    stop = threading.Event()
    settings = PipelineSettings.model_validate({"reopen_min_s": 0.05, "reopen_max_s": 0.1})

    def stop_when_it_is_told() -> None:
        wait_until(lambda: counts.damage is not None, what="word that the camera is away")
        stop.set()

    threading.Thread(target=stop_when_it_is_told).start()
    assert list(read_frames(source, settings, counts, stop, nursery=nursery())) == []
    assert counts.damage is not None
    assert take(camera, 1)[0]


class OddRtspHandler(BaseHTTPRequestHandler):
    """Says yes to everything and describes nothing."""

    protocol_version = "RTSP/1.0"
    raw_requestline: bytes

    def do_OPTIONS(self) -> None:
        self.send_response_only(200)
        self.send_header("CSeq", self.headers["CSeq"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_DESCRIBE = do_OPTIONS

    def parse_request(self) -> bool:
        self.raw_requestline = self.raw_requestline.replace(b"RTSP/1.0", b"HTTP/1.1")
        return super().parse_request()


def test_why_a_camera_cannot_be_opened_holds_nothing_of_its_address() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OddRtspHandler) as camera:
        threading.Thread(target=camera.serve_forever, daemon=True).start()
        uri = f"rtsp://admin:S3CRET@127.0.0.1:{camera.server_address[1]}/user=admin&password=S3CRET&channel=1"
        with pytest.raises(SourceError) as refused:
            open_stream(CaptureRequest(uri=uri, is_live=True, gate=GateSettings(), decoder_threads=1))
        camera.shutdown()
    assert "打不开" in str(refused.value)
    assert "S3CRET" not in str(refused.value)
