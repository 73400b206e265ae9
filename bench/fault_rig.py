"""The whole way of a flagged event in real processes, each of which can be killed at any moment.

    writer -> box/outbox.sqlite -> relay (`kakou deliver` on the box) -> Redis -> deliverer (`kakou deliver` at the
    centre) -> receiver (`python -m alerts.receiver`) -> received.sqlite

Run as a program it is the writer: `python -m bench.fault_rig FOLDER EVENTS_PER_S`.
"""

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TextIO

import redis

from alerts.outbox import Outbox
from alerts.stream import connect
from bench.fault_events import event
from kakou.wiring.embedded_redis import find_redis_server
from pipeline.parent_death import die_with_parent

PARTS = ("writer", "relay", "redis", "deliverer", "receiver")
SECRET = "whsec_aW52ZW50ZWQgc2VjcmV0IG9mIHRoZSB0ZXN0cyAzMiBi"
ROOT = Path(__file__).parents[1]


class FaultRig:
    """Starts the parts in `folder`, kills them, and tells what was acknowledged and what arrived."""

    def __init__(self, folder: Path, events_per_s: float = 5.0) -> None:
        self.folder = folder
        # A unix socket's path may have 107 bytes at most.
        self._sockets = Path(tempfile.mkdtemp(prefix="kakou-rig-"))
        self.redis_url = f"unix://{self._sockets}/redis.sock"
        self._port = free_port()
        self._events_per_s = events_per_s
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._write_settings()

    def start(self, *parts: str) -> None:
        for part in parts:
            log = (self.folder / f"{part}.log").open("ab")
            with log:
                self._running[part] = subprocess.Popen(
                    self._command(part),
                    cwd=ROOT,
                    env=self._environment(part),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=lambda: die_with_parent(signal.SIGKILL),
                )

    def kill(self, part: str) -> None:
        """kill -9, no chance to tidy up."""
        process = self._running.pop(part)
        process.kill()
        process.wait()

    def stop(self, part: str) -> int:
        """Ask a process to end; return its exit code."""
        process = self._running.pop(part)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=120)

    def acknowledged(self) -> list[str]:
        """Return the ids of the events that the outbox said it keeps, in order."""
        path = self.folder / "acknowledged"
        return [line for line in path.read_text().splitlines() if len(line) == 32] if path.exists() else []

    def received(self) -> list[str]:
        """Return the ids of the events that the receiver has applied, in order of application."""
        return [row[0] for row in self._ask_ledger("SELECT event_id FROM received ORDER BY rowid", ())]

    def has_received(self, event_id: str) -> bool:
        return bool(self._ask_ledger("SELECT 1 FROM received WHERE event_id = ?", (event_id,)))

    def applied_twice(self) -> list[str]:
        """Return the ids that the receiver took for new more than once: it prints each event that is new to it."""
        text = (self.folder / "receiver.log").read_text()
        counts = Counter(re.findall(r'\{"id": "([0-9a-f]{32})"', text))
        return [event_id for event_id, count in counts.items() if count > 1]

    def missing(self) -> set[str]:
        return set(self.acknowledged()) - set(self.received())

    def client(self) -> "redis.Redis":
        return connect(self.redis_url)

    def is_redis_up(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wait_until(self, holds: Callable[[], bool], timeout_s: float, what: str) -> float:
        """Return how many seconds it took. Raises TimeoutError."""
        started, pause = time.monotonic(), threading.Event()
        while not holds():
            if time.monotonic() - started > timeout_s:
                raise TimeoutError(f"{what} did not happen within {timeout_s:g} s; logs are in {self.folder}")
            pause.wait(0.02)
        return time.monotonic() - started

    def close(self) -> None:
        for part in list(self._running):
            self.kill(part)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_ledger(self, sql: str, values: tuple[str, ...]) -> list[tuple[str]]:
        if not (self.folder / "received.sqlite").exists():
            return []
        connection = sqlite3.connect(f"file:{self.folder}/received.sqlite?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []  # Its table is not there yet.
        finally:
            connection.close()

    def _environment(self, part: str) -> dict[str, str] | None:  # noqa: ARG002  for those that set a clock
        return None

    def _command(self, part: str) -> Sequence[str | Path]:
        match part:
            case "writer":
                return [sys.executable, "-m", "bench.fault_rig", self.folder, str(self._events_per_s)]
            case "relay":
                return [sys.executable, "-m", "kakou.main", "deliver", "--config", self.folder / "box.toml"]
            case "deliverer":
                return [sys.executable, "-m", "kakou.main", "deliver", "--config", self.folder / "centre.toml"]
            case "receiver":
                options: list[str | Path] = [
                    "--secret-file",
                    self.folder / "secret",
                    "--ledger",
                    self.folder / "received.sqlite",
                ]
                return [sys.executable, "-m", "alerts.receiver", *options, "--port", str(self._port)]
            case _:
                return self._redis_command()

    def _redis_command(self) -> Sequence[str | Path]:
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        options = f"--port 0 --unixsocket {self._sockets}/redis.sock --dir {data} --appendonly yes --save '' "
        binary = find_redis_server().path
        return ["/bin/sh", "-c", f"exec {binary} {options} --appendfsync everysec"]

    def _write_settings(self) -> None:
        (self.folder / "secret").write_text(SECRET)
        common = f'redis_url = "{self.redis_url}"\n'
        (self.folder / "box.toml").write_text(f'state_dir = "{self.folder}/box"\n{common}')
        (self.folder / "centre.toml").write_text(
            f'state_dir = "{self.folder}/centre"\n{common}[alerts]\nreserve_mib = 1\n'
            f'allowed_networks = ["127.0.0.1/32"]\nallowed_ports = [{self._port}]\n'
            f'[[alerts.channel]]\nname = "platform"\nkind = "webhook"\nurl = "http://127.0.0.1:{self._port}/"\n'
            f'secret_files = ["{self.folder}/secret"]\ntimeout_s = 5\n'
        )


def write_events(folder: Path, events_per_s: float) -> None:
    """Append events for ever, and note each id once the outbox has acknowledged it."""
    with (
        Outbox(folder / "box" / "outbox.sqlite", reserve_bytes=2**20) as outbox,
        (folder / "acknowledged").open("a") as noted,
    ):
        number = outbox.last_seq()
        pause = threading.Event()
        while True:
            append_noting(outbox, number, noted)
            number += 1
            pause.wait(1 / events_per_s)


def append_noting(outbox: Outbox, number: int, noted: TextIO) -> None:
    """Append an event, and note its id once the outbox has acknowledged it."""
    one = event(number)
    outbox.append(one)
    noted.write(one.event_id + "\n")
    noted.flush()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    write_events(Path(sys.argv[1]), float(sys.argv[2]))
