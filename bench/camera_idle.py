"""What a camera before an empty road costs: a part of `bench.cameras`."""

import argparse
import itertools
import math
import tempfile
import time
from pathlib import Path

from bench.camera_box import IS_THERE, CameraServer, running_box
from bench.camera_clips import END_S, Look, settled, traffic, with_noise, write_clip
from bench.report import Report

SETTLING_S, SPARE_S = 6.0, 12.0
END_EARLY = 2
"""A clock must be found, and sizes be known, before vehicles pass."""
IDLE = ((True, 0, None), (True, 0, 27), (True, 2, None), (False, 2, None))
"""Of each idle camera: whether it writes a clock, how many B pictures, what quality where its rate may vary."""


def bench_idle(report: Report, options: argparse.Namespace) -> None:
    """Measure one camera whose road is empty after some traffic; the share of a core of all the box's processes."""
    one = traffic("day_gantry", 1920, 1080)
    passing = settled(one, 25)
    for has_clock, b_frames, quality in (IDLE[kind] for kind in options.idle_kinds):
        look = Look(1920, 1080, 25, has_clock=has_clock, b_frames=b_frames, quality=quality)
        rate = "4 Mb/s" if quality is None else "a rate that follows the picture"
        name = f"idle 1080p25 at {rate}, {'with' if has_clock else 'without'} clock, {b_frames} B pictures"
        with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
            pictures = itertools.chain(passing, itertools.repeat(one.empty, round(25 * END_S)))
            end_again = math.ceil((options.idle_s + SETTLING_S + SPARE_S) / END_S)
            clip = write_clip(Path(folder) / "idle.mp4", with_noise(pictures), look, end_again, END_EARLY)
            server = CameraServer({"idle": clip})
            for gate in options.idle_gate:
                server.start()
                try:
                    _measure_idle(
                        report, options, Path(folder), server, name, gate, END_S * END_EARLY + len(passing) / 25
                    )
                finally:
                    server.kill()


def _measure_idle(
    report: Report,
    options: argparse.Namespace,
    folder: Path,
    server: CameraServer,
    name: str,
    gate: str,
    passing_s: float,
) -> None:
    own = folder / (gate or "default").replace(" ", "")
    own.mkdir()
    with running_box(own, {"idle": server.url("idle")}, f"[pipeline.gate]\n{gate}" if gate else "") as box:
        box.await_said(IS_THERE, 1, 60)
        box.closing.wait(passing_s + SETTLING_S)
        parts = {pid: usage.cpu_s for pid, (_, usage) in box.sample().processes.items()}
        started, cpu = time.monotonic(), box.cpu_s()
        box.closing.wait(options.idle_s)
        share = (box.cpu_s() - cpu) / (time.monotonic() - started)
        shares = {
            what.rpartition(".")[2]: (usage.cpu_s - parts.get(pid, 0.0)) / options.idle_s
            for pid, (what, usage) in box.sample().processes.items()
        }
    looks = box.statuses[-1].looks_per_s if box.statuses else None
    report.add_row(
        "idle", what=name, gate=gate, core_share=share, looks_per_s=looks, passages=len(box.passages), **shares
    )
    if not gate:
        report.add_bar(f"{name}: share of a core", share, 0.15, "at most")
