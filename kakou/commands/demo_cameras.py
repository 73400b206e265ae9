"""Clips in place of cameras, for the demo: each is sent in real time, again and again, to whoever asks on this machine.

What is sent is an MPEG transport stream over HTTP, as some cameras do: the box opens it like any camera's.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

STILL_S = 25.0
"""Between two rounds the empty road stands still: vehicles come one after the other, as they do."""
STILL_FPS = 5
_TICKS = Fraction(1, 90_000)
"""The clock of a transport stream."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def clip_cameras(clips: Sequence[Path]) -> Iterator[dict[Path, str]]:
    """Serve the clips while the context is open; yields the address of each."""
    by_name = {f"/{clip.stem}.ts": clip for clip in clips}
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            clip = by_name.get(self.path)
            if clip is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("content-type", "video/mp2t")
            self.end_headers()
            with contextlib.suppress(OSError, av.FFmpegError):  # the box has hung up
                _play(clip, self, ending)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="clip-cameras", daemon=True)
    thread.start()
    try:
        yield {clip: f"http://127.0.0.1:{server.server_port}{name}" for name, clip in by_name.items()}
    finally:
        ending.set()
        server.shutdown()
        server.server_close()


class _Output:
    """What PyAV writes to: a stream that cannot be sought in."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file = handler.wfile

    def write(self, data: bytes) -> int:
        self._file.write(data)
        return len(data)


def _play(clip: Path, handler: BaseHTTPRequestHandler, ending: threading.Event) -> None:
    """Send a clip round after round, as fast as it was filmed, until nobody takes it any more. Raises OSError."""
    with av.open(str(clip)) as source, av.open(_Output(handler), "w", format="mpegts") as sent:
        stream = source.streams.video[0]
        out = sent.add_stream_from_template(stream)
        begun, at_s = time.monotonic(), 0.0
        packets = list(_packets(source, stream))
        while True:
            for packet, dts_s, pts_s in _round(packets):
                wait_s = begun + at_s + dts_s - time.monotonic()
                if ending.wait(max(0.0, wait_s)):
                    return
                packet.stream, packet.time_base = out, _TICKS
                packet.dts, packet.pts = (round((at_s + each) / _TICKS) for each in (dts_s, pts_s))
                sent.mux(packet)
            at_s += packets[-1].dts_s + STILL_S


@dataclass(frozen=True, slots=True)
class _Sent:
    """One picture of a clip, as it is filmed."""

    data: bytes
    is_keyframe: bool
    dts_s: float
    pts_s: float

    def packet(self) -> "av.Packet[Any]":
        packet: av.Packet[Any] = av.Packet(self.data)
        packet.is_keyframe = self.is_keyframe
        return packet


def _packets(source: "InputContainer", stream: "VideoStream") -> Iterator[_Sent]:
    first = None
    for packet in source.demux(stream):
        if packet.dts is None or packet.pts is None or stream.time_base is None:
            continue
        first = packet.dts if first is None else first
        dts_s, pts_s = (float((each - first) * stream.time_base) for each in (packet.dts, packet.pts))
        yield _Sent(bytes(packet), packet.is_keyframe, dts_s, pts_s)


def _round(packets: Sequence[_Sent]) -> "Iterator[tuple[av.Packet[Any], float, float]]":
    """Yield each packet with its times; then the first picture, again and again: nothing moves."""
    for one in packets:
        yield one.packet(), one.dts_s, one.pts_s
    last_s, delay_s = packets[-1].dts_s, packets[0].pts_s
    for number in range(1, round(STILL_S * STILL_FPS)):
        at_s = last_s + number / STILL_FPS
        yield packets[0].packet(), at_s, at_s + delay_s
