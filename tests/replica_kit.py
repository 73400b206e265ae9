"""Real Redis servers that copy a list from each other, over lines that can be cut or fall silent."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from kakou.wiring.embedded_redis import find_redis_server

PATIENCE_S = 60.0


@dataclass(slots=True)
class Server:
    """A server that can be killed and started again."""

    folder: Path
    settings: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        settings = {"dir": str(self.folder), "unixsocket": str(self.folder / "redis.sock"), "save": "", **self.settings}
        # Redis 6.2 wants the words of a value one by one, and an empty one as one.
        arguments = [part for name, value in settings.items() for part in (f"--{name}", *(value.split() or [""]))]
        self.process = subprocess.Popen([find_redis_server().path, *arguments], stdout=subprocess.DEVNULL)
        until(lambda: self.info("server"))

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def load_slowly(self) -> None:
        """Take 2 ms to load a key, and answer after each."""
        with redis.Redis.from_url(self.url) as client:
            client.config_set("key-load-delay", 2000)
            client.config_set("loading-process-events-interval-bytes", 1024)

    def load_quickly(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.config_set("key-load-delay", 0)

    def info(self, section: str) -> dict[str, object]:
        try:
            with redis.Redis.from_url(self.url) as client:
                return dict(client.info(section))
        except (redis.ConnectionError, redis.BusyLoadingError):
            return {}

    @property
    def is_linked(self) -> bool:
        return self.info("replication").get("master_link_status") == "up"

    @property
    def is_loading(self) -> bool:
        """Whether a whole copy comes in, while the list of before answers."""
        return bool(self.info("persistence").get("async_loading"))

    @property
    def full_copies(self) -> int:
        """Whole copies that this server gave to others."""
        return int(str(self.info("stats").get("sync_full", -1)))

    @property
    def offset(self) -> int:
        """How far it has come in what its centre wrote."""
        said = self.info("replication")
        name = "slave_repl_offset" if said.get("role") == "slave" else "master_repl_offset"
        return int(str(said.get(name, -1)))


def until(is_so: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "the servers did not get there"
        time.sleep(0.01)


class Line:
    """Passes TCP connections on, until it is cut (both ends are told) or falls silent (nobody is)."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wires: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        self._end()

    def fall_silent(self) -> None:
        """As a cable that is pulled somewhere on the way: connections stay, and nothing comes through."""
        self._flows.clear()

    def mend(self) -> None:
        if not self._flows.is_set():
            self._end()  # what was on its way is lost
            self._flows.set()
        self._is_cut = False

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end()
        self._flows.set()

    def _end(self) -> None:
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        self._wires.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._flows.wait()
            try:
                far = None if self._is_cut else socket.create_connection(self._target, timeout=2)
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            far.settimeout(None)
            self._wires += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                self._flows.wait()
                sink.sendall(received)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
