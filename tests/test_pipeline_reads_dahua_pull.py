"""A Dahua camera that the box attaches to: its stream, cut anywhere, is reads on disk; it is attached to again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.crossing import CrossingEvent
from alerts.digest_answer import fields_of, response_to
from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox
from kakou.settings import Settings, SettingsError, load_settings
from pipeline.reads.adapter import UnreadableMessageError
from pipeline.reads.dahua_pull import parts_in, read_in
from tests.alerts_kit import wait_until
from tests.reads_kit import Box, reads_settings, serving

PASSWORD = "Camera!23"
BOUNDARY = b"--myboundary\r\n"
JPEG = b"\xff\xd8\xff\xe0 --myboundary\r\n inside \r\n\r\n"
HOUR = timedelta(hours=1)


def part(content: bytes, content_type: bytes = b"text/plain") -> bytes:
    head = b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type, len(content))
    return BOUNDARY + head + content + b"\r\n"


def passage(text: str, at: datetime, colour: str = "Blue") -> bytes:
    """What the camera says of one vehicle, line by line."""
    moment = f"Events[0].UTC={int(at.timestamp())}\r\nEvents[0].UTCMS=250\r\n"
    return (
        "Events[0].EventBaseInfo.Code=TrafficJunction\r\nEvents[0].EventBaseInfo.Action=Pulse\r\nEvents[0].Lane=2\r\n"
        "Events[0].JunctionDirection=Obverse\r\nEvents[0].Object.ObjectType=Plate\r\n"
        f"Events[0].Object.Text={text}\r\nEvents[0].Object.Confidence=97\r\nEvents[0].Object.BoundingBox[0]=3000\r\n"
        f"Events[0].TrafficCar.PlateNumber={text}\r\nEvents[0].TrafficCar.PlateColor={colour}\r\n{moment}"
    ).encode()


class Camera(ThreadingHTTPServer):
    """Streams what it is given, once for each time that somebody attaches with the right digest."""

    daemon_threads = True

    def __init__(self, *streams: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Streaming)
        self.streams = list(streams)
        self.asked: list[str] = []
        self.refused = 0
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Streaming(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        given = fields_of(self.headers.get("authorization", ""))
        if not given or given["response"] != response_to(given, "GET", "kakou", PASSWORD):
            self.server.refused += 1
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="Login to D01", qop="auth", nonce="n1", opaque="o"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked.append(unquote(self.path))
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=myboundary")
        self.end_headers()
        if self.server.streams:
            self.wfile.write(self.server.streams.pop(0))
        else:
            self.server.stopping.wait(20)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def camera(*streams: bytes) -> Iterator[Camera]:
    with Camera(*streams) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


@contextmanager
def attached(folder: Path, server: Camera, password: str = PASSWORD, **device: object) -> Iterator[Settings]:
    """Run a box whose only device is that camera."""
    settings = reads_settings(folder, {"device_id": "D01", "maker": "dahua", "pull": {"url": server.url}, **device})
    (folder / "secret").write_text(password)
    with serving(settings):
        yield settings


def test_passages_of_a_stream_are_on_disk_with_their_pictures_and_it_is_attached_to_again(tmp_path: Path):
    now = datetime.now(UTC).replace(microsecond=0)
    first = part(b"Heartbeat") + part(passage("鲁B12345", now)) + part(JPEG, b"image/jpeg") + part(b"Heartbeat")
    second = part(passage("鲁B54321", now, "Yellow"))
    with camera(first, second) as server:
        with attached(tmp_path, server) as settings:
            wait_until(lambda: len(server.asked) >= 3, what="attaching again")
        assert all("attachFileProc" in path and "[TrafficJunction]" in path for path in server.asked)
        assert PASSWORD not in "".join(server.asked)
    reads = [arrival.sent for arrival in Box(settings, 0).kept()]
    assert [(sent.read.text, sent.read.style, sent.read.lane) for sent in reads] == [
        ("鲁B12345", "blue", "2"), ("鲁B54321", "yellow", "2")]  # fmt: skip
    assert [sent.scene_picture for sent in reads] == [JPEG, b""]
    assert reads[0].read.captured_at == now + timedelta(milliseconds=250)
    assert Box(settings, 0).report("D01").reads == 2


def test_a_wrong_password_is_told_and_nothing_is_taken(tmp_path: Path):
    with (
        camera(part(passage("鲁B12345", datetime.now(UTC)))) as server,
        attached(tmp_path, server, "wrong") as settings,
    ):
        wait_until(lambda: server.refused >= 2, what="the refusal")
    report = Box(settings, 0).report("D01")
    assert (report.reads, report.refused > 0, "401" in report.why_refused) == (0, True, True)


def test_a_guard_camera_is_asked_for_crossings(tmp_path: Path):
    now = datetime.now(UTC)
    consent = {"by": "张三", "given_at": now - HOUR, "until": now + HOUR}
    said = b'Code=CrossLineDetection;action=%s;index=0;data={"UTC": %d}'
    stream = b"".join(part(said % (action, now.timestamp())) for action in (b"Stop", b"Start")) + part(
        b"Code=VideoMotion;action=Start;index=0"
    )
    with camera(stream) as server, attached(tmp_path, server, door="3号楼", consent=consent) as settings:
        wait_until(lambda: len(server.asked) >= 2, what="attaching again")
        assert "eventManager.cgi?action=attach&codes=[CrossLineDetection" in server.asked[0]
    with Outbox(settings.state_dir / "outbox.sqlite") as outbox:
        [row] = outbox.pending()
    assert isinstance(from_cloudevent(row.body), CrossingEvent)


@given(st.lists(st.integers(1, 60), max_size=12))
def test_wherever_the_wire_cuts_a_stream_its_parts_are_the_same(cuts: list[int]):
    stream = part(b"Heartbeat") + part(JPEG, b"image/jpeg") + part(passage("鲁B12345", datetime.now(UTC)))
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    found = list(parts_in([*pieces, stream[at:]]))
    assert found == list(parts_in([stream]))
    assert found[:2] == [b"Heartbeat", JPEG]


@pytest.mark.parametrize("stream", [b"x" * 5000, part(b"x").replace(b"Length: 1", b"Length: 99999999")])
def test_what_is_no_such_stream_ends_it(stream: bytes):
    with pytest.raises(UnreadableMessageError):
        list(parts_in([stream]))


@given(st.text(max_size=300))
def test_any_text_is_a_read_or_nothing_or_refused(text: str):
    try:
        found = read_in(f"Events[0].Object.ObjectType=Plate\nEvents[0].Object.Text={text}\nEvents[0].UTC={text}", HOUR)
    except UnreadableMessageError:
        return
    assert found is not None
    assert len(found.read.raw_text) <= 200


def test_a_link_to_a_camera_without_tls_is_refused_unless_it_is_named(tmp_path: Path):
    text = (
        '[[reads.device]]\ndevice_id = "D"\nmaker = "dahua"\ncheckpoint = "a"\nsecret_file = "s"\n'
        '[reads.device.pull]\nurl = "http://10.20.7.21"\n'
    )
    (tmp_path / "kakou.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"10\.20\.7\.21"):
        load_settings(tmp_path / "kakou.toml")
    (tmp_path / "kakou.toml").write_text(f'allow_unencrypted_links_to = ["10.20.7.21"]\n{text}')
    load_settings(tmp_path / "kakou.toml")
