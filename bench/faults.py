"""What happens to flagged events when things die, fill up or go slow: `python -m bench.faults [PART...]`.

Real processes, real kills, real file systems. The bars are those of the project's events promise: nothing flagged is
lost, nothing is applied twice.
"""

import argparse
import contextlib
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from bench.fault_disk import can_mount, cut_power, fill_disk, random_moment_s
from bench.fault_rig import PARTS, FaultRig
from bench.fault_speed import drain_backlog, measure_latency, redis_outage
from bench.report import Report, bench_options, percentile

messages = Console(stderr=True)


def bench_kills(report: Report, options: argparse.Namespace) -> None:
    """kill -9 of each process at random moments while events flow."""
    with _kept_on_failure() as folder, FaultRig(folder, options.events_per_s) as rig:
        rig.start(*PARTS)
        rig.wait_until(lambda: bool(rig.received()), 60, "the first delivery")
        for part in options.processes:
            recoveries = [kill_once(rig, part) for _ in track(range(options.kills), part, console=messages)]
            report.add_row(
                "kill -9",
                process=part,
                kills=len(recoveries),
                recovery_p50_s=percentile(recoveries, 0.5),
                recovery_max_s=max(recoveries),
            )
        rig.stop("writer")
        rig.wait_until(lambda: not rig.missing(), 120, "every acknowledged event at the receiver")
        acknowledged, received = rig.acknowledged(), rig.received()
        report.add_row(
            "kill -9, total",
            acknowledged=len(set(acknowledged)),
            arrived=len(received),
            lost=len(rig.missing()),
            applied_twice=len(rig.applied_twice()),
        )
        report.add_bar("events lost over all kills", len(rig.missing()), 0, "at most")
        report.add_bar("events applied twice over all kills", len(rig.applied_twice()), 0, "at most")


@contextlib.contextmanager
def _kept_on_failure() -> Iterator[Path]:
    """Yield a folder that stays when the bench fails: its logs say why."""
    folder = Path(tempfile.mkdtemp(prefix="kakou-faults-"))
    yield folder
    shutil.rmtree(folder)


def kill_once(rig: FaultRig, part: str) -> float:
    """Kill a process at a random moment and start it again.

    Return the seconds from then until an event acknowledged after it has arrived.
    """
    threading.Event().wait(random.uniform(0.05, 0.8))
    rig.kill(part)
    threading.Event().wait(random.uniform(0.0, 0.5))
    before = len(rig.acknowledged())
    started = time.monotonic()
    rig.start(part)
    rig.wait_until(lambda: len(rig.acknowledged()) > before, 60, "another event")
    awaited = rig.acknowledged()[-1]
    rig.wait_until(lambda: rig.has_received(awaited), 90, f"recovery after killing {part}")
    return time.monotonic() - started


def bench_outage(report: Report, options: argparse.Namespace) -> None:
    """The backlog of 10 minutes without Redis at 5 events/s."""
    with tempfile.TemporaryDirectory() as folder, FaultRig(Path(folder)) as rig:
        took_s, in_order = redis_outage(rig, options.backlog)
    report.add_row("Redis down", waiting=options.backlog, to_receiver_s=took_s, camera_order_kept=str(in_order))
    report.add_bar("seconds to drain the outage's backlog to the receiver", took_s, 60, "at most")
    report.add_bar("order kept per camera", float(in_order), 1, "at least")


def bench_drain(report: Report, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, FaultRig(Path(folder)) as rig:
        drain = drain_backlog(rig, options.drain)
    report.add_row(
        "drain",
        events=drain.events,
        outbox_to_stream_per_s=drain.events / drain.relay_s,
        stream_to_acked_group_per_s=drain.events / drain.group_s,
    )
    report.add_bar("events/s from outbox to stream", drain.events / drain.relay_s, 2000, "at least")
    report.add_bar("events/s from stream to an acked group", drain.events / drain.group_s, 2000, "at least")


def bench_latency(report: Report, options: argparse.Namespace) -> None:
    """From the outbox to the webhook at 50 events/s."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, FaultRig(Path(folder)) as rig:
        measured = measure_latency(rig, options.latency_events, 50.0)
    figures = {
        "this disk's fsync": measured.fsync_ms,
        "outbox commit": measured.commit_ms,
        "to the receiver": measured.delivered_ms,
    }
    for name, values in figures.items():
        p50, p95, p99 = (percentile(values, share) for share in (0.5, 0.95, 0.99))
        report.add_row("latency at 50 events/s, ms", what=name, n=len(values), p50=p50, p95=p95, p99=p99)
    report.add_bar("outbox commit p99, ms", percentile(measured.commit_ms, 0.99), 50, "at most")
    report.add_bar("event to first webhook attempt p99, ms", percentile(measured.delivered_ms, 0.99), 500, "at most")


def bench_powercut(report: Report, options: argparse.Namespace) -> None:
    if not can_mount():
        messages.print("power cut: skipped, mounting needs root")
        return
    for synchronous in ("FULL", "NORMAL"):
        lost = []
        for _ in range(options.cuts):
            with tempfile.TemporaryDirectory() as folder:
                cut = cut_power(Path(folder), run_s=random_moment_s(), synchronous=synchronous)
            lost.append(cut.lost)
            report.add_row("power cut", synchronous=synchronous, acknowledged=cut.acknowledged, lost=cut.lost)
        if synchronous == "FULL":
            report.add_bar("acknowledged events lost in a power cut", sum(lost), 0, "at most")


def bench_diskfull(report: Report, options: argparse.Namespace) -> None:
    if not can_mount():
        messages.print("disk full: skipped, mounting needs root")
        return
    with tempfile.TemporaryDirectory() as folder:
        full = fill_disk(Path(folder), disk_mib=64, reserve_mib=16, wanted=options.full_events)
    kept = full.kept + full.kept_after_reopening
    report.add_row(
        "disk full",
        wanted=options.full_events,
        kept=kept,
        pictures_refused=str(full.pictures_refused),
        reserve_back=str(full.recovered),
    )
    report.add_bar("share of events kept on a full disk", kept / options.full_events, 1, "at least")


BENCHES: dict[str, Callable[[Report, argparse.Namespace], None]] = {
    "kills": bench_kills,
    "outage": bench_outage,
    "drain": bench_drain,
    "latency": bench_latency,
    "powercut": bench_powercut,
    "diskfull": bench_diskfull,
}


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("parts", nargs="*", default=list(BENCHES), metavar="PART", help=", ".join(BENCHES))
    parser.add_argument("--kills", type=int, default=50, help="kills of each process")
    parser.add_argument("--processes", nargs="+", choices=PARTS, default=PARTS, help="which processes are killed")
    parser.add_argument("--events-per-s", type=float, default=5.0)
    parser.add_argument("--backlog", type=int, default=3000, help="events that wait for Redis")
    parser.add_argument("--drain", type=int, default=100_000, help="events that wait in the outbox")
    parser.add_argument("--latency-events", type=int, default=3000)
    parser.add_argument("--cuts", type=int, default=5, help="power cuts")
    parser.add_argument("--full-events", type=int, default=2000, help="events on the full disk")
    parser.add_argument("--folder", type=Path, help="where the latency bench writes; the system's temporary folder")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(BENCHES):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    report = Report("Faults: flagged events through kills, outages, full disks and power cuts")
    for part in options.parts:
        messages.print(f"[bold]{part}[/bold]")
        BENCHES[part](report, options)
    report.finish(options)


if __name__ == "__main__":
    main()
