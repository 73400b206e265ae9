"""Does a box take 500 camera reads a second with their pictures, lose none and double none, whatever dies meanwhile?

python -m bench.reads --check          five minutes, each process killed 20 times (a quiet machine of 2 cores)
python -m bench.reads --small --check  ten seconds, 60 reads a second, each process killed once
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from bench.process_usage import processes_below
from bench.reads_senders import DEVICES, LEAST_PLATE, PLATES, SECRET, Senders, Sent, Tally
from bench.report import Report, bench_options, percentile
from kakou.settings import Settings
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper
from riskdb.record.declaring import Declared
from riskdb.record.judging import TravelRow

MAX_P99_MS = 50.0
LISTED_EVERY = 500
"""One vehicle in so many is on the box's list."""
KILL_FELT_S = 4.0
"""What is sent so soon after a kill, of either process, is told apart."""


@dataclass(frozen=True, slots=True)
class Plan:
    reads_per_s: int
    seconds: float
    picture_bytes: int
    kills: int
    """Of each of the two processes."""


FULL = Plan(500, 300.0, 200_000, 20)
SMALL = Plan(60, 10.0, 200_000, 1)


@dataclass(frozen=True, slots=True)
class OnDisk:
    reads: int
    waiting: int
    """To be decided."""


def main() -> None:
    options = _options()
    plan = SMALL if options.small else Plan(options.rate, options.seconds, FULL.picture_bytes, options.kills)
    picture = b"\xff\xd8" + random.Random(7).randbytes(plan.picture_bytes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_list(folder)
        with box_at_work(folder, plan) as (port, process_id):
            senders = Senders(port, picture)
            before = cpu_s_of(process_id)
            with killing(plan, folder) as killed:
                senders.send_all(plan.reads_per_s, plan.seconds)
            used_s = {name: cpu_s - before.get(name, 0.0) for name, cpu_s in cpu_s_of(process_id).items()}
        on_disk = rows_on_disk(folder)
    report = Report("Reads: cameras that post reads with pictures, and processes that are killed meanwhile")
    tell(report, plan, senders.tally, killed, on_disk)
    if not killed:  # of those that were, nobody knows any more what they used
        posts = max(1, len(senders.tally.sent))
        report.add_row("CPU ms a message", **{name: cpu_s * 1000 / posts for name, cpu_s in used_s.items()})
    report.finish(options)


def _options() -> argparse.Namespace:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--small", action="store_true", help="ten seconds, for a machine at work; no bar on its times")
    parser.add_argument("--rate", type=int, default=FULL.reads_per_s, help="reads a second")
    parser.add_argument("--seconds", type=float, default=FULL.seconds)
    parser.add_argument("--kills", type=int, default=FULL.kills, help="of each process")
    return parser.parse_args()


def write_list(folder: Path) -> None:
    """Put some of the vehicles on the list of the box that will run in `folder`."""
    settings = Settings(state_dir=folder / "var")
    until = datetime.now(UTC) - timedelta(hours=3)
    since = (until - timedelta(hours=2)).isoformat()
    plates = [f"鲁B{number}" for number in range(LEAST_PLATE, LEAST_PLATE + PLATES, LISTED_EVERY)]
    rows = [TravelRow("a.csv", 2, plate, "", "370211", since, until.isoformat(), "流调") for plate in plates]
    with open_redis(settings) as url, open_keeper(settings, url) as keeper:
        keeper.declare([Declared("370211", "high", source="bench")])
        keeper.import_rows(rows)


@contextlib.contextmanager
def box_at_work(folder: Path, plan: Plan) -> Iterator[tuple[int, int]]:
    """Start `kakou run` with devices alone; yield the endpoint's port, and the id of the process above all of them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "secret").write_text(SECRET)
    devices = "".join(
        f'[[reads.device]]\ndevice_id = "K{n:02d}"\nmaker = "hikvision"\ncheckpoint = "东门"\n'
        f'secret_file = "secret"\nreads_per_s = {plan.reads_per_s}\n'
        for n in range(DEVICES)
    )
    (folder / "kakou.toml").write_text(f'state_dir = "var"\n[reads]\nport = {port}\n{devices}')
    # As a box is installed: a process that may keep no bytecode compiles everything anew at each start.
    unlike = ("REDIS_URL", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in unlike}
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
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@contextlib.contextmanager
def killing(plan: Plan, folder: Path) -> Iterator[list[float]]:
    """Kill each process of the reads in turn with SIGKILL while the context is open; yield when each was killed."""
    killed: list[float] = []
    stop = threading.Event()

    def kill_now_and_then() -> None:
        for number in range(2 * plan.kills):
            if stop.wait(plan.seconds / (2 * plan.kills + 1)):
                return
            _kill(("kakou.box.reads", "kakou.box.arrivals")[number % 2], folder, killed)

    thread = threading.Thread(target=kill_now_and_then)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def _kill(wanted: str, folder: Path, killed: list[float]) -> None:
    """Kill the one at work: beside the endpoint a spare stands by, which listens nowhere."""
    each = psutil.process_iter(["cmdline", "cwd"])
    found = [one for one in each if wanted in (one.info["cmdline"] or []) and one.info["cwd"] == str(folder)]
    if len(found) > 1:
        found = [one for one in found if _listens(one)]
    for process in found:
        killed.append(time.monotonic())
        os.kill(process.pid, signal.SIGKILL)


def _listens(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp"))
    return False


def cpu_s_of(process_id: int) -> dict[str, float]:
    """Return what the two processes of the reads have used, the senders (this process), and the others together."""
    used = {"takes": 0.0, "decides": 0.0, "other": 0.0, "senders": time.process_time()}
    names = {"kakou.box.reads": "takes", "kakou.box.arrivals": "decides", "ocr.decoding_child": "decides"}
    for what, usage in processes_below(process_id).values():
        used[names.get(what, "other")] += usage.cpu_s
    return used


def rows_on_disk(folder: Path) -> OnDisk:
    database = folder / "var" / "reads" / "reads.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as rows:
        count = rows.execute("SELECT count(*) FROM read").fetchone()[0]
        waiting = rows.execute("SELECT count(*) FROM read WHERE is_done = 0").fetchone()[0]
    return OnDisk(count, waiting)


def tell(report: Report, plan: Plan, tally: Tally, killed: list[float], on_disk: OnDisk) -> None:
    count = len(tally.acknowledged)
    report.add_row(
        "reads", asked_per_s=plan.reads_per_s, seconds=plan.seconds, picture_kB=plan.picture_bytes // 1000,
        acknowledged=count, sent_again=tally.sent_again, killed=len(killed), on_disk=on_disk.reads,
        waiting=on_disk.waiting, tries_again=tally.tries_again,
    )  # fmt: skip
    felt = [one for one in tally.sent if any(0 <= one.began_s - at <= KILL_FELT_S for at in killed)]
    apart = set(map(id, felt))
    calm = [one for one in tally.sent if id(one) not in apart]
    for name, some in (("all", tally.sent), (f"within {KILL_FELT_S:g} s of a kill", felt), ("other", calm)):
        report.add_row("milliseconds until acknowledged", tries=name, **_times(some))
    report.add_bar("acknowledged and lost", max(0, count - on_disk.reads), 0, "at most")
    report.add_bar("taken twice", max(0, on_disk.reads - count), 0, "at most")
    report.add_bar("processes killed", len(killed), 2 * plan.kills, "at least")
    if plan == FULL:
        report.add_bar(
            "p99 to 2xx, ms", percentile([one.latency_ms for one in tally.sent], 0.99), MAX_P99_MS, "at most"
        )


def _times(some: list[Sent]) -> dict[str, float | int | None]:
    """Return percentiles of the tries that were taken, and from when each read was due, with all tries before it."""
    if not some:
        return {"count": 0, "p50": None, "p99": None, "p50_since_due": None, "p99_since_due": None}
    latencies, waits = [one.latency_ms for one in some], [one.since_due_ms for one in some]
    return {
        "count": len(some), "p50": percentile(latencies, 0.5), "p99": percentile(latencies, 0.99),
        "p50_since_due": percentile(waits, 0.5), "p99_since_due": percentile(waits, 0.99),
    }  # fmt: skip


if __name__ == "__main__":
    main()
