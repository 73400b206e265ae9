"""Cameras that share readers: who needs a look most has the next one, and none waits for ever."""

import os
import threading
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from kakou.process import BEHIND_OTHERS, give_way
from ocr.types import BgrImage, PlateRead
from pipeline.reading_pool import PATIENCE_S, BehindReader, ReadingPool
from pipeline.types import InView
from tests.pipeline_kit import NOON

PICTURE = np.zeros((4, 4, 3), np.uint8)


def unread() -> InView:
    return InView(is_settled=False, since=NOON)


def settled() -> InView:
    return InView(is_settled=True, since=NOON)


class HeldReader:
    """Reads when the test lets it, and notes whose picture it read: the first point's value."""

    def __init__(self) -> None:
        self.readings: list[int] = []
        self.at_once = self.most_at_once = 0
        self._may = threading.Semaphore(0)
        self._is_reading = threading.Semaphore(0)

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.readings.append(int(image[0, 0, 0]))
        self._is_reading.release()
        assert self._may.acquire(timeout=10)
        self.at_once -= 1
        return []

    def let_one(self) -> None:
        """Wait until it reads, and let it end."""
        assert self._is_reading.acquire(timeout=10)
        self._may.release()


class Cameras:
    """Each asks for so many looks, from a thread of its own, as soon as it had the one before."""

    def __init__(self, in_views: list[InView], looks: int, now: list[float] | None = None) -> None:
        self.reader = HeldReader()
        self._now = now or [0.0]
        self.pool = ReadingPool([self.reader], lambda: self._now[0])
        self._threads = [threading.Thread(target=self._look, args=(0, InView(), 1), daemon=True)]
        self._threads[0].start()
        # The first holds the reader until all the others wait.
        self._waiting_for(lambda: self.reader.readings == [0])
        for number, in_view in enumerate(in_views, 1):
            thread = threading.Thread(target=self._look, args=(number, in_view, looks), daemon=True)
            self._threads.append(thread)
            thread.start()
            self._waiting_for(lambda number=number: len(self.pool._waiting) == number)

    def order(self, looks: int, step_s: float = 0.01) -> list[int]:
        """Let so many looks happen, and return whose they were."""
        for _ in range(looks):
            self._now[0] += step_s
            self.reader.let_one()
        for thread in self._threads:
            thread.join(10)
        return self.reader.readings[1:]

    def _look(self, number: int, in_view: InView, looks: int) -> None:
        reader = self.pool.reader_for(in_view)
        for _ in range(looks):
            reader.read(np.full_like(PICTURE, number))

    @staticmethod
    def _waiting_for(holds: object) -> None:
        until_s = time.monotonic() + 10
        while not holds():  # type: ignore[operator]  # a test's own condition
            assert time.monotonic() < until_s
            time.sleep(0.001)


def test_a_vehicle_that_is_not_read_yet_goes_before_one_that_is_and_that_before_an_empty_road() -> None:
    cameras = Cameras([InView(), settled(), unread()], looks=1)
    assert cameras.order(4) == [3, 2, 1]


def test_an_empty_road_is_looked_at_within_its_patience_however_many_vehicles_wait() -> None:
    cameras = Cameras([InView(), unread()], looks=60)
    order = cameras.order(121, step_s=PATIENCE_S / 10)
    empty = [place for place, number in enumerate(order[:60]) if number == 1]
    assert len(empty) >= 4
    assert max(after - before for before, after in pairwise([0, *empty])) <= 13


def test_looks_go_down_evenly_and_each_reader_serves_one_camera_at_a_time() -> None:
    cameras = Cameras([unread() for _ in range(4)], looks=10)
    order = cameras.order(41)
    assert Counter(order[:20]) == {1: 5, 2: 5, 3: 5, 4: 5}
    assert cameras.reader.most_at_once == 1


class FailingReader:
    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        raise RuntimeError("a model failed")


def test_a_reader_that_failed_for_one_camera_serves_the_others() -> None:
    pool = ReadingPool([FailingReader()])
    for _ in range(3):
        with pytest.raises(RuntimeError, match="a model failed"):
            pool.reader_for(InView()).read(PICTURE)


def test_reading_gives_way_in_a_thread_of_its_own_and_the_camera_thread_keeps_its_priority() -> None:
    class Noting:
        def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
            found.append((threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
            return []

    found: list[tuple[int, int]] = []
    camera, before = threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    reader = ReadingPool([BehindReader(Noting(), give_way)]).reader_for(InView())
    reader.read(PICTURE)
    reader.read(PICTURE)
    assert found == [found[0]] * 2
    assert found[0][0] != camera
    assert found[0][1] >= BEHIND_OTHERS
    assert os.getpriority(os.PRIO_PROCESS, camera) == before


def test_a_failure_in_the_reading_thread_is_the_cameras_who_asked() -> None:
    with pytest.raises(RuntimeError, match="a model failed"):
        BehindReader(FailingReader(), lambda: None).read(PICTURE)
