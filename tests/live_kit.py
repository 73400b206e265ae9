"""A camera that sends MPEG transport stream over HTTP at a pace that the test sets."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PacedCamera(ThreadingHTTPServer):
    """Sends a stream of `length_s` seconds in bursts: what was recorded in `burst_s` goes out at once."""

    daemon_threads = True

    def __init__(self, content: bytes, length_s: float, burst_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Sending)
        self.content = content
        self.length_s = length_s
        self.burst_s = burst_s
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stream.ts"


class _Sending(BaseHTTPRequestHandler):
    server: PacedCamera

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        camera, sent = self.server, 0
        started = time.monotonic()
        while sent < len(camera.content):
            bursts = int((time.monotonic() - started) / camera.burst_s)
            until = int(min(bursts * camera.burst_s / camera.length_s, 1.0) * len(camera.content))
            try:
                self.wfile.write(camera.content[sent:until])
                self.wfile.flush()
            except OSError:
                return
            sent = until
            if camera.closing.wait(max(0.0, started + (bursts + 1) * camera.burst_s - time.monotonic())):
                return
        camera.closing.wait(2.0)

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not a log."""


@contextmanager
def paced_camera(content: bytes, length_s: float, burst_s: float) -> Iterator[PacedCamera]:
    camera = PacedCamera(content, length_s, burst_s)
    threading.Thread(target=camera.serve_forever, daemon=True).start()
    try:
        yield camera
    finally:
        camera.closing.set()
        camera.shutdown()
        camera.server_close()
