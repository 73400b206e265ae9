"""A camera behind TLS is seen only with a certificate that holds; what it names elsewhere is never dialled."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SourceError
from pipeline.settings import GateSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.camera_tls import tls_fault
from pipeline.video.capture_protocol import CaptureRequest
from pipeline.video.ffmpeg import open_stream
from pipeline.video.sources import watch_frames
from tests.certificates import make_certificate, server_context
from tests.pipeline_kit import fast_settings
from tests.rtsp_camera import free_port, require_gstreamer, rtsp_camera
from tests.test_pipeline_rtsp import write_h264


class WebCamera(ThreadingHTTPServer):
    """Answers every request alike, and counts them."""

    daemon_threads = True

    def __init__(self, head: tuple[int, str, str], body: bytes, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.head, self.body, self.asked = head, body, 0
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that refuses the certificate hangs up."""


class _Answering(BaseHTTPRequestHandler):
    server: WebCamera

    def do_GET(self) -> None:
        status, name, value = self.server.head
        self.server.asked += 1
        self.send_response(status)
        self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not a log."""


@contextmanager
def web_camera(
    body: bytes, head: tuple[int, str, str] = (200, "Content-Type", "video/mp2t"), tls: ssl.SSLContext | None = None
) -> Iterator[WebCamera]:
    camera = WebCamera(head, body, tls)
    threading.Thread(target=camera.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield camera
    finally:
        camera.shutdown()
        camera.server_close()


@contextmanager
def behind_tls(tls: ssl.SSLContext, target_port: int) -> Iterator[int]:
    """Yield a port that takes TLS and passes on what is in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_pass_on, args=(listener, tls, target_port), daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _pass_on(listener: socket.socket, tls: ssl.SSLContext, target_port: int) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_connect, args=(plain, tls, target_port), daemon=True).start()


def _connect(plain: socket.socket, tls: ssl.SSLContext, target_port: int) -> None:
    with (
        plain,
        suppress(OSError),
        tls.wrap_socket(plain, server_side=True) as outer,
        socket.create_connection(("127.0.0.1", target_port)) as inner,
    ):
        back = threading.Thread(target=_pump, args=(inner, outer), daemon=True)
        back.start()
        _pump(outer, inner)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "clip.ts"
    write_h264(path, iter([np.full((240, 320, 3), 4 * index, np.uint8) for index in range(50)]))
    return path


def request_of(uri: str, **tls: object) -> CaptureRequest:
    return CaptureRequest.model_validate(
        {"uri": uri, "is_live": True, "gate": GateSettings(), "decoder_threads": 1, **tls}
    )


FAULTS = {
    "unknown": (("localhost", "127.0.0.1"), 2.0, "自签名"),
    "expired": (("localhost", "127.0.0.1"), -1.0, "已过期"),
    "elsewhere": (("camera-7.example", "127.0.0.2"), 2.0, "不符"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_that_does_not_hold_is_refused_before_anything_is_asked(
    clip: Path, tmp_path: Path, fault: str, host: str
):
    hosts, days, reason = FAULTS[fault]
    certificate = make_certificate(tmp_path, fault, *hosts, days=days)
    trusted = {} if fault == "unknown" else {"ca_file": certificate}
    with web_camera(clip.read_bytes(), tls=server_context(certificate)) as camera:
        request = request_of(f"https://{host}:{camera.server_port}/live.ts", **trusted)
        with pytest.raises(SourceError):
            open_stream(request)
        said = tls_fault(request) or ""
        assert reason in said
        assert f"{host}:{camera.server_port}" in said
        assert "ca_file" in said
        assert "tls_verify" in said
        assert camera.asked == 0


def test_a_certificate_that_holds_is_taken_and_any_where_the_source_says_so(clip: Path, tmp_path: Path):
    certificate = make_certificate(tmp_path, "camera", "localhost", "127.0.0.1")
    with web_camera(clip.read_bytes(), tls=server_context(certificate)) as camera:
        for tls in ({"ca_file": certificate}, {"tls_verify": False}):
            for host in ("localhost", "127.0.0.1"):
                stream = open_stream(request_of(f"https://{host}:{camera.server_port}/live.ts", **tls))
                assert stream.grab()


def test_a_missing_authority_is_named(clip: Path, tmp_path: Path):
    certificate = make_certificate(tmp_path, "camera", "localhost")
    with web_camera(clip.read_bytes(), tls=server_context(certificate)) as camera:
        request = request_of(f"https://localhost:{camera.server_port}/live.ts", ca_file=tmp_path / "none.pem")
        with pytest.raises(SourceError):
            open_stream(request)
        assert f"读不了 ca_file {request.ca_file}" in (tls_fault(request) or "")


def test_the_counts_of_a_refused_camera_say_why(clip: Path, tmp_path: Path):
    tls = server_context(make_certificate(tmp_path, "camera", "localhost"))
    counts = ScreeningCounts()
    stop = threading.Event()
    with web_camera(clip.read_bytes(), tls=tls) as camera:
        uri = f"https://localhost:{camera.server_port}/live.ts"
        source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri)
        walking = threading.Thread(target=lambda: list(watch_frames(source, fast_settings(), counts, stop)))
        walking.start()
        while walking.is_alive() and counts.damage is None:
            walking.join(0.05)
        stop.set()
        walking.join()
    assert "自签名" in (counts.damage or "")


def test_a_camera_over_rtsps_is_checked_like_any(tmp_path: Path):
    require_gstreamer()
    movie = tmp_path / "clip.mp4"
    write_h264(movie, iter([np.full((240, 320, 3), index, np.uint8) for index in range(100)]))
    certificate = make_certificate(tmp_path, "camera", "localhost")
    port = free_port()
    with rtsp_camera(movie, port), behind_tls(server_context(certificate), port) as tls_port:
        for host, tls in (("localhost", {}), ("127.0.0.1", {"ca_file": certificate})):
            request = request_of(f"rtsps://{host}:{tls_port}/clip", **tls)
            with pytest.raises(SourceError):
                open_stream(request)
            assert "证书不被认可" in (tls_fault(request) or "")
        assert open_stream(request_of(f"rtsps://localhost:{tls_port}/clip", ca_file=certificate)).grab()


def test_what_a_camera_names_elsewhere_is_not_dialled(clip: Path):
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
    with web_camera(clip.read_bytes()) as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.server_port}/clip.ts"
        answers = [
            ((200, "Content-Type", "application/vnd.apple.mpegurl"), playlist.format(target).encode()),
            ((302, "Location", target), b""),
        ]
        for head, body in answers:
            with web_camera(body, head) as camera, pytest.raises(SourceError):
                open_stream(request_of(f"http://127.0.0.1:{camera.server_port}/live.m3u8"))
        assert elsewhere.asked == 0
