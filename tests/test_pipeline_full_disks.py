"""Disks that are full, and what lies on them damaged: no vehicle is forgotten for it."""

import errno
import itertools
import os
import sqlite3
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.box_status import HourCount
from alerts.set_aside import losses
from kakou.box.counts import save_counts
from kakou.box.group import LineWriter
from kakou.box.monitor import HourCounter
from pipeline.types import FrameReads, Passage, ScreeningCounts, SightLost
from pipeline.walk.flagging import Flagging
from pipeline.walk.spool import Spool
from pipeline.walk.spool_slots import SLOT_BYTES
from riskdb.clock import WallClock
from tests.pipeline_kit import (
    ID_KEY,
    NOON,
    KeptEvents,
    KeptPassages,
    ListedPlates,
    box_at,
    frames_of,
    make_screening,
    make_spool,
    screened,
)
from tests.plates import make_read
from tests.test_pipeline_live import Camera, camera  # noqa: F401  a fixture is used by its name


def standing(text: str, looks: int) -> list[FrameReads]:
    return list(frames_of([[make_read(text, box_at(200, 200))] for _ in range(looks)]))


def passages(reads: list[FrameReads | SightLost], *listed: str) -> list[Passage]:
    return list(screened(reads, make_screening(ListedPlates(*listed), KeptEvents())))


class FullDisk(KeptEvents):
    def has_room_for_pictures(self) -> bool:
        return False


def test_without_room_pictures_are_dropped_and_the_event_is_kept(tmp_path: Path):
    outbox = FullDisk()
    screening = make_screening(ListedPlates("京A12345"), outbox)
    screening = replace(screening, flagging=Flagging(outbox, tmp_path / "evidence", lambda: ID_KEY, {}))
    list(screened(standing("京A12345", 8), screening))
    assert [event.plate_picture for event in outbox.events] == [None]
    assert not (tmp_path / "evidence").exists()


def test_counts_that_cannot_be_saved_stop_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    save_counts(tmp_path / ("a name that no disk takes " * 20) / "group.json", {"cam-1": ScreeningCounts()})
    assert "cannot be saved" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_under_the_printed_lines_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    [passage] = passages([*standing("京A12345", 8)])
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        write_line = LineWriter(as_json=False, shows_clear_plates=False)
        for _ in range(3):
            write_line(passage)
        monkeypatch.undo()
    assert caplog.text.count("no longer printed") == 1


def test_hour_counters_on_a_full_disk_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_room(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    counter = HourCounter(tmp_path / "counters.sqlite")
    with monkeypatch.context() as full:
        full.setattr(sqlite3, "connect", no_room)
        assert counter.last_hours("cam-1", NOON) == ()
    assert counter.last_hours("cam-1", NOON) == ()
    assert (tmp_path / "counters.sqlite").exists()
    counter.close()


@pytest.mark.parametrize("damage", [b"no database\n" * 1000, bytes(4096), None])
def test_damaged_hour_counters_begin_anew_and_the_alarm_says_so(tmp_path: Path, damage: bytes | None):
    path = tmp_path / "counters.sqlite"
    counter, other = HourCounter(path), HourCounter(path)
    for each in (counter, other):
        each.add("cam-1", "东门卡口", NOON, HourCount(hour=NOON, clear=1))
    counter.close()
    other.close()
    if damage is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(damage)
    for each in (counter, other):
        each.add("cam-1", "东门卡口", NOON, HourCount(hour=NOON, clear=1))
    assert [hour.clear for hour in counter.last_hours("cam-1", NOON)] == [2]
    assert ["过车计数" in loss for loss in losses(tmp_path)] == [True]
    counter.close()
    other.close()


class NoRoom(KeptPassages):
    def keep(self, passage: Passage) -> Path:  # noqa: ARG002  the spool's signature
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_passage_that_cannot_be_spooled_is_counted_and_the_next_one_is_screened():
    screening = make_screening(ListedPlates(is_down=True), KeptEvents())
    screening = replace(screening, spool=NoRoom())
    found = []
    for text in ("京A12345", "苏B77777"):
        found += list(screened(standing(text, 8), screening))
    assert [passage.outcome for passage in found] == ["unchecked", "unchecked"]
    assert screening.counts.unchecked == 2


def test_a_spool_that_is_emptied_by_another_process_keeps_all_the_same(tmp_path: Path):
    [passage] = passages([*standing("京A12345", 8)])
    spool = make_spool(tmp_path)
    stop = threading.Event()

    def empty() -> None:
        other = make_spool(tmp_path)
        while not stop.is_set():
            for path, *_ in other.oldest_first():
                other.remove(path)

    remover = threading.Thread(target=empty)
    remover.start()
    try:
        for _ in range(60):
            spool.keep(passage)
    finally:
        stop.set()
        remover.join()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    [passage] = passages([*standing("京A12345", 8)])
    spool = make_spool(tmp_path)

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            spool.keep(passage)
    assert list((tmp_path / "spool").iterdir()) == []


def spool_of(folder: Path, max_bytes: int, reserve_bytes: int = 0) -> Spool:
    moments = (NOON + timedelta(seconds=second) for second in itertools.count())
    clock = WallClock(lambda: next(moments).timestamp())
    day = timedelta(hours=24)
    return Spool(folder / "spool", folder / "spool.key", clock, day, max_bytes, reserve_bytes)


def spooled_sizes(folder: Path, passage: Passage) -> tuple[int, int]:
    """Return the bytes of a passage's record, and of its pictures."""
    spool_of(folder, 1 << 20).keep(passage)
    (record,), (pictures,) = ([*(folder / "spool").glob(f"*.{kind}")] for kind in ("unchecked", "pictures"))
    return record.stat().st_size, pictures.stat().st_size


def test_a_full_spool_gives_up_the_oldest_pictures_and_keeps_what_the_check_needs(tmp_path: Path):
    [passage] = passages([*standing("京A12345", 8)])
    record, pictures = spooled_sizes(tmp_path / "sizes", passage)
    spool = spool_of(tmp_path, 5 * record + 2 * pictures)
    for _ in range(5):
        spool.keep(passage)
    kept = [found.plate_jpeg is not None for _, _, found in spool.oldest_first()]
    assert kept == [False, False, False, True, True]


def test_a_spool_never_grows_beyond_its_bound_and_gives_up_what_waits_longest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    [passage] = passages([*standing("京A12345", 8)])
    record, pictures = spooled_sizes(tmp_path / "sizes", passage)
    spool = spool_of(tmp_path, 3 * record + pictures // 2)
    names = []
    for _ in range(6):
        spool.keep(passage)
        names.append(max(path.name for path, *_ in spool.oldest_first()))
        assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= 3 * record + pictures // 2
    assert [path.name for path, *_ in spool.oldest_first()] == names[-3:]
    assert "1 unchecked passages were given up" in caplog.text


def test_pictures_without_their_passage_go_with_the_day(tmp_path: Path):
    clock = [NOON]
    spool = Spool(
        tmp_path / "spool",
        tmp_path / "spool.key",
        WallClock(lambda: clock[0].timestamp()),
        timedelta(hours=24),
        1 << 20,
    )
    [passage] = passages([*standing("京A12345", 8)])
    spool.keep(passage)
    for path, *_ in spool.oldest_first():
        path.unlink()
    clock[0] += timedelta(hours=25)
    assert spool.purge() == 0
    assert [*(tmp_path / "spool").iterdir()] == []


@pytest.mark.parametrize("damage", [b"", b"no key", b"\xff" * 44, None])
def test_a_spool_key_that_is_lost_is_made_anew_and_the_alarm_counts_what_is_lost_with_it(
    tmp_path: Path, damage: bytes | None
):
    [passage] = passages([*standing("京A12345", 8)])
    make_spool(tmp_path).keep(passage)
    key = tmp_path / "spool.key"
    key.unlink()
    if damage is not None:
        key.write_bytes(damage)
    spool = make_spool(tmp_path)
    assert key.stat().st_mode & 0o777 == 0o600
    assert [loss.count("1 辆未核对") for loss in losses(tmp_path)] == [1]
    spool.keep(passage)
    assert [record.camera_id for _, record, _ in make_spool(tmp_path).oldest_first()] == ["cam-1"]


def test_an_empty_spool_key_on_a_new_box_is_no_alarm(tmp_path: Path):
    (tmp_path / "spool.key").touch()
    make_spool(tmp_path)
    assert losses(tmp_path) == ()


class FullFolder:
    """A file system of so many bytes in the place of the real one: what does not fit is refused."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size

    def check(self, _: int) -> None:
        if sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) > self.size:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_takes_unchecked_passages_into_their_reserve_and_then_in_the_place_of_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    [passage] = passages([*standing("京A12345", 8)])
    record, pictures = spooled_sizes(tmp_path / "sizes", passage)
    more = 2**18 // SLOT_BYTES + 4 * pictures // (record + pictures)
    spool = spool_of(tmp_path / "box", 1 << 30, reserve_bytes=2**18)
    for _ in range(4):
        spool.keep(passage)
    used = sum(path.stat().st_size for path in (tmp_path / "box").rglob("*") if path.is_file())
    monkeypatch.setattr(os, "fsync", FullFolder(tmp_path / "box", used).check)
    for _ in range(more):
        spool.keep(passage)
    found = [pictures.plate_jpeg is not None for _, _, pictures in spool.oldest_first()]
    assert len(found) == 4 + more
    assert not any(found[4:])
    monkeypatch.undo()
    assert spool.restore_reserve()
    spool.keep(passage)
    assert [*spool.oldest_first()][-1][2].plate_jpeg is not None
