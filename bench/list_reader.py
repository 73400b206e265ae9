"""A reader of the risk list in a process of its own, and what it saw while the list changed."""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event

from bench.report import percentile
from riskdb.hotset.hotset import LISTED, HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError

KEY = bytes(32)
SETTINGS = RiskSettings(stale_after_s=86_400)


@dataclass(frozen=True, slots=True)
class ReaderNotes:
    """What a reader saw between two moments."""

    lookups: int
    wrong: int
    errors: int
    p99_ms: float
    longest_ms: float


class ListReader:
    """Another process that looks plates up without a pause."""

    def __init__(self, url: str, always: list[bytes], never: list[bytes]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ask = context.Event()
        self._stop = context.Event()
        self._answers: multiprocessing.Queue[ReaderNotes] = context.Queue()
        arguments = (url, always, never, self._ask, self._stop, self._answers)
        self._process = context.Process(target=_read_on, args=arguments)

    def __enter__(self) -> "ListReader":
        self._process.start()
        self.notes()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join()

    def notes(self) -> ReaderNotes:
        """Return what was seen since the last call."""
        self._ask.set()
        return self._answers.get(timeout=60)


def _read_on(
    url: str,
    always: list[bytes],
    never: list[bytes],
    ask: Event,
    stop: Event,
    answers: "multiprocessing.Queue[ReaderNotes]",
) -> None:
    hot_set = patient_hot_set(url)
    expected = bytes([LISTED]) * len(always) + b"0" * len(never)
    latencies, wrong, errors = [], 0, 0
    while not stop.is_set():
        started = time.perf_counter()
        try:
            wrong += hot_set.members([*always, *never]).flags != expected
        except RiskDBError:
            errors += 1
        latencies.append((time.perf_counter() - started) * 1000)
        if ask.is_set():
            ask.clear()
            answers.put(ReaderNotes(len(latencies), wrong, errors, percentile(latencies, 0.99), max(latencies)))
            latencies, wrong, errors = [], 0, 0


def patient_hot_set(url: str) -> HotSet:
    return HotSet(RedisLink(url, 5.0, 5.0), lambda: KEY, SETTINGS)
