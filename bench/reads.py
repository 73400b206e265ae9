"""Does a box take 500 camera reads a second with their pictures, lose none and double none, whatever dies meanwhile?

python -m bench.reads --check          five minutes, each process killed 20 times (a quiet machine of 2 cores)
python -m bench.reads --small --check  ten seconds, 60 reads a second, each process killed once
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.report import Report, bench_options, percentile
from pipeline.reads.synthetic import Said, hikvision

SECRET = "0123456789abcdef0123"
DEVICES = 8
RESENT = 0.2
MAX_P99_MS = 50.0


@dataclass(frozen=True, slots=True)
class Plan:
    reads_per_s: int
    seconds: float
    picture_bytes: int
    kills: int


FULL = Plan(500, 300.0, 200_000, 20)
SMALL = Plan(60, 10.0, 200_000, 1)


@dataclass
class Tally:
    """What the senders saw."""

    latencies_ms: list[float] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    sent_again: int = 0
    refused: int = 0
    retries: int = 0


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--small", action="store_true", help="ten seconds, for a machine at work; no bar on its times")
    options = parser.parse_args()
    plan = SMALL if options.small else FULL
    with tempfile.TemporaryDirectory() as folder:
        with box_at_work(Path(folder), plan) as port:
            tally, killed = asyncio.run(run(plan, port, Path(folder)))
        on_disk = rows_on_disk(Path(folder))
    report = Report("Reads: cameras that post reads with pictures, and processes that are killed meanwhile")
    tell(report, plan, tally, killed, on_disk)
    report.finish(options)


@contextlib.contextmanager
def box_at_work(folder: Path, plan: Plan) -> Iterator[int]:
    """Start `kakou run` with devices alone; yield the endpoint's port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "secret").write_text(SECRET)
    devices = "".join(
        f'[[reads.device]]\ndevice_id = "K{n:02d}"\nmaker = "hikvision"\ncheckpoint = "东门"\n'
        f'secret_file = "secret"\nreads_per_s = {plan.reads_per_s}\n'
        for n in range(DEVICES)
    )
    (folder / "kakou.toml").write_text(f'state_dir = "var"\n[reads]\nport = {port}\n{devices}')
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    command = [sys.executable, "-m", "kakou.main", "run"]
    log = (folder / "log").open("wb")
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, cwd=folder, env=environment | {"PYTHONPATH": str(root)}, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while not (folder / "var" / "run" / "reads.address").exists():
            if time.monotonic() > until:
                raise SystemExit((folder / "log").read_text()[-2000:])
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)
        log.close()


async def run(plan: Plan, port: int, folder: Path) -> tuple[Tally, int]:
    tally, stop = Tally(), asyncio.Event()
    picture = b"\xff\xd8" + random.Random(7).randbytes(plan.picture_bytes)
    queue: asyncio.Queue[int] = asyncio.Queue()
    workers = [asyncio.create_task(work(queue, port, picture, tally, worker)) for worker in range(24)]
    killer = asyncio.create_task(kill_now_and_then(plan, folder, stop))
    began = time.perf_counter()
    for number in range(int(plan.reads_per_s * plan.seconds)):
        due = began + number / plan.reads_per_s
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        queue.put_nowait(number)
    await queue.join()
    stop.set()
    for worker in workers:
        worker.cancel()
    return tally, await killer


async def work(queue: "asyncio.Queue[int]", port: int, picture: bytes, tally: Tally, worker: int) -> None:
    """Send what is due, again until it is acknowledged, and one in five once more."""
    dice = random.Random(worker)
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while True:
        number = await queue.get()
        message_id = f"{number:08d}-bench-of-reads-0123456789"
        said = Said(f"鲁B{10000 + number % 80000}", datetime.now(UTC), message_id, plate=b"", scene=picture)
        wire = hikvision(said)
        head = (
            f"POST /reads/K{number % DEVICES:02d}/{SECRET} HTTP/1.1\r\nHost: box\r\n"
            f"Content-Type: {wire.content_type}\r\nContent-Length: {len(wire.body)}\r\n\r\n"
        ).encode()
        for _ in range(2 if dice.random() < RESENT else 1):
            connection = await send_until_taken(connection, port, head + wire.body, tally)
            tally.sent_again += message_id in tally.acknowledged
            tally.acknowledged.add(message_id)
        queue.task_done()


async def send_until_taken(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None, port: int, message: bytes, tally: Tally
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = connection
            began = time.perf_counter()
            writer.write(message)
            await writer.drain()
            status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
            if status == 200:
                tally.latencies_ms.append((time.perf_counter() - began) * 1000)
                return connection
            tally.refused += 1
            connection = None
        except (OSError, asyncio.IncompleteReadError):
            connection = None
        tally.retries += 1
        await asyncio.sleep(0.1)


async def kill_now_and_then(plan: Plan, folder: Path, stop: asyncio.Event) -> int:
    """Kill each process of the reads in turn with SIGKILL; return how often."""
    killed = 0
    for number in range(2 * plan.kills):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), plan.seconds / (2 * plan.kills + 1))
        if stop.is_set():
            break
        wanted = ("kakou.box.reads", "kakou.box.arrivals")[number % 2]
        for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
            if wanted in (process.info["cmdline"] or []) and process.info["cwd"] == str(folder):
                os.kill(process.info["pid"], signal.SIGKILL)
                killed += 1
    return killed


def rows_on_disk(folder: Path) -> tuple[int, int]:
    """Return how many reads are on disk or were decided, and how many of them wait for that."""
    database = folder / "var" / "reads" / "reads.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as rows:
        count = rows.execute("SELECT count(*) FROM read").fetchone()[0]
        waiting = rows.execute("SELECT count(*) FROM read WHERE is_done = 0").fetchone()[0]
    return count, waiting


def tell(report: Report, plan: Plan, tally: Tally, killed: int, on_disk: tuple[int, int]) -> None:
    count, waiting = on_disk
    times = tally.latencies_ms or [float("inf")]
    report.add_row(
        "reads", asked_per_s=plan.reads_per_s, seconds=plan.seconds, picture_kB=plan.picture_bytes // 1000,
        acknowledged=len(tally.acknowledged), sent_again=tally.sent_again, killed=killed, on_disk=count,
        waiting=waiting, tries_again=tally.retries, p50_ms=percentile(times, 0.5), p99_ms=percentile(times, 0.99),
    )  # fmt: skip
    report.add_bar("acknowledged and lost", max(0, len(tally.acknowledged) - count), 0, "at most")
    report.add_bar("taken twice", max(0, count - len(tally.acknowledged)), 0, "at most")
    report.add_bar("processes killed", killed, 2 * plan.kills, "at least")
    if plan is FULL:
        report.add_bar("p99 to 2xx, ms", percentile(times, 0.99), MAX_P99_MS, "at most")


if __name__ == "__main__":
    main()
