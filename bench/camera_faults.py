"""What a box does when its camera goes away, again and again, and over hours: parts of `bench.cameras`."""

import argparse
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.camera_box import IS_LOST, IS_THERE, MIB, CameraServer, RunningBox, running_box
from bench.camera_clips import Look, idle, repeated, traffic, write_clip
from bench.process_usage import Sample
from bench.report import Report

QUICK_RETRY = "reopen_min_s = 0.2\nreopen_max_s = 0.4"


def bench_returns(report: Report, options: argparse.Namespace) -> None:
    """Take the camera away in every way, and see how soon it is back."""
    with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
        still = traffic("day_gantry", 1280, 720).empty
        count = 25 * 150
        first = write_clip(Path(folder) / "a.mp4", idle(still, count), Look(1280, 720, 25, 1000))
        small = np.ascontiguousarray(still[::2, ::2])
        second = write_clip(
            Path(folder) / "b.mkv", idle(small, count), Look(640, 360, 25, 800, codec="libx265", b_frames=0)
        )
        server = CameraServer({"cam": first})
        server.start()
        try:
            with running_box(Path(folder), {"cam": server.url("cam")}) as box:
                box.await_said(IS_THERE, 1, 60)
                for what, away_s in (("stopped", 15.0), ("frozen", 25.0), ("401", 15.0), ("codec and size", 5.0)):
                    server.clips["cam"] = second if what == "codec and size" else first
                    back_s = _back_s(box, server, what, away_s)
                    report.add_row("back after return, s", what=what, away_s=away_s, back_s=back_s)
                    report.add_bar(f"{what}: back after return, s", back_s, 10.0, "at most")
            server.clips["cam"] = first
            server.kill()
            server.start()
            (Path(folder) / "again").mkdir()
            with running_box(Path(folder) / "again", {"cam": server.url("cam")}, QUICK_RETRY) as box:
                _reconnect(report, options.reconnects, box, server)
        finally:
            server.kill()


def _back_s(box: RunningBox, server: CameraServer, what: str, away_s: float) -> float:
    """Take the camera away for a while; return how long after its return its pictures are there (steadily)."""
    gone = time.monotonic()
    if what == "frozen":
        server.send(signal.SIGSTOP)
    else:
        server.kill()
        if what == "401":
            server.start("--auth")
    box.await_said(IS_LOST, 1, 60, gone)
    box.closing.wait(max(0.0, gone + away_s - time.monotonic()))
    if what == "frozen":
        server.send(signal.SIGCONT)
    else:
        server.kill()
        server.start()
    returned = time.monotonic()
    return box.await_said(IS_THERE, 1, 60, returned) - returned


def _reconnect(report: Report, count: int, box: RunningBox, server: CameraServer) -> None:
    """Drop the connection again and again; what the box holds must not grow."""
    box.await_said(IS_THERE, 1, 60)
    first = None
    for number in range(count):
        since = time.monotonic()
        server.send(signal.SIGUSR1)
        box.await_said(IS_LOST, 1, 60, since)
        box.await_said(IS_THERE, 1, 60, since)
        if number == min(20, count // 2):
            first = box.sample()
    last = box.sample()
    if first is None:
        raise ValueError("no reconnects")
    for what, before, after in (
        ("descriptors", first.descriptors, last.descriptors),
        ("processes", len(first.processes), len(last.processes)),
        ("RSS, MiB", round(first.rss_kib / MIB), round(last.rss_kib / MIB)),
    ):
        report.add_row(f"{count} reconnects", what=what, before=before, after=after)
    report.add_bar(f"{count} reconnects: descriptors more", last.descriptors - first.descriptors, 2, "at most")
    report.add_bar("processes more", len(last.processes) - len(first.processes), 0, "at most")
    report.add_bar("RSS more, MiB", (last.rss_kib - first.rss_kib) / MIB, 5, "at most")


def bench_soak(report: Report, options: argparse.Namespace) -> None:
    """Run for long, the connection dropped every minute; how fast does each process grow?"""
    minutes = options.soak_minutes
    with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
        one = traffic("day_gantry", 1280, 720)
        clip = write_clip(Path(folder) / "a.mp4", repeated(one, 20, 7, 2.0), Look(1280, 720, 20, 1500, has_clock=True))
        server = CameraServer({"cam": clip})
        server.start()
        try:
            with running_box(Path(folder), {"cam": server.url("cam")}) as box:
                box.await_said(IS_THERE, 1, 60)
                drop_s = min(60.0, 60.0 * minutes / 5)
                for _ in range(round(60 * minutes / drop_s)):
                    for _ in range(4):
                        box.closing.wait(drop_s / 4)
                        box.sample()
                    server.send(signal.SIGUSR1)
        finally:
            server.kill()
    _report_growth(report, minutes, box.samples[len(box.samples) // 4 :])
    report.add_row(f"soak, {minutes:g} min", process="passages", passages=len(box.passages))


def _report_growth(report: Report, minutes: float, settled: list[Sample]) -> None:
    """Tell how fast each process that lived through it all has grown, and its pages of files apart."""
    hours = [sample.at_s / 3600 for sample in settled]
    for pid, (what, _) in settled[-1].processes.items():
        if any(pid not in sample.processes for sample in settled):
            continue
        rss_mib = np.array([sample.processes[pid][1].rss_kib for sample in settled]) / MIB
        file_mib = np.array([sample.processes[pid][1].file_kib for sample in settled]) / MIB
        slope, files_slope = (float(np.polyfit(hours, mib, 1)[0]) for mib in (rss_mib, file_mib))
        report.add_row(
            f"soak, {minutes:g} min",
            process=what,
            rss_mib=float(rss_mib[-1]),
            mib_per_h=slope,
            files_mib_per_h=files_slope,
            sixths_mib=" ".join(f"{np.mean(part):.1f}" for part in np.array_split(rss_mib, 6)),
        )
        if minutes >= 60:
            report.add_bar(f"soak: {what} grows by MiB an hour", slope, 2.0, "at most")
