"""Runs of the replay that the bench measures."""

import os
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kakou.settings import Settings
from kakou.wiring.replay import ReplayPlan
from pipeline.replay.engine import LocalEngine
from pipeline.replay.records import ReplayResult
from pipeline.replay.run import PartStore, replay
from pipeline.replay.units import ReplayUnit

START = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timed:
    """A replay and what it took, the start of its processes included."""

    result: ReplayResult
    wall_s: float
    cpu_s: float
    """Of all its processes: what counts where other work shares the machine."""


def run_replay(folder: Path, clips: Sequence[Path], workers: int) -> Timed:
    settings = Settings(state_dir=folder / "state")
    plan = ReplayPlan(
        settings=settings,
        list_at=START,
        record=folder / "state" / "risk.sqlite",
        described="bench",
        redis_url=None,
        checkpoint="bench",
        emits=False,
        providers=("CPUExecutionProvider",),
    )
    units = [ReplayUnit(clip, f"{number}-{clip.name}", START) for number, clip in enumerate(clips)]
    run = plan.run_record(len(units))
    parts = PartStore(folder / "parts")
    parts.clear()
    started, cpu_before = time.perf_counter(), children_cpu_s()
    engine = LocalEngine(plan.build_parts, workers)
    result = replay(units, run, engine, parts, lambda *_: None, lambda _: None, threading.Event())
    return Timed(result, time.perf_counter() - started, children_cpu_s() - cpu_before)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process and all that it starts meanwhile on one core (Linux)."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
