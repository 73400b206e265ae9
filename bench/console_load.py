"""What a city does to a console: cameras that report, people who take steps, and what its process needs for both."""

import itertools
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

import httpx
import psutil
import redis

from alerts.box_status import BoxStatus, HourCount, StatusBoard
from bench.report import percentile
from console.web.access import COOKIE

CAMERAS_A_PLACE = 4
_HOURS = 24


@dataclass(slots=True)
class Load:
    """What ran beside the events."""

    reports: int = 0
    steps_s: list[float] = field(default_factory=list)
    refused: int = 0
    """Steps that were not taken."""


@contextmanager
def working(*jobs: threading.Thread, stop: threading.Event) -> Iterator[None]:
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        stop.set()
        for job in jobs:
            job.join()


def report_for_ever(client: "redis.Redis", cameras: int, every_s: float, load: Load, stop: threading.Event) -> None:
    """Let each camera report every `every_s`, evenly spread, with counters that grow."""
    board, start = StatusBoard(client), time.monotonic()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    past = tuple(HourCount(hour=hour - timedelta(hours=ago), clear=900, flagged=9) for ago in range(_HOURS - 1, 0, -1))
    for number in itertools.count():
        if stop.wait(max(0.0, start + number * every_s / cameras - time.monotonic())):
            return
        turn, camera = divmod(number, cameras)
        now = datetime.now(UTC)
        board.report(
            BoxStatus(
                camera_id=f"cam-{camera}", checkpoint=place_of(camera), box=f"盒{camera // CAMERAS_A_PLACE}",
                reported_at=now, fps=25.0, last_read_at=now, list_version=7, list_age_s=3.0, list_count=100_000,
                unchecked_waiting=0, outbox_pending=0, redis_ok=True, clock_offset_s=0.1, watched_since=hour,
                hours=(*past, HourCount(hour=hour, clear=turn)),
            )
        )  # fmt: skip
        load.reports += 1


def place_of(camera: int) -> str:
    return f"{camera // CAMERAS_A_PLACE + 1}号卡口"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person takes steps, and how often."""

    address: str
    cookie: str
    csrf: str
    every_s: float
    cases: int


@contextmanager
def stepping(desk: Desk, load: Load) -> Iterator[None]:
    """Let a person take steps, in a process of his own: the screens' work in this one is none of his waiting."""
    spawn = multiprocessing.get_context("spawn")
    stop, (ours, theirs) = spawn.Event(), spawn.Pipe()
    person = spawn.Process(target=_step_for_ever, args=(desk, theirs, stop))
    person.start()
    try:
        yield
    finally:
        stop.set()
        load.steps_s, load.refused = ours.recv()
        person.join()


def _step_for_ever(desk: Desk, answers: Connection, stop: Event) -> None:
    """Confirm one case after the other, as a person at the desk does, and time each."""
    headers = {"cookie": f"{COOKIE}={desk.cookie}", "x-csrf-token": desk.csrf}
    took_s, refused = list[float](), 0
    with httpx.Client(base_url=desk.address, headers=headers, timeout=30) as http:
        for case_id in range(1, desk.cases + 1):
            if stop.wait(desk.every_s):
                break
            started = time.monotonic()
            answer = http.post(f"/screen/cases/{case_id}/step", json={"action": "confirm"})
            took_s.append(time.monotonic() - started)
            refused += answer.status_code != 200
    answers.send((took_s, refused))


@dataclass(slots=True)
class Usage:
    """Of one process, over the run."""

    process: psutil.Process
    began: float = field(default_factory=time.monotonic)
    cpu_before: float = 0.0
    rss_mib: list[float] = field(default_factory=list)
    cores: float = 0.0
    """That it used on average, until the last look."""

    def begin(self) -> None:
        self.began, self.cpu_before = time.monotonic(), self._cpu_s()

    def look(self) -> None:
        self.rss_mib.append(self.process.memory_info().rss / 2**20)
        self.cores = (self._cpu_s() - self.cpu_before) / max(1e-9, time.monotonic() - self.began)

    def growth_mib(self) -> float:
        """Return how much more it holds at the end than after a quarter of the run."""
        quarter = max(1, len(self.rss_mib) // 4)
        early, late = self.rss_mib[quarter : 2 * quarter] or self.rss_mib, self.rss_mib[-quarter:]
        return percentile(late, 0.5) - percentile(early, 0.5)

    def _cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)
