"""What the same lookups cost a client that does nothing else: redis-benchmark, or prebuilt bytes over a socket."""

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import hiredis

from bench.report import percentile
from riskdb.hotset import keys
from riskdb.hotset.redis_link import pack

RAW_REPLAY = "raw socket replay"


@dataclass(frozen=True, slots=True)
class Sample:
    """Throughput in digests a second, latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def yardstick_name() -> str:
    return "redis-benchmark" if shutil.which("redis-benchmark") else RAW_REPLAY


def raw_replay(url: str, members: Sequence[bytes], repeats: int) -> Sample:
    """Return what sending the same bytes over a bare socket reaches, in Python."""
    request = pack(("SMISMEMBER", keys.HOT, *members, members[0]))
    return sample(_replay(url.removeprefix("unix://"), request, repeats), len(members))


def yardstick(url: str, batch: Sequence[bytes], repeats: int) -> Sample:
    """Return what a client in C, or at least one that only moves bytes, reaches with the same question."""
    # The version's marker holds NULs, which an argument of a process cannot: another digest stands for it.
    members = [*batch, batch[0]]
    path = url.removeprefix("unix://")
    if not shutil.which("redis-benchmark"):
        return raw_replay(url, batch, repeats)
    command = [b"redis-benchmark", b"-s", path.encode(), b"-c", b"1", b"-P", b"1", b"-n", str(repeats).encode()]
    command += [b"--csv", b"--precision", b"3", b"SMISMEMBER", keys.HOT.encode(), *members]
    answer = subprocess.run(command, capture_output=True, check=True)
    cells = answer.stdout.rsplit(b"\n", 2)[-2].rsplit(b",", 7)[1:]
    per_second, _, _, p50, p95, p99, _ = (float(cell.strip(b'"')) for cell in cells)
    return Sample(per_second * len(batch), p50, p95, p99)


def sample(latencies_s: Sequence[float], digests: int) -> Sample:
    in_ms = [latency * 1000 for latency in latencies_s]
    quantiles = (percentile(in_ms, share) for share in (0.5, 0.95, 0.99))
    return Sample(len(in_ms) * digests / sum(latencies_s), *quantiles)


def _replay(path: str, request: bytes, repeats: int) -> list[float]:
    """Send one request again and again over a unix socket; return the seconds that each answer took."""
    latencies = []
    reader = hiredis.Reader()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        for _ in range(repeats):
            started = time.perf_counter()
            connection.sendall(request)
            while reader.gets() is False:
                reader.feed(connection.recv(65536))
            latencies.append(time.perf_counter() - started)
    return latencies
