"""The endpoint of a box, served in a thread, and cameras that post to it."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from kakou.box.reads import ReadsServer
from kakou.box.supervisor import Heartbeat
from kakou.settings import Settings
from kakou.wiring.reads import build_intake, open_journal
from pipeline.reads.arrival import Arrival
from pipeline.reads.device_state import DeviceReport, report_from
from pipeline.reads.synthetic import Said, Wire
from tests.box_kit import small_box

SECRET = "0123456789abcdef0123"


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: bytes
    headers: dict[str, str]


def reads_settings(folder: Path, *devices: dict[str, object], **reads: object) -> Settings:
    """Return settings with these devices; without any, K01 of Hikvision with SECRET in its path."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    usual = {"device_id": "K01", "maker": "hikvision", "checkpoint": "东门卡口", "secret_file": secret}
    each = [{**usual, **device} for device in devices or ({},)]
    return small_box(folder / "var", reads={"port": 0, "device": each, **reads})


@dataclass
class Box:
    """An endpoint at work."""

    settings: Settings
    port: int

    def post(
        self, path: str, body: bytes | str, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, answer.read(), found)

    @contextlib.contextmanager
    def talking(self) -> Iterator[Callable[[str, bytes, dict[str, str]], int]]:
        """Yield what posts over one connection, as a busy camera does, and returns the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

        def post(path: str, body: bytes, headers: dict[str, str]) -> int:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        with contextlib.closing(connection):
            yield post

    def send(self, wire: Wire, device: str = "K01", secret: str = SECRET) -> Answered:
        return self.post(f"/reads/{device}/{secret}/{wire.path}", wire.body, {"content-type": wire.content_type})

    def raw(self, sent: bytes, timeout_s: float = 5.0) -> bytes:
        """Return what comes back for bytes on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as wire:
            wire.sendall(sent)
            with contextlib.suppress(ConnectionError):
                return b"".join(iter(lambda: wire.recv(65536), b""))
        return b""

    def kept(self) -> list[Arrival]:
        """Return what is on disk, in order."""
        with contextlib.closing(open_journal(self.settings)) as journal:
            return [each.arrival for each in journal.waiting(0, 10_000) if each.arrival is not None]

    def report(self, device: str = "K01") -> DeviceReport:
        """Return what was last written down of a device; after the endpoint's end, all of it."""
        with contextlib.closing(open_journal(self.settings)) as journal:
            return report_from(journal.said_of_devices().get(device))


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Box]:
    intake = build_intake(settings)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ReadsServer(intake.endpoint, settings.reads, Heartbeat({}), stop)
        intake.keeping.start()
        threads = [threading.Thread(target=uvicorn.Server.run, args=(server, [listener]))]
        threads += [threading.Thread(target=watch.run, args=(stop,)) for watch in intake.watches]
        for thread in threads:
            thread.start()
        try:
            yield Box(settings, listener.getsockname()[1])
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            intake.keeping.close()


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def said(**changes: object) -> Said:
    return Said(at=datetime.now(UTC), **{"message_id": f"{time.monotonic_ns():032d}-id", **changes})  # type: ignore[arg-type]  # the test's own words
