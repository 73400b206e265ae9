"""A real HTTP server that answers as a test tells it to."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WEBHOOK_SECRET = "whsec_" + "aW52ZW50ZWQgc2VjcmV0IG9mIHRoZSB0ZXN0cyAzMiBi"


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b'{"errcode": 0, "code": 0}'
    headers: tuple[tuple[str, str], ...] = ()
    how: str = "whole"
    """"whole"; "hang": say nothing; "drip": one byte now and then; "cut": close in the middle; "endless"."""


@dataclass(slots=True)
class ScriptedServer:
    url: str
    answer: Callable[[Received], Answer] = field(default=lambda _: Answer())
    received: list[Received] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        script = ScriptedServer(f"http://127.0.0.1:{server.server_address[1]}")
        server.script = script  # type: ignore[attr-defined]  # the standard library's server carries ours
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            script.stopping.set()
            server.shutdown()
            thread.join()


def port_of(server: ScriptedServer) -> int:
    return int(server.url.rsplit(":", 1)[1])


def secret_file(folder: Path, secret: str = WEBHOOK_SECRET) -> Path:
    path = folder / "secret"
    path.write_text(secret + "\n")
    return path


def sent_json(received: Received) -> dict[str, object]:
    read: dict[str, object] = json.loads(received.body)
    return read


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        script: ScriptedServer = self.server.script  # type: ignore[attr-defined]  # the standard library's server carries ours
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        script.received.append(received)
        with contextlib.suppress(OSError):
            self._answer(script.answer(received), script.stopping)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, answer: Answer, stopping: threading.Event) -> None:
        head = f"HTTP/1.1 {answer.status} x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        self.close_connection = answer.how != "whole"
        if answer.how == "hang":
            stopping.wait(30)
        elif answer.how == "drip":
            for char in head * 100:
                self.wfile.write(char.encode())
                if stopping.wait(0.05):
                    return
        elif answer.how == "cut":
            self.wfile.write(f"{head}content-length: 1000\r\n\r\nhalf".encode())
        elif answer.how == "endless":
            self.wfile.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            while not stopping.is_set():
                self.wfile.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        else:
            self.wfile.write(f"{head}content-length: {len(answer.body)}\r\n\r\n".encode() + answer.body)
