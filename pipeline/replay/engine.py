"""Runs units of footage on several cores: the same units and results whatever runs them.

Nothing that is shared with the workers has a lock: one that is killed while it holds it would stop all for ever.
"""

import contextlib
import multiprocessing
import os
import signal
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_bool
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from threading import Event, Thread
from typing import Protocol, TypeAlias

import cv2

from pipeline.parent_death import die_with_parent
from pipeline.replay.records import UnitResult
from pipeline.replay.stopwatch import OnProgress
from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import ReplayParts, replay_unit, unreadable

BuildParts: TypeAlias = Callable[[], ReplayParts]
"""Builds what a worker needs, in the worker; must be picklable."""
PROGRESS = struct.Struct("=Idd")
"""Which unit, how far it is and how long. So short that a pipe takes it whole or not at all (POSIX: PIPE_BUF)."""
MAX_DECODER_THREADS = 16
"""FFmpeg's own limit."""


@dataclass(frozen=True, slots=True)
class UnitTask:
    """A unit that has to be done, and the mark its result will carry."""

    unit: ReplayUnit
    fingerprint: str


class ReplayEngine(Protocol):
    """Something that runs units: the local pool, or Ray."""

    def run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        """Yield results as they come, in any order; none for units that `stop` cut off."""
        ...


class _StoppedError(Exception):
    """A worker was told to stop."""


class LocalEngine:
    """A pool of processes on this machine."""

    def __init__(self, build_parts: BuildParts, workers: int) -> None:
        self._build_parts = build_parts
        self._workers = workers

    def run(self, tasks: Sequence[UnitTask], on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        """Yield results as they come. A unit whose worker dies is tried once more alone, then given up."""
        done: set[str] = set()
        try:
            for result in self._run_pool(tasks, self._workers, on_progress, stop):
                done.add(result.fingerprint)
                yield result
        except BrokenProcessPool:
            # Nobody can say which unit killed its worker: run what is left one by one.
            for task in (task for task in tasks if task.fingerprint not in done):
                yield from self._run_alone(task, on_progress, stop)

    def _run_alone(self, task: UnitTask, on_progress: OnProgress, stop: Event) -> Iterator[UnitResult]:
        try:
            yield from self._run_pool([task], 1, on_progress, stop)
        except BrokenProcessPool:
            yield unreadable(task.unit, task.fingerprint, "its worker process died twice", 0.0)

    def _run_pool(
        self, tasks: Sequence[UnitTask], workers: int, on_progress: OnProgress, stop: Event
    ) -> Iterator[UnitResult]:
        context = multiprocessing.get_context("spawn")
        told, tell = context.Pipe(duplex=False)
        os.set_blocking(tell.fileno(), False)  # progress that nobody takes is not waited for
        stop_flag = context.RawValue(c_bool, False)
        listener = Thread(target=_listen, args=(told, tasks, on_progress), daemon=True)
        listener.start()
        watcher = Thread(target=_pass_on_stop, args=(stop, stop_flag), daemon=True)
        watcher.start()
        busy = min(workers, len(tasks)) or 1
        pool = ProcessPoolExecutor(
            max_workers=busy,
            mp_context=context,
            initializer=_start_worker,
            initargs=(self._build_parts, tell, stop_flag, decoder_threads_of(busy)),
        )
        try:
            futures: list[Future[UnitResult | None]] = [
                pool.submit(_work, number, task) for number, task in enumerate(tasks)
            ]
            for future in as_completed(futures):
                result = future.result()
                if result is not None:
                    yield result
        finally:
            stop_flag.value = True
            pool.shutdown(wait=True, cancel_futures=True)
            tell.close()  # the last end of the pipe: it ends the listener
            listener.join()
            told.close()


@dataclass
class _Worker:
    build_parts: BuildParts
    tell: Connection
    stop_flag: c_bool
    decoder_threads: int
    parts: ReplayParts | None = None

    def ready_parts(self) -> ReplayParts:
        """Build on first use and not in the initializer: what goes wrong then reaches the parent as it is."""
        self.parts = self.parts or self.build_parts()
        return self.parts

    def on_progress(self, number: int, _label: str, offset_ms: float, length_ms: float) -> None:
        if self.stop_flag.value:
            raise _StoppedError
        with contextlib.suppress(BlockingIOError):
            self.tell.send_bytes(PROGRESS.pack(number, offset_ms, length_ms))


_workers: list[_Worker] = []
"""The one worker of this process: a pool's initializer can hand over in no other way."""


def decoder_threads_of(workers: int) -> int:
    """Return a worker's share of the cores: a lone one decodes on all of them, many do not fight for them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(1, cores // workers), MAX_DECODER_THREADS)


def use_one_core() -> None:
    """Keep OpenCV's thread pool out of a worker: its threads spin while they wait, on the other workers' cores."""
    cv2.setNumThreads(1)


def _start_worker(build_parts: BuildParts, tell: Connection, stop_flag: c_bool, decoder_threads: int) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_core()
    _workers.append(_Worker(build_parts, tell, stop_flag, decoder_threads))


def _work(number: int, task: UnitTask) -> UnitResult | None:
    worker = _workers[0]
    if worker.stop_flag.value:
        return None
    try:
        on_progress = partial(worker.on_progress, number)
        return replay_unit(task.unit, worker.ready_parts(), task.fingerprint, on_progress, worker.decoder_threads)
    except _StoppedError:
        return None


def _listen(told: Connection, tasks: Sequence[UnitTask], on_progress: OnProgress) -> None:
    with contextlib.suppress(EOFError):
        while True:
            number, offset_ms, length_ms = PROGRESS.unpack(told.recv_bytes())
            on_progress(tasks[number].unit.label, offset_ms, length_ms)


def _pass_on_stop(stop: Event, stop_flag: c_bool) -> None:
    stop.wait()
    stop_flag.value = True
