"""A journal in which very much waits costs those who write to it, and the one who decides, no more than before."""

import contextlib
import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.reads import room
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.cipher import Seal
from pipeline.reads.journal import FORGET_AMONG, Journal

A_SEGMENT = 100
ROW = "INSERT INTO read (device_id, key, arrived_ms, segment, place, length, is_done) VALUES ('K01', ?, ?, ?, 0, 0, ?)"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """20,000 reads in 200 segments, the older half of them decided; the moment of each is its number in seconds."""
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        rows = [(os.urandom(16), n * 1000, n // A_SEGMENT, int(n < 10_000)) for n in range(20_000)]
        journal._database.execute("BEGIN")
        journal._database.executemany(ROW, rows)
        journal._database.executemany("INSERT INTO segment VALUES (?, 0)", [(n,) for n in range(20_000 // A_SEGMENT)])
        journal._database.execute("COMMIT")
        yield journal


def steps(journal: Journal, work: Callable[[], object]) -> int:
    """Return how many hundreds of instructions of SQLite's machine a work takes."""
    count = [0]

    def counted() -> int:
        count[0] += 1
        return 0

    journal._database.set_progress_handler(counted, 100)
    work()
    journal._database.set_progress_handler(None, 0)
    return count[0]


def test_tidying_looks_at_what_waits_once_and_not_once_for_each_segment(journal: Journal):
    assert steps(journal, lambda: journal.tidy(None)) < 10_000
    assert journal.tidy(None) == 0
    numbers = [number for (number,) in journal._database.execute("SELECT number FROM segment").fetchall()]
    assert (len(numbers), min(numbers)) == (100, 100), "those whose reads are all decided have gone"


def test_old_rows_are_forgotten_some_at_a_time_all_of_them_and_again_from_the_beginning(journal: Journal):
    def left() -> int:
        return int(journal._database.execute("SELECT count(*) FROM read").fetchone()[0])

    limit = datetime.fromtimestamp(9_000, UTC)
    counts = []
    for _ in range(5):
        journal.tidy(limit)
        counts.append(left())
    assert (FORGET_AMONG, counts) == (5000, [15_000, 11_000, 11_000, 11_000, 11_000]), "others want to write meanwhile"
    journal.done(range(10_001, 20_001))
    for _ in range(5):
        journal.tidy(datetime.fromtimestamp(30_000, UTC))
    assert left() == 1, "behind the last one those are looked for that a power cut took"


def test_whether_many_wait_is_known_without_counting_them(journal: Journal):
    assert steps(journal, lambda: journal.waits_more(0, 50)) < 10
    assert (journal.waits_more(10_000, 9_999), journal.waits_more(10_000, 10_000)) == (True, False)
    assert not journal.waits_more(19_990, 50)


def sent(number: int) -> Arrival:
    moment = datetime(2026, 11, 29, tzinfo=UTC) + timedelta(seconds=number)
    read = CameraRead(text="测A12345", raw_text="测A12345", captured_at=moment)
    return Arrival("K01", moment, moment, False, SentRead(read, b"", bytes([number % 256]) * 1000))


def kept(journal: Journal, *numbers: int) -> list[bool]:
    return journal.keep(journal.sealed([sent(number) for number in numbers]), 0.0)


def test_many_reads_at_once_are_all_there_and_each_of_them_once(tmp_path: Path):
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        assert kept(journal, *range(700), 3, 699) == [True] * 700 + [False] * 2
        assert kept(journal, 699, 700, 700, 0) == [False, True, False, False]
        assert [each.arrival for each in journal.waiting(0, 1000)] == [sent(number) for number in range(701)]


def test_reads_that_wait_together_take_two_statements_and_one_write_that_ends_when_they_are_on_disk(tmp_path: Path):
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        kept(journal, 0)
        statements: list[str] = []
        journal._database.set_trace_callback(statements.append)
        kept(journal, *range(1, 64))
        assert [statement.split()[0] for statement in statements] == ["SELECT", "INSERT"]
        [segment] = (tmp_path / "reads").glob("*.reads")
        files = [int(file.name) for file in Path("/proc/self/fd").iterdir() if file.exists() and file.samefile(segment)]
        assert [bool(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DSYNC) for file in files] == [True]


def test_whether_the_disk_has_room_is_asked_each_second_and_each_time_while_it_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        kept(journal, 0)
        monkeypatch.setattr(room, "KEEP_FREE_BYTES", 2**60)
        assert journal.keep(journal.sealed([sent(1)]), 0.9) == [True]
        with pytest.raises(OSError, match="磁盘快满了"):
            journal.keep(journal.sealed([sent(2)]), 1.1)
        monkeypatch.undo()
        assert journal.keep(journal.sealed([sent(2)]), 1.2) == [True]


def test_a_disk_that_takes_half_of_what_is_written_damages_nothing_that_comes_after(tmp_path: Path):
    with contextlib.closing(Journal(tmp_path / "reads", Seal(bytes(32)))) as journal:
        kept(journal, 0)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                kept(journal, 1, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        kept(journal, 2, 3)
        assert [each.arrival for each in journal.waiting(0, 9)] == [sent(number) for number in (0, 2, 3)]
