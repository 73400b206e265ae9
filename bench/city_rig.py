"""The servers of a city, as real processes:

centre's Redis <- `kakou deliver` -> receiver, `kakou console` -> screens
centre's Redis of the list <- `kakou risk serve`
    -> the city's replica -> a replica for each process of posts -> `python -m bench.city_posts`
"""

import csv
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import redis

from bench.city_plan import BEGIN, Plan, checkpoint_of
from bench.city_tracks import listed_plate
from bench.fault_rig import ROOT, FaultRig, free_port
from bench.process_usage import processes_below
from kakou.settings import load_settings
from kakou.wiring.embedded_redis import find_redis_server
from kakou.wiring.matching import key_path
from riskdb.hotset.keys import HOT

AREA = "370211"
SYNCED_WITHIN_S = 300.0
_CONFIG = """state_dir = "{state}"
redis_url = "unix://{redis}"
[watch]
canary_minutes = 0
[alerts]
reserve_mib = 0
stream_url = "redis://127.0.0.1:{port}"
[pipeline]
spool_reserve_mib = 0
[risk]
timeout_s = 0.5
connect_timeout_s = 0.2
"""
"""Waits that fit a machine on which 81 posts run at once."""


class CityRig(FaultRig):
    """`folder` holds everything; what a post's box keeps lies in `posts/NUMBER`."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan = plan
        self.centre_port, self.list_port, self.city_port = free_port(), free_port(), free_port()
        self.centre_state = folder / "centre"
        self.centre_state.mkdir(mode=0o700)
        for name in ("redis", "list", "city", *(f"replica-{number}" for number in range(plan.processes))):
            (folder / name).mkdir(mode=0o700)
        super().__init__(folder)

    @property
    def centre(self) -> tuple[str, ...]:
        """Parts that a centre runs."""
        return (*self.masters, "serve", "deliverer", "console")

    @property
    def replicas(self) -> list[str]:
        return [f"replica-{number}" for number in range(self.plan.processes)]

    @property
    def masters(self) -> list[str]:
        return ["redis", "list"] if self.plan.is_list_apart else ["redis"]

    @property
    def servers(self) -> list[str]:
        """Every Redis."""
        return [*self.masters, "city", *self.replicas]

    @property
    def players(self) -> list[str]:
        return [f"posts-{number}" for number in range(self.plan.processes)]

    def socket_of(self, name: str) -> str:
        return f"unix://{self._sockets}/{name}.sock"

    def begin(self) -> None:
        """Start the centre, fill its list, start the city's replica, and wait until every replica has the list."""
        self.plan.write(self.folder)
        self.start(*self.masters)
        self.wait_until(lambda: all(map(self._is_up, self.masters)), 60, "the centre's Redis")
        self._fill_list()
        self.start("serve", "city", *self.replicas, "receiver", "deliverer")
        self.wait_until(self._is_synced, SYNCED_WITHIN_S, "the list at every replica")

    def play(self) -> None:
        """Start the posts; they report, and wait for `begin_traffic`."""
        for number in range(self.plan.processes):
            state = self.folder / "posts"
            for post in self.plan.posts_of(number):
                (state / f"{post:04}").mkdir(mode=0o700, parents=True)
                (state / f"{post:04}" / "plate.key").write_bytes((self.centre_state / "plate.key").read_bytes())
                (state / f"{post:04}" / "plate.key").chmod(0o600)
            own = _CONFIG.format(state=state, redis=f"{self._sockets}/replica-{number}.sock", port=self.centre_port)
            (self.folder / f"posts-{number}.toml").write_text(own, encoding="utf-8")
        self.start(*self.players)
        ready = [self.folder / f"ready-{number}" for number in range(self.plan.processes)]
        self.wait_until(lambda: all(path.exists() for path in ready), 300, "the posts")

    def begin_traffic(self) -> None:
        partial = self.folder / "begin.part"
        partial.write_text(str(time.monotonic() + 0.5), encoding="ascii")
        partial.rename(self.folder / BEGIN)

    def console_address(self) -> str:
        found: list[str] = []

        def is_said() -> bool:
            found[:] = re.findall(r"控制台地址\s+(\S+)", (self.folder / "console.log").read_text(encoding="utf-8"))
            return bool(found)

        self.wait_until(is_said, 120, "the console's address")
        return found[0]

    def used(self, part: str) -> tuple[float, int]:
        """Return CPU seconds so far and resident KiB of a part and its children."""
        below = processes_below(self._running[part].pid)
        return sum(usage.cpu_s for _, usage in below.values()), sum(usage.rss_kib for _, usage in below.values())

    def info(self, name: str) -> dict[str, int]:
        """Return the counters of a Redis."""
        with redis.Redis.from_url(self.socket_of(name)) as client:
            return {key: int(said) for key, said in client.info("all").items() if isinstance(said, int)}

    def _fill_list(self) -> None:
        dice = random.Random(5)
        numbers = dice.sample(range(3_100_000), self.plan.listed)
        with (self.folder / "records.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["plate", "area", "from", "to", "source"])
            day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
            writer.writerows(
                [listed_plate(number), AREA, f"{day} 06:00", f"{day} 08:00", "bench"] for number in numbers
            )
        for number in range(self.plan.processes):
            own = numbers[number :: self.plan.processes]
            (self.folder / f"listed-{number}").write_text("\n".join(map(listed_plate, own)), encoding="utf-8")
        for words in (
            ["area", "declare", AREA, "--level", "high", "--source", "bench"],
            ["import", str(self.folder / "records.csv")],
        ):
            command = [sys.executable, "-m", "kakou.main", "risk", *words, "--config", str(self.folder / "centre.toml")]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"kakou risk {words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")

    def _is_up(self, name: str) -> bool:
        with suppress(redis.RedisError), redis.Redis.from_url(self.socket_of(name)) as client:
            return bool(client.ping())
        return False

    def _is_synced(self) -> bool:
        time.sleep(0.3)
        with suppress(redis.RedisError):
            for name in ("city", *self.replicas):
                with redis.Redis.from_url(self.socket_of(name)) as client:
                    if int(client.scard(HOT)) < self.plan.listed:
                        return False
            return key_path(load_settings(self.folder / "centre.toml")).exists()
        return False

    def _command(self, part: str) -> Sequence[str | Path]:
        kakou: list[str | Path] = [sys.executable, "-m", "kakou.main"]
        name, _, number = part.partition("-")
        match name:
            case "posts":
                return [sys.executable, "-m", "bench.city_posts", self.folder, number]
            case "serve":
                return [*kakou, "risk", "serve", "--config", self.folder / "centre.toml"]
            case "console":
                return [*kakou, "console", "--config", self.folder / "centre.toml"]
            case "redis":
                return self._server(part, f"--port {self.centre_port} --repl-backlog-size 64mb")
            case "list":
                return self._server(part, f"--port {self.list_port} --repl-backlog-size 64mb")
            case "city":
                above = self.list_port if self.plan.is_list_apart else self.centre_port
                return self._server(part, f"--port {self.city_port} {_follows(above)}")
            case "replica":
                return self._server(part, f"--port 0 {_follows(self.city_port)}")
            case _:
                return super()._command(part)

    def _server(self, name: str, options: str) -> Sequence[str | Path]:
        keeping = "--bind 127.0.0.1 --appendonly yes --appendfsync everysec --save '' --repl-diskless-sync-delay 0"
        at = f"--unixsocket {self._sockets}/{name}.sock --dir {self.folder / name}"
        return ["/bin/sh", "-c", f"exec {find_redis_server().path} {options} {at} {keeping}"]

    def _write_settings(self) -> None:
        super()._write_settings()
        places = "".join(
            f'[[console.checkpoint]]\nname = "{checkpoint_of(post)}"\ngrid_code = "{370211001 + post % 20}"\n'
            for post in range(self.plan.posts)
        )
        path = self.folder / "centre.toml"
        apart = f'[risk]\nlist_url = "{self.socket_of("list")}"\n' if self.plan.is_list_apart else ""
        path.write_text(
            path.read_text(encoding="utf-8") + apart + f'[console]\nport = 0\ncounty_code = "370211"\n{places}',
            encoding="utf-8",
        )


def _follows(port: int) -> str:
    return f"--replicaof 127.0.0.1 {port} --repl-diskless-load swapdb --repl-timeout 60"
