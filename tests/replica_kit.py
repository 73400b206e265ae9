"""Real Redis servers that copy a list from each other, over lines that can be cut or fall silent."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
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
