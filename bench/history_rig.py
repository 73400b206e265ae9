"""The real processes of a history, and everything that may befall them.

box (walk, outbox, relay) -> its own Redis (a replica) <- proxy <- the centre's Redis <- `kakou risk serve`
box -> proxy -> the centre's Redis -> `kakou deliver` -> receiver, `kakou console`
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import redis

from bench.fault_disk import can_mount
from bench.fault_rig import ROOT, FaultRig, free_port
from bench.tcp_line import Line
from kakou.wiring.embedded_redis import find_redis_server

PARTS = ("redis", "replica", "serve", "receiver", "deliverer", "console", "box")
DISK_MIB = 96
FAKETIME = (f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1",)
ON_A_CLOCK = ("box", "serve")


class HistoryRig(FaultRig):
    """`folder` holds everything; what is a box's or a centre's lies in folders of its own, searched for traces."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.centre_port = free_port()
        self.proxy = Line(self.centre_port)
        self.box_state, self.centre_state = folder / "box", folder / "centre"
        self.has_small_disk = can_mount()
        for place in (self.box_state, self.centre_state, folder / "redis", folder / "replica"):
            place.mkdir(mode=0o700)
        if self.has_small_disk:
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(self.box_state))
        super().__init__(folder)
        self.box_redis_url = f"unix://{self._sockets}/replica.sock"

    def set_clock(self, part: str, offset_s: float) -> None:
        """Let a process's wall clock jump, now and at its next starts."""
        partial = self.folder / f"clock-{part}.part"
        partial.write_text(f"{offset_s:+.0f}s\n", encoding="ascii")
        partial.rename(self.folder / f"clock-{part}")

    def is_running(self, part: str) -> bool:
        process = self._running.get(part)
        return process is not None and process.poll() is None

    def died(self) -> list[tuple[str, int]]:
        """Return what has ended by itself since it was last asked, with the exit codes."""
        found = [(part, code) for part, process in self._running.items() if (code := process.poll()) is not None]
        for part, _ in found:
            del self._running[part]
        return found

    def fill_disk(self) -> None:
        with suppress(OSError), (self.box_state / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(65536)):
                pass

    def free_disk(self) -> None:
        (self.box_state / "filler").unlink(missing_ok=True)

    def on_replica(self, work: "Callable[[redis.Redis], object]") -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(self.box_redis_url, socket_timeout=2) as client:
            work(client)

    def close(self) -> None:
        super().close()
        self.proxy.close()
        if self.has_small_disk:
            _run("umount", str(self.box_state))

    def _environment(self, part: str) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
        library = next((path for path in FAKETIME if Path(path).exists()), None)
        if part not in ON_A_CLOCK or library is None:
            return environment
        return environment | {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / f"clock-{part}"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "_RJEM_MALLOC_CONF": "background_thread:false",
        }

    def _command(self, part: str) -> Sequence[str | Path]:
        kakou: list[str | Path] = [sys.executable, "-m", "kakou.main"]
        match part:
            case "box":
                return [sys.executable, "-m", "bench.history_box", self.folder, str(self.seed)]
            case "serve":
                return [*kakou, "risk", "serve", "--config", self.folder / "centre.toml"]
            case "console":
                return [*kakou, "console", "--config", self.folder / "centre.toml"]
            case "redis":
                options = f"--port {self.centre_port} --bind 127.0.0.1 --unixsocket {self._sockets}/redis.sock"
                return self._server("redis", options)
            case "replica":
                line = f"--replicaof 127.0.0.1 {self.proxy.port} --repl-diskless-load swapdb --repl-timeout 10"
                return self._server("replica", f"--port 0 --unixsocket {self._sockets}/replica.sock {line}")
            case _:
                return super()._command(part)

    def _server(self, name: str, options: str) -> Sequence[str | Path]:
        keeping = "--appendonly yes --appendfsync everysec --save '' --repl-diskless-sync-delay 0"
        binary = find_redis_server().path
        return ["/bin/sh", "-c", f"exec {binary} {options} --dir {self.folder / name} {keeping}"]

    def _write_settings(self) -> None:
        super()._write_settings()
        centre = (self.folder / "centre.toml").read_text(encoding="utf-8")
        (self.folder / "centre.toml").write_text(centre + "[console]\nport = 0\n", encoding="utf-8")
        (self.folder / "box.toml").write_text(
            f'state_dir = "{self.box_state}"\nredis_url = "unix://{self._sockets}/replica.sock"\n'
            f'[alerts]\nreserve_mib = 4\nstream_url = "redis://127.0.0.1:{self.proxy.port}"\n'
            "[pipeline]\nspool_reserve_mib = 4\nrecheck_every_s = 1\n"
            # On a full machine looks take over a second, and what stands so long is parked: told of a minute later.
            "[pipeline.track]\nparked_gap_s = 3\n"
            # Waits that fit a machine on which everything runs at once.
            "[risk]\ntimeout_s = 0.5\nconnect_timeout_s = 0.2\n",
            encoding="utf-8",
        )
        for part in ON_A_CLOCK:
            self.set_clock(part, 0)


def _run(*command: str) -> None:
    if shutil.which(command[0]):
        subprocess.run(command, check=True, cwd=ROOT)
