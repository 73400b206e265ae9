"""Runs units of footage on a Ray cluster: many machines or GPUs, the same units and results as the local pool.

Needs the extra `ray`. Every node must see the footage and the state folder under the same paths.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

from pipeline.errors import SourceError
from pipeline.replay.engine import BuildParts, UnitTask, use_one_core
from pipeline.replay.records import UnitResult
from pipeline.replay.stopwatch import OnProgress
from pipeline.replay.worker import ReplayParts, replay_unit, unreadable

POLL_S = 0.5
INSTALL = "the engine ray needs Ray: in kakou's folder: .venv/bin/python -m pip install -e '.[ray]'"


class RayEngine:
    """Actors on a cluster (RAY_ADDRESS), or on this machine when there is none."""

    def __init__(self, build_parts: BuildParts, workers: int, gpus_per_worker: float = 0.0) -> None:
        """Raises SourceError when Ray is not installed."""
        self._build_parts = build_parts
        self._workers = workers
        self._gpus_per_worker = gpus_per_worker
        self._ray = _import_ray()

    def run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        """Yield results as they come; progress is reported unit by unit."""
        ray = self._ray
        is_ours = not ray.is_initialized()
        if is_ours:
            address = os.environ.get("RAY_ADDRESS")
            cores = {} if address else {"num_cpus": self._workers}
            environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)}}
            ray.init(address=address, runtime_env=environment, log_to_driver=False, **cores)
        try:
            yield from self._run(tasks, on_progress, stop)
        finally:
            if is_ours:
                ray.shutdown()

    def _run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        ray = self._ray
        actor = ray.remote(num_cpus=1, num_gpus=self._gpus_per_worker, max_restarts=-1)(RayWorker)
        idle = [actor.remote(self._build_parts) for _ in range(min(self._workers, len(tasks)))]
        waiting = list(reversed(tasks))
        running: dict[Any, tuple[Any, UnitTask]] = {}
        while (waiting or running) and not stop.is_set():
            while idle and waiting:
                worker, task = idle.pop(), waiting.pop()
                running[worker.work.remote(task)] = (worker, task)
            done, _ = ray.wait(list(running), num_returns=1, timeout=POLL_S)
            for reference in done:
                worker, task = running.pop(reference)
                idle.append(worker)
                try:
                    result = UnitResult.model_validate_json(ray.get(reference))
                except ray.exceptions.RayActorError:
                    result = unreadable(task.unit, task.fingerprint, "its worker process died", 0.0)
                on_progress(task.unit.label, result.video.duration_ms, result.video.duration_ms)
                yield result


class RayWorker:
    """One worker process on some node."""

    def __init__(self, build_parts: BuildParts) -> None:
        use_one_core()
        self._parts: ReplayParts = build_parts()

    def work(self, task: UnitTask) -> str:
        """Return the unit's result as JSON."""
        return replay_unit(task.unit, self._parts, task.fingerprint, lambda *_: None).model_dump_json()


def silence_ray() -> None:
    """Ray reports its usage to its makers unless this is set before its import."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def _import_ray() -> ModuleType:
    silence_ray()
    try:
        importlib.import_module("ray.exceptions")
        return importlib.import_module("ray")
    except ImportError as error:
        raise SourceError(INSTALL) from error
