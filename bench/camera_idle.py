"""What a camera before an empty road costs: a part of `bench.cameras`."""

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from bench.camera_box import IS_THERE, CameraServer, running_box
from bench.camera_clips import END_S, Look, settled, traffic, with_noise, write_clip
from bench.report import Report

SETTLING_S, SPARE_S = 6.0, 12.0
END_EARLY = 2
"""A clock must be found, and sizes be known, before vehicles pass."""
SUB_STREAM = Look(640, 360, 25, kbit_per_s=512, has_clock=True, b_frames=0)


class IdleCamera(NamedTuple):
    """One kind of idle camera."""

    has_clock: bool
    b_frames: int
    quality: int | None = None
    """Where its rate may vary."""
    has_sub_stream: bool = False


IDLE = (
    IdleCamera(True, 0),
    IdleCamera(True, 0, 27),
    IdleCamera(True, 2),
    IdleCamera(False, 2),
    IdleCamera(True, 0, has_sub_stream=True),
)


def bench_idle(report: Report, options: argparse.Namespace) -> None:
    """Measure one camera whose road is empty after some traffic; the share of a core of all the box's processes."""
    one = traffic("day_gantry", 1920, 1080)
    passing = settled(one, 25)
    for camera in (IDLE[kind] for kind in options.idle_kinds):
        look = Look(1920, 1080, 25, has_clock=camera.has_clock, b_frames=camera.b_frames, quality=camera.quality)
        rate = "4 Mb/s" if camera.quality is None else "a rate that follows the picture"
        name = f"idle 1080p25 at {rate}, {'with' if look.has_clock else 'without'} clock, {look.b_frames} B pictures"
        name += ", with a sub-stream" if camera.has_sub_stream else ""
        with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
            pictures = [*passing, *[one.empty] * round(25 * END_S)]
            end_again = math.ceil((options.idle_s + SETTLING_S + SPARE_S) / END_S)
            clips = {"idle": write_clip(Path(folder) / "idle.mp4", with_noise(pictures), look, end_again, END_EARLY)}
            if camera.has_sub_stream:
                small = (np.asarray(cv2.resize(each, (640, 360)), np.uint8) for each in with_noise(pictures))
                clips["sub"] = write_clip(Path(folder) / "sub.mp4", small, SUB_STREAM, end_again, END_EARLY)
            server = CameraServer(clips)
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
    gate_lines = f"[pipeline.gate]\n{gate}" if gate else ""
    sub_streams = {"idle": server.url("sub")} if "sub" in server.clips else {}
    with running_box(own, {"idle": server.url("idle")}, gate_lines, sub_streams=sub_streams) as box:
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
