"""What a thread asks Linux for, and what Linux then says of it."""

import ctypes
import os
import platform
import struct
import sys
import threading
from pathlib import Path

import pytest

from pipeline.reads import short_turns
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal
from pipeline.reads.keeping import Keeping

known = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in short_turns.NUMBERS, reason="asked of Linux alone"
)


def turn_ns(thread_id: int) -> int:
    """Return how long a turn of a thread is, as far as this Linux says; 0 for its usual one."""
    room = ctypes.create_string_buffer(48)
    number = short_turns.NUMBERS[platform.machine()][1]
    assert ctypes.CDLL(None).syscall(number, thread_id, room, 48, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", room.raw)[5])


def asked() -> tuple[bool, int, int, int]:
    """Return what a thread of its own is told, its turn, and its priority before and after."""
    found: list[tuple[bool, int, int, int]] = []

    def ask() -> None:
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, 7)
        before = os.getpriority(os.PRIO_PROCESS, me)
        is_granted = short_turns.take_short_turns()
        found.append((is_granted, turn_ns(me), before, os.getpriority(os.PRIO_PROCESS, me)))

    (thread := threading.Thread(target=ask)).start()
    thread.join()
    return found[0]


@known
def test_a_thread_gets_short_turns_and_keeps_its_priority():
    is_granted, _, before, after = asked()
    assert (is_granted, before, after) == (True, 7, 7)


@known
def test_the_thread_that_writes_cameras_reads_has_them_and_no_other(tmp_path: Path):
    _, granted_ns, _, _ = asked()  # 0 before Linux 6.12
    keeping = Keeping(Journal(tmp_path / "reads", Seal(bytes(32))), dict)
    keeping.start()
    try:
        keeping.keep([]).result(timeout=10)
        writer = next(thread for thread in threading.enumerate() if thread.name == "journal")
        assert writer.native_id is not None
        assert turn_ns(writer.native_id) == granted_ns
        assert granted_ns in (0, short_turns.TURN_NS)
        assert turn_ns(threading.get_native_id()) != short_turns.TURN_NS
    finally:
        keeping.close()


def test_where_nobody_knows_how_to_ask_nothing_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not short_turns.take_short_turns()
