"""What each server of a city uses, by what the kernel and Redis say."""

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

import redis

from bench.city_plan import Plan
from bench.city_rig import CityRig
from bench.report import Report

_BYTES = re.compile(r"bytes_(sent|received):(\d+)")
_COUNTERS = (
    "total_net_input_bytes", "total_net_output_bytes", "total_net_repl_input_bytes", "total_net_repl_output_bytes",
    "used_memory", "total_commands_processed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """What was used between two looks."""

    seconds: float
    cores: Mapping[str, float]
    """By part, on average."""
    rss_mib: Mapping[str, float]
    """At the end."""
    redis: Mapping[str, Mapping[str, float]]
    """By server and counter: growth a second; of `used_memory` the bytes at the end."""
    from_posts: float | None
    """Bytes a second that the centre's Redis got from all posts; None where nobody can say."""
    to_posts: float | None
    screens_bytes: int = 0
    """That all screens read."""

    def kib_s(self, server: str, counter: str) -> float:
        return self.redis[server][counter] / 1024


@dataclass(frozen=True, slots=True)
class Look:
    """Counters at one moment."""

    at_s: float
    used: Mapping[str, tuple[float, int]]
    redis: Mapping[str, Mapping[str, int]]
    lines: tuple[int, int] | None

    def since(self, before: "Look") -> Span:
        seconds = self.at_s - before.at_s
        lines = None if None in (self.lines, before.lines) else (self.lines, before.lines)
        from_posts, to_posts = (
            (lines[0][way] - lines[1][way]) / seconds if lines and lines[0] and lines[1] else None for way in (0, 1)
        )
        grown = {
            server: {
                name: float(said) if name == "used_memory" else (said - before.redis[server][name]) / seconds
                for name, said in counters.items()
            }
            for server, counters in self.redis.items()
        }
        cores = {part: (cpu_s - before.used[part][0]) / seconds for part, (cpu_s, _) in self.used.items()}
        rss_mib = {part: rss_kib / 1024 for part, (_, rss_kib) in self.used.items()}
        return Span(seconds, cores, rss_mib, grown, from_posts, to_posts)


class Meter:
    """Looks at all servers of a city."""

    def __init__(self, rig: CityRig) -> None:
        self._rig = rig

    def look(self) -> Look:
        rig = self._rig
        parts = (*rig.centre, "receiver", "city", *rig.replicas, *rig.players)
        servers = {name: rig.info(name) for name in rig.servers}
        counters = {server: {name: info.get(name, 0) for name in _COUNTERS} for server, info in servers.items()}
        return Look(time.monotonic(), {part: rig.used(part) for part in parts}, counters, self._lines())

    def _lines(self) -> tuple[int, int] | None:
        """Return the bytes that came from posts and went to them, over the lines that are open now.

        The centre's own processes are on its socket; what else speaks TCP to it is the city's replica.
        """
        if shutil.which("ss") is None:
            return None
        with redis.Redis.from_url(self._rig.socket_of("redis")) as client:
            copying = {str(one["addr"]) for one in client.client_list(_type="replica")}
        command = ["ss", "-tinHO", "state", "established", f"sport = :{self._rig.centre_port}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        came, went = 0, 0
        for line in said.splitlines():
            if copying.isdisjoint(line.split()):
                numbers = {way: int(count) for way, count in _BYTES.findall(line)}
                came, went = came + numbers.get("received", 0), went + numbers.get("sent", 0)
        return came, went


def add_usage(report: Report, plan: Plan, quiet: Span, peak: Span) -> None:
    """Add a row for each server, and one for what goes over a post's line."""
    for part in (part for part in NAMES if part in peak.cores):
        report.add_row(
            "servers, measured", server=NAMES[part], cores_quiet=quiet.cores[part], cores_peak=peak.cores[part],
            rss_mib=round(peak.rss_mib[part]), **_traffic(part, quiet, peak),
        )  # fmt: skip
    players = sum(peak.cores[part] for part in peak.cores if part.startswith("posts"))
    report.add_row("servers, measured", server="the posts' own work, all", cores_peak=players)
    for when, span in (("quiet", quiet), ("peak", peak)):
        report.add_row(
            "a post's line, measured (KiB/s)", when=when,
            up=None if span.from_posts is None else span.from_posts / 1024 / plan.posts,
            down=None if span.to_posts is None else span.to_posts / 1024 / plan.posts,
            copied_list=span.kib_s("replica-0", "total_net_repl_input_bytes"),
        )  # fmt: skip


NAMES = {
    "redis": "centre: Redis", "list": "centre: Redis of the list", "serve": "centre: kakou risk serve",
    "deliverer": "centre: kakou deliver", "console": "centre: kakou console", "city": "city: replica",
    "replica-0": "box: replica",
}  # fmt: skip


def _traffic(part: str, quiet: Span, peak: Span) -> dict[str, float | None]:
    """Return KiB a second in and out: of a Redis what it says itself, of the console what screens read."""
    if part == "console":
        out = {name: span.screens_bytes / span.seconds / 1024 for name, span in (("quiet", quiet), ("peak", peak))}
        return {"out_quiet": out["quiet"], "out_peak": out["peak"]}
    if part not in peak.redis:
        return {}
    ways = ("in", "input"), ("out", "output")
    return {
        f"{way}_{when}": span.kib_s(part, f"total_net_{word}_bytes") + span.kib_s(part, f"total_net_repl_{word}_bytes")
        for way, word in ways
        for when, span in (("quiet", quiet), ("peak", peak))
    }
