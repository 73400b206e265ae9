"""Runs units of footage on a Ray cluster: many machines or GPUs, the same units and results as the local pool.

Needs the extra `ray`. Every node must see the footage and the state folder under the same paths.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
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
MAX_FAILURES = 5
"""Workers that could not start, one after the other."""
INSTALL = "引擎 ray 需要 Ray：在 kakou 的文件夹里运行 .venv/bin/python -m pip install -e '.[ray]'"


class RayEngine:
    """Actors on a cluster (RAY_ADDRESS), or on this machine when there is none."""

    def __init__(
        self, build_parts: BuildParts, workers: int, gpus_per_worker: float = 0.0, ray: ModuleType | None = None
    ) -> None:
        """`ray`: the library; None imports it. Raises SourceError when Ray is not installed."""
        self._build_parts = build_parts
        self._workers = workers
        self._gpus_per_worker = gpus_per_worker
        self._ray = ray or _import_ray()

    def run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        """Yield results as they come; progress is reported unit by unit.

        A unit whose worker was lost, with its machine perhaps, is given to another one once more, then given up.
        """
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
        actor = ray.remote(num_cpus=1, num_gpus=self._gpus_per_worker)(RayWorker)
        crew = _Crew(ray, lambda: actor.remote(self._build_parts), min(self._workers, len(tasks)))
        waiting = list(reversed(tasks))
        running: dict[Any, tuple[Any, UnitTask]] = {}
        lost: set[str] = set()
        while (waiting or running) and not stop.is_set():
            while crew.idle and waiting:
                worker, task = crew.idle.pop(), waiting.pop()
                running[worker.work.remote(task)] = (worker, task)
            done, _ = ray.wait([*running, *crew.coming], num_returns=1, timeout=POLL_S)
            for reference in done:
                if reference in crew.coming:
                    crew.welcome(reference)
                    continue
                worker, task = running.pop(reference)
                try:
                    result = UnitResult.model_validate_json(ray.get(reference))
                    crew.idle.append(worker)
                except ray.exceptions.RayActorError:
                    crew.call()
                    if task.fingerprint not in lost:
                        lost.add(task.fingerprint)
                        waiting.insert(0, task)  # behind all others: a unit that kills its worker holds up none
                        continue
                    result = unreadable(task.unit, task.fingerprint, "its worker process died twice", 0.0)
                on_progress(task.unit.label, result.video.duration_ms, result.video.duration_ms)
                yield result


class _Crew:
    """Workers that are there, and those that are called and come where there is room for them.

    A worker that was lost, with its machine perhaps, is replaced and never waited for: the others go on.
    """

    def __init__(self, ray: ModuleType, hire: Callable[[], Any], size: int) -> None:
        self._ray = ray
        self._hire = hire
        self._failures = 0
        self.idle: list[Any] = []
        self.coming: dict[Any, Any] = {}
        """By what tells that it is there."""
        for _ in range(size):
            self.call()

    def call(self) -> None:
        worker = self._hire()
        self.coming[worker.is_ready.remote()] = worker

    def welcome(self, reference: Any) -> None:
        """Take a worker in. Raises SourceError where one after the other could not start."""
        worker = self.coming.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                raise SourceError(f"Ray 的工作进程启动不了：{error}") from error
            self.call()
        else:
            self._failures = 0
            self.idle.append(worker)


class RayWorker:
    """One worker process on some node."""

    def __init__(self, build_parts: BuildParts) -> None:
        use_one_core()
        self._parts: ReplayParts = build_parts()

    def is_ready(self) -> bool:
        return True

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
