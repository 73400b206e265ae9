"""Reads that wait for the disk together go with one write, and whoever waits for them is told once."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal
from pipeline.reads.keeping import Keeping
from pipeline.reads.sealed import Sealed
from tests.pipeline_kit import NOON


class SlowJournal(Journal):
    """One whose first write waits until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Seal(bytes(32)))
        self.batches: list[int] = []
        self.began, self.may_go = threading.Event(), threading.Event()

    def keep(self, reads: Sequence[Sealed], now_s: float) -> list[bool]:
        self.batches.append(len(reads))
        self.began.set()
        self.may_go.wait(10)
        return super().keep(reads, now_s)


def arrival(number: int) -> Arrival:
    at = NOON + timedelta(seconds=number)
    return Arrival("K01", at, at, False, SentRead(CameraRead(text="", raw_text="", captured_at=at)))


def test_a_loop_is_woken_once_for_all_that_went_with_one_write_and_who_gave_up_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    journal = SlowJournal(tmp_path / "reads")
    keeping = Keeping(journal, dict)
    woken = [0]

    async def send() -> list[list[bool] | BaseException]:
        loop = asyncio.get_running_loop()
        wake: Callable[..., object] = loop.call_soon_threadsafe

        def counted(*what: object) -> object:
            woken[0] += 1
            return wake(*what)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        first = loop.create_task(keeping.kept([arrival(0)]))
        await asyncio.sleep(0)
        while not journal.began.is_set():
            await asyncio.sleep(0.001)
        others = [loop.create_task(keeping.kept([arrival(number)])) for number in (*range(1, 20), 7)]
        await asyncio.sleep(0.01)
        others[3].cancel()
        journal.may_go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    keeping.start()
    # A browser of another test keeps an event loop in this thread.
    with contextlib.closing(keeping), ThreadPoolExecutor(1) as apart:
        told = apart.submit(asyncio.run, send()).result(30)
        assert keeping.keep([arrival(4), arrival(99)]).result(10) == [False, True], "it was given up, and is on disk"
    assert isinstance(told.pop(4), asyncio.CancelledError)
    assert told == [[True]] * 19 + [[False]]
    assert (journal.batches[:2], woken[0]) == ([1, 20], 2)


def test_the_one_thread_that_writes_seals_nothing_and_what_many_seal_at_once_can_be_read_back(tmp_path: Path):
    sealing: set[str] = set()

    class Watched(Seal):
        def close(self, content: bytes, about: bytes) -> tuple[bytes, bytes]:
            sealing.add(threading.current_thread().name)
            return super().close(content, about)

    journal = Journal(tmp_path / "reads", Watched(bytes(32)))
    keeping = Keeping(journal, dict)

    def send(first: int) -> None:
        for number in range(first, first + 50):
            at = NOON + timedelta(seconds=number)
            read = CameraRead(text="", raw_text="", captured_at=at)
            scene = number.to_bytes(2, "big") * 50_000
            keeping.keep([Arrival("K01", at, at, False, SentRead(read, b"", scene))]).result(20)

    senders = [threading.Thread(target=send, args=(50 * n,), name=f"sender {n}") for n in range(4)]
    keeping.start()
    with contextlib.closing(keeping):
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    assert sealing == {f"sender {n}" for n in range(4)}
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        kept = [each.arrival for each in journal.waiting(0, 300)]
    scenes = sorted(arrival.sent.scene_picture for arrival in kept if arrival is not None)
    assert scenes == [number.to_bytes(2, "big") * 50_000 for number in range(200)]


def test_what_is_sent_again_soon_is_known_here_and_neither_sealed_nor_written(tmp_path: Path):
    sealed_count = [0]

    class Counted(Seal):
        def close(self, content: bytes, about: bytes) -> tuple[bytes, bytes]:
            sealed_count[0] += 1
            return super().close(content, about)

    journal = Journal(tmp_path / "reads", Counted(bytes(32)))
    keeping = Keeping(journal, dict)

    async def send() -> list[list[bool]]:
        first = await keeping.kept([arrival(1)])
        return [first, await keeping.kept([arrival(1)]), await keeping.kept([arrival(1), arrival(2)])]

    keeping.start()
    with contextlib.closing(keeping), ThreadPoolExecutor(1) as apart:
        assert apart.submit(asyncio.run, send()).result(30) == [[True], [False], [False, True]]
    assert sealed_count[0] == 3, "the second message was not sealed"
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        assert journal.waiting_count() == 2
