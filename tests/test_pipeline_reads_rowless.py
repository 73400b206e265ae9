"""A read is there once its bytes are on disk, also where a power cut takes the rows that say where they are."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.fault_disk import can_mount, power_cut
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import Journal

SEAL = Seal(bytes(32))
NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)


def sent(number: int) -> Arrival:
    moment = NOON + timedelta(seconds=number)
    read = CameraRead(text="测A12345", raw_text="测A12345", captured_at=moment)
    return Arrival(
        f"K0{number % 3}", moment, moment, False, SentRead(read, b"", bytes([number % 256]) * 1000 * (number % 2))
    )


def keep(journal: Journal, *numbers: int) -> list[bool]:
    return journal.keep(journal.sealed([sent(number) for number in numbers]), 0.0)


def waiting(journal: Journal) -> list[Arrival | None]:
    return [each.arrival for each in journal.waiting(0, 100)]


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a power cut leaves: rows as they were last known to be on disk, and all bytes that were."""
    folder, copy = tmp_path / "reads", tmp_path / "left"
    with writing(folder) as journal:
        keep(journal, 0, 1)
        copy.mkdir()
        for file in folder.glob("reads.sqlite*"):
            shutil.copy(file, copy)
        keep(journal, 2, 3, 4)
        keep(journal, 5)
        for file in folder.glob("*.reads"):
            shutil.copy(file, copy)
    return copy


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(folder, SEAL)) as journal:
        journal.begin_writing()
        yield journal


def segment_of(folder: Path) -> Path:
    [found] = folder.glob("*.reads")
    return found


def test_reads_whose_rows_a_power_cut_took_wait_in_their_order_and_are_known(left: Path):
    with writing(left) as journal:
        assert waiting(journal) == [sent(number) for number in range(6)]
        assert keep(journal, 5, 2, 6) == [False, False, True]
        assert waiting(journal) == [sent(number) for number in range(7)]
    with writing(left) as journal:
        assert len(waiting(journal)) == 7, "they are found once"


WRITER = """
import sys
from pathlib import Path
from pipeline.reads import room
from tests.test_pipeline_reads_rowless import keep, writing
room.KEEP_FREE_BYTES = 0
with writing(Path(sys.argv[1]) / "reads") as journal, open(sys.argv[2], "a", buffering=1) as noted:
    for number in range(100_000):
        keep(journal, number)
        noted.write(f"{number}\\n")
"""


@pytest.mark.long
@pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")
@pytest.mark.parametrize("run_s", [0.1, 0.3, 0.7, 1.1])
def test_no_acknowledged_read_is_lost_in_a_power_cut(tmp_path: Path, run_s: float):
    def command(disk: Path) -> list[str | Path]:
        return [sys.executable, "-c", WRITER, disk, tmp_path / "acknowledged"]

    with power_cut(tmp_path, command, run_s) as (disk, acknowledged), writing(disk / "reads") as journal:
        found = [each.arrival for each in journal.waiting(0, 100_000)]
    assert len(acknowledged) > 5
    assert len(acknowledged) <= len(found) <= len(acknowledged) + 1
    assert found == [sent(number) for number in range(len(found))]


def test_a_box_that_lost_power_with_its_first_reads_has_them(tmp_path: Path, left: Path):
    shutil.copytree(left, tmp_path / "first")
    with contextlib.closing(Journal(tmp_path / "first", SEAL)) as journal:
        journal._database.execute("DELETE FROM read")
        journal.begin_writing()
        assert waiting(journal) == [sent(number) for number in range(6)]


@pytest.mark.parametrize("cut", [1, 500, 1030, 1300])
def test_a_read_that_is_not_whole_was_not_acknowledged_and_is_left(left: Path, cut: int):
    with segment_of(left).open("r+b") as file:
        file.truncate(segment_of(left).stat().st_size - cut)
        file.seek(0, os.SEEK_END)
        file.write(bytes(cut))
    with writing(left) as journal:
        assert waiting(journal) == [sent(number) for number in range(5)]
        assert keep(journal, 5) == [True]
        assert waiting(journal) == [sent(number) for number in range(6)]


def test_what_another_key_sealed_is_left_and_nothing_else_suffers(left: Path):
    with contextlib.closing(Journal(left, Seal(bytes(31) + b"x"))) as journal:
        journal.begin_writing()
        assert waiting(journal) == [None, None]
        assert keep(journal, 7) == [True]


def test_a_segment_that_was_begun_before_an_upgrade_has_no_rows_too_many(tmp_path: Path):
    with writing(tmp_path) as journal:
        keep(journal, 0)
    with segment_of(tmp_path).open("ab") as file:
        file.write(os.urandom(3000))
    with writing(tmp_path) as journal:
        assert waiting(journal) == [sent(0)]


def test_decided_reads_are_not_found_again_however_long_the_box_was_off(left: Path):
    with writing(left) as journal:
        journal.done([each.seq for each in journal.waiting(0, 100)])
        journal._database.execute("UPDATE segment SET is_open = 1")
        for _ in range(3):
            journal.tidy(NOON + timedelta(days=30))
    with writing(left) as journal:
        assert waiting(journal) == []


def test_rows_reach_the_disk_when_they_will_and_which_segment_is_written_at_once(tmp_path: Path):
    with writing(tmp_path) as journal:
        said: list[str] = []
        journal._database.set_trace_callback(said.append)
        keep(journal, 0)
        keep(journal, 1)
        levels = [one.split("=")[1] if "synchronous" in one else one.split()[2] for one in said if one[0] in "PI"]
        assert levels == ["FULL", "segment", "NORMAL", "read", "read"]
