import contextlib
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox, OutboxError
from tests.alerts_kit import NOON, event, events


@pytest.fixture
def outbox(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite", now=lambda: NOON) as opened:
        yield opened


def test_an_appended_event_is_pending_in_order(outbox: Outbox):
    for item in events(3):
        assert outbox.append(item)
    assert [from_cloudevent(row.body) for row in outbox.pending()] == events(3)


def test_the_same_event_twice_is_kept_once(outbox: Outbox):
    assert outbox.append(event())
    assert not outbox.append(event())
    assert outbox.pending_count() == 1


def test_what_was_sent_is_no_longer_pending(outbox: Outbox):
    for item in events(3):
        outbox.append(item)
    outbox.mark_sent(outbox.pending()[1].seq)
    assert [row.event_id for row in outbox.pending()] == [event(2).event_id]


def test_a_taken_back_mark_makes_rows_pending_again(outbox: Outbox):
    outbox.append(event())
    outbox.mark_sent(outbox.last_seq())
    outbox.mark_sent(0)
    assert outbox.pending_count() == 1


def test_only_sent_rows_are_ever_forgotten(outbox: Outbox):
    for item in events(3):
        outbox.append(item)
    outbox.mark_sent(1)
    assert outbox.forget_sent(NOON + timedelta(days=1)) == 1
    assert outbox.pending_count() == 2


def test_a_number_is_never_given_twice(outbox: Outbox):
    outbox.append(event())
    outbox.mark_sent(1)
    outbox.forget_sent(NOON + timedelta(days=1))
    outbox.append(event(1))
    assert outbox.last_seq() == 2


def test_the_age_of_the_oldest_pending_event_is_known(tmp_path: Path):
    clock = [NOON]
    with Outbox(tmp_path / "outbox.sqlite", now=lambda: clock[0]) as outbox:
        assert outbox.oldest_pending_s() == 0.0
        outbox.append(event())
        clock[0] += timedelta(seconds=90)
        assert outbox.oldest_pending_s() == 90.0


def test_an_outbox_keeps_its_name_and_events_when_opened_again(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite") as first:
        first.append(event())
        name = first.outbox_id
    with Outbox(tmp_path / "outbox.sqlite") as second:
        assert second.outbox_id == name
        assert second.pending_count() == 1


def test_an_event_is_there_after_the_writer_was_killed(tmp_path: Path):
    script = (
        "import os, signal, sys; from pathlib import Path; from alerts.outbox import Outbox; "
        "from tests.alerts_kit import event; "
        "Outbox(Path(sys.argv[1])).append(event()); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "outbox.sqlite"
    ended = subprocess.run([sys.executable, "-c", script, path], cwd=Path(__file__).parents[1], check=False)
    assert ended.returncode == -9
    with Outbox(path) as outbox:
        assert [row.event_id for row in outbox.pending()] == [event().event_id]


def test_a_commit_is_synced_to_disk(outbox: Outbox):
    assert outbox._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_outbox_that_cannot_be_opened_says_which(tmp_path: Path):
    (tmp_path / "state").touch()
    with pytest.raises(OutboxError, match=r"outbox\.sqlite"):
        Outbox(tmp_path / "state" / "outbox.sqlite")


def test_nobody_else_can_read_the_outbox(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite", reserve_bytes=2**20) as outbox:
        outbox.append(event())
        for name in ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / "outbox.reserve").stat().st_mode & 0o077 == 0


def test_an_event_that_could_not_be_written_is_not_reported_as_kept(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as other:
            other.execute("DROP TABLE event")
            other.commit()
        for ask in (lambda: outbox.append(event()), lambda: outbox.after(0, 1), outbox.pending_count, outbox.last_seq):
            with pytest.raises(OutboxError, match=r"outbox\.sqlite"):
                ask()


def test_an_event_that_no_reader_would_take_is_refused_where_it_is_made(outbox: Outbox):
    heavy = event().model_copy(update={"models": {f"model {number}": "0" * 64 for number in range(1000)}})
    with pytest.raises(OutboxError, match="最多"):
        outbox.append(heavy)
    assert outbox.pending_count() == 0


def test_a_row_is_sent_only_by_an_outbox_that_gave_its_number_to_its_event(outbox: Outbox):
    for item in events(2):
        outbox.append(item)
    assert outbox.could_have_sent(0, "")
    assert outbox.could_have_sent(2, event(1).event_id)
    assert outbox.could_have_sent(2, "")
    assert not outbox.could_have_sent(2, event(0).event_id)
    assert not outbox.could_have_sent(3, "")


def test_places_of_different_readers_are_apart(outbox: Outbox):
    outbox.move_place("lane:a", 3)
    outbox.move_place("lane:b", 5)
    assert (outbox.place("lane:a"), outbox.place("lane:b"), outbox.sent_seq()) == (3, 5, 0)


def test_a_name_is_changed_only_where_it_is_still_the_one_that_was_seen(outbox: Outbox):
    name = outbox.outbox_id
    outbox.rename("somebody else's")
    assert outbox.outbox_id == name
    outbox.rename(name)
    assert outbox.outbox_id != name
