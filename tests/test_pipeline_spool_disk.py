"""The spool and the outbox on a disk that is really full, every freed byte taken by another process at once.

Mounting needs root.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.outbox import Outbox
from bench.fault_disk import can_mount, mounted_tmpfs, wait_until_full
from pipeline.types import Passage
from pipeline.walk.spool import Spool
from pipeline.walk.spool_slots import SLOT_BYTES, SpoolSlots
from pipeline.walk.spool_writing import write_in_place
from riskdb.clock import WallClock
from tests.alerts_kit import event
from tests.pipeline_kit import NOON, KeptEvents, ListedPlates, box_at, frames_of, make_screening, screened
from tests.plates import make_read

MIB = 2**20
FILLER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    for size in (65536, 4096, 1):
        try:
            os.write(file, b"x" * size)
        except OSError:
            pass
"""
pytestmark = pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill a disk, by a process that takes every byte which comes free while the context lasts."""
    others = subprocess.Popen([sys.executable, "-c", FILLER, disk / "others"])
    try:
        wait_until_full(disk)
        yield
    finally:
        others.kill()
        others.wait()


def spool_on(disk: Path, reserve_bytes: int) -> Spool:
    clock = WallClock(NOON.timestamp)
    return Spool(disk / "spool", disk / "spool.key", clock, timedelta(hours=24), 64 * MIB, reserve_bytes)


@pytest.fixture(scope="module")
def passage() -> Passage:
    scene = frames_of([[make_read("京A12345", box_at(200, 200))] for _ in range(4)])
    (found,) = screened(scene, make_screening(ListedPlates(is_down=True), KeptEvents()))
    return found


def test_unchecked_passages_fit_on_a_full_disk_and_the_room_of_those_that_were_checked_serves_again(
    tmp_path: Path, passage: Passage
):
    room = 20
    with mounted_tmpfs(tmp_path / "small", 4) as disk:
        spool = spool_on(disk, room * SLOT_BYTES)
        with filled(disk):
            for turn in range(3):
                for _ in range(room):
                    spool.keep(passage)
                found = list(spool.oldest_first())
                assert len(found) == room, f"turn {turn}"
                assert {record.number for _, record, _ in found} == {passage.track.number}
                with pytest.raises(OSError, match="No space"):
                    spool.keep(passage)
                for path, *_ in found:
                    spool.remove(path)
        slots = list((disk / "spool.slots").iterdir())
        assert (len(slots), {slot.read_bytes() for slot in slots}) == (room, {bytes(SLOT_BYTES)}), "nothing stays"
        (disk / "others").unlink()
        assert spool.restore_reserve()


def test_where_the_room_is_used_up_the_oldest_pictures_give_theirs(tmp_path: Path, passage: Passage):
    with mounted_tmpfs(tmp_path / "small", 4) as disk:
        spool = spool_on(disk, 2 * SLOT_BYTES)
        for number in range(3):
            (disk / "spool" / f"20200101T00000{number}-x.pictures").write_bytes(bytes(30_000))
        with filled(disk):
            for _ in range(2 + 3):
                spool.keep(passage)
        assert spool.waiting() == 5
        assert not list((disk / "spool").glob("*.pictures"))


def test_a_passage_that_is_longer_than_a_slot_takes_the_room_of_others(tmp_path: Path):
    with mounted_tmpfs(tmp_path / "small", 4) as disk:
        slots = SpoolSlots(disk / "slots", 4 * SLOT_BYTES)
        assert slots.hold()
        assert slots.take(disk / "long")
        (disk / "others").write_bytes(bytes(shutil.disk_usage(disk).free))
        with pytest.raises(OSError, match="No space"):
            write_in_place(disk / "long", bytes(range(256)) * 96)
        assert slots.give_up_one()
        write_in_place(disk / "long", bytes(range(256)) * 96)
        assert (disk / "long").read_bytes() == bytes(range(256)) * 96


def test_an_outbox_takes_events_while_another_process_eats_every_byte(tmp_path: Path):
    with (
        mounted_tmpfs(tmp_path / "small", 12) as disk,
        Outbox(disk / "outbox.sqlite", reserve_bytes=4 * MIB) as outbox,
        filled(disk),
    ):
        assert all(outbox.append(event(number)) for number in range(300))
        with Outbox(disk / "outbox.sqlite") as other:  # another process opens it on the full disk
            assert all(other.append(event(number)) for number in range(300, 320))
        assert len(outbox.after(0, 1000)) == 320
        outbox.mark_sent(320)
    with mounted_tmpfs(tmp_path / "again", 12) as disk:
        with Outbox(disk / "outbox.sqlite", reserve_bytes=4 * MIB) as outbox:
            outbox.append(event(0))
        with filled(disk), Outbox(disk / "outbox.sqlite", reserve_bytes=4 * MIB) as outbox:
            assert all(outbox.append(event(number)) for number in range(1, 100)), "begun on a full disk"
