"""Writes reads to disk for many senders at once: whoever waits while the disk works goes along with the next write."""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.reads.arrival import Arrival
from pipeline.reads.journal import Journal
from pipeline.reads.sealed import Sealed
from pipeline.reads.short_turns import take_short_turns

MOST_AT_ONCE = 64
REMEMBERED = 10_000
"""Reads that are known to be on disk: one of them that is sent again soon is neither sealed nor looked for."""
STATES_EVERY_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    reads: Sequence[Sealed]
    answer: "Future[list[bool]] | asyncio.Future[list[bool]]"
    loop: asyncio.AbstractEventLoop | None = None
    """Whose future the answer is."""


_Answer: TypeAlias = list[bool] | OSError | sqlite3.Error


class Keeping:
    """One thread that owns the journal's writing side."""

    def __init__(self, journal: Journal, states: Callable[[], Mapping[str, str]]) -> None:
        """`states`: what is to be written down of each device, every second."""
        self._journal = journal
        self._states = states
        self._said: dict[str, str] = {}
        self._on_disk: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        """Device and key of the last ones that a coroutine was told of. Of its loop's thread."""
        self._wanted: queue.SimpleQueue[_Wanted | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal")

    def start(self) -> None:
        self._thread.start()

    def keep(self, arrivals: Sequence[Arrival]) -> "Future[list[bool]]":
        """Return what says, once they are on disk, which of them are new; it raises OSError or sqlite3.Error."""
        is_new: Future[list[bool]] = Future()
        self._wanted.put(_Wanted(self._journal.sealed(arrivals), is_new))
        return is_new

    async def kept(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """`keep` for the coroutines of one loop, which is woken once for all of its reads that went with one write."""
        names = [(arrival.device_id, arrival.key()) for arrival in arrivals]
        if all(name in self._on_disk for name in names):
            return [False] * len(names)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[bool]] = loop.create_future()
        self._wanted.put(_Wanted(self._journal.sealed(arrivals), answer, loop))
        is_new = await answer
        self._on_disk.update(dict.fromkeys(names))
        while len(self._on_disk) > REMEMBERED:
            self._on_disk.popitem(last=False)
        return is_new

    def close(self) -> None:
        """Write what was asked for, and the devices' states; then close the journal."""
        self._wanted.put(None)
        self._thread.join()

    def _run(self) -> None:
        take_short_turns()  # who receives works without a break, and so does who decides: cameras waited for both
        self._journal.begin_writing()
        states_at_s, is_ending = 0.0, False
        while not is_ending:
            batch, is_ending = self._batch()
            if batch:
                self._write(batch)
            now_s = time.monotonic()
            if is_ending or now_s - states_at_s >= STATES_EVERY_S:
                states_at_s = now_s
                self._write_states()
        self._journal.close()

    def _batch(self) -> tuple[list[_Wanted], bool]:
        """Return what waits to be written, and whether it is the last."""
        batch: list[_Wanted] = []
        try:
            while len(batch) < MOST_AT_ONCE:
                wanted = self._wanted.get(timeout=0.0 if batch else STATES_EVERY_S)
                if wanted is None:
                    return batch, True
                batch.append(wanted)
        except queue.Empty:
            pass
        return batch, False

    def _write(self, batch: list[_Wanted]) -> None:
        reads = [read for wanted in batch for read in wanted.reads]
        answers: list[_Answer]
        try:
            is_new = iter(self._journal.keep(reads, time.monotonic()))
            answers = [[next(is_new) for _ in wanted.reads] for wanted in batch]
        except (OSError, sqlite3.Error) as error:
            log.error("reads cannot be kept, their cameras will send them again: %s", error)
            answers = [error] * len(batch)
        _tell(batch, answers)

    def _write_states(self) -> None:
        try:
            self._journal.rest(time.monotonic())
            states = self._states()
            if changed := {device_id: said for device_id, said in states.items() if self._said.get(device_id) != said}:
                self._journal.say_of(changed)
                self._said |= changed
        except (OSError, sqlite3.Error) as error:
            log.warning("the state of the devices cannot be written down: %s", error)


def _tell(batch: Sequence[_Wanted], answers: Sequence[_Answer]) -> None:
    """Answer those who wait."""
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Wanted, _Answer]]] = {}
    for wanted, answer in zip(batch, answers, strict=True):
        if wanted.loop is None:
            _answer(wanted, answer)
        else:
            of_loop.setdefault(wanted.loop, []).append((wanted, answer))
    for loop, pairs in of_loop.items():
        with contextlib.suppress(RuntimeError):  # it has ended meanwhile, and nobody waits there
            loop.call_soon_threadsafe(_answer_all, pairs)


def _answer_all(pairs: Sequence[tuple[_Wanted, _Answer]]) -> None:
    for wanted, answer in pairs:
        if not wanted.answer.done():  # whoever waited may have gone
            _answer(wanted, answer)


def _answer(wanted: _Wanted, answer: _Answer) -> None:
    if isinstance(answer, list):
        wanted.answer.set_result(answer)
    else:
        wanted.answer.set_exception(answer)
