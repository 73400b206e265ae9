"""What was sent is filed under its own moment and known when it comes again; a disk that fails is told of."""

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from kakou.wiring.reads import open_journal
from pipeline.reads import room
from pipeline.reads.synthetic import (
    Said,
    hikvision,
)
from tests.reads_kit import now, reads_settings, said, serving


def test_a_recorded_message_is_refused_once_it_is_older_than_the_window(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        assert served.send(hikvision(said())).status == 200
        old = Said(at=now() - timedelta(hours=80), message_id="recorded long ago, at 80 hours")
        assert [served.send(hikvision(old)).status for _ in range(5)] == [409] * 5
    assert len(served.kept()) == 1
    assert served.report().refused == 5
    assert "重放" in served.report().why_refused


def test_a_clock_that_is_years_off_is_noticed_and_its_vehicles_are_filed_when_they_passed(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        for seconds in range(4):
            off = Said(at=now() + timedelta(days=2600, seconds=seconds), message_id=f"{seconds:040d}abcd")
            assert served.send(hikvision(off)).status == 200
    assert served.report().clock_offset_s == pytest.approx(2600 * 86400, abs=10)
    assert all(abs((kept.passed_at - kept.arrived_at).total_seconds()) < 10 for kept in served.kept())
    assert not any(kept.is_late for kept in served.kept())


def test_a_clock_that_falls_back_by_years_does_not_make_a_camera_blind(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        assert served.send(hikvision(said())).status == 200
        statuses = []
        for seconds in range(6):
            old = Said(at=now() - timedelta(days=9000) + timedelta(seconds=seconds), message_id=f"{seconds:040d}abcd")
            statuses.append(served.send(hikvision(old)).status)
    assert statuses[0] == 409
    assert statuses[-3:] == [200] * 3


def test_a_clock_that_was_years_ahead_and_is_set_right_costs_no_vehicle(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        for days, number in ((4000, 1), (4000, 2), (0, 3), (0, 4), (4000, 5), (0, 6)):
            sent = Said(at=now() + timedelta(days=days, seconds=number - 10), message_id=f"{number:040d}abcd")
            assert served.send(hikvision(sent)).status == 200
    assert len(served.kept()) == 6
    assert abs(served.report().clock_offset_s or 0.0) < 20


def test_what_an_outage_held_back_is_filed_under_its_own_time_and_is_late(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        passed = now() - timedelta(hours=2)
        served.send(hikvision(Said(at=passed, message_id="held back by an outage", is_resent=True)))
    [kept] = served.kept()
    assert (kept.passed_at, kept.is_late) == (passed, True)
    assert served.report().clock_offset_s is None


def test_a_journal_that_lost_its_rows_or_its_key_begins_anew_and_says_so(tmp_path: Path):
    settings = reads_settings(tmp_path)
    with serving(settings) as served:
        served.send(hikvision(said()))
    (tmp_path / "var" / "reads" / "reads.sqlite").write_bytes(b"no database" * 1000)
    (tmp_path / "var" / "reads.key").write_text("no key")
    with serving(settings) as served:
        assert served.send(hikvision(said())).status == 200
    assert len(served.kept()) == 1
    assert len(list((tmp_path / "var").rglob("*.damaged-*.txt"))) == 2


def test_a_full_disk_is_told_so_that_the_camera_sends_again(tmp_path: Path):
    settings = reads_settings(tmp_path)
    with serving(settings) as served:
        with contextlib.closing(sqlite3.connect(tmp_path / "var" / "reads" / "reads.sqlite")) as other:
            other.execute("ALTER TABLE read RENAME TO taken_away")
        assert served.send(hikvision(said())).status == 503
        with contextlib.closing(sqlite3.connect(tmp_path / "var" / "reads" / "reads.sqlite")) as other:
            other.execute("ALTER TABLE taken_away RENAME TO read")
        assert served.send(hikvision(said())).status == 200


def test_the_last_of_the_disk_is_not_for_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with serving(reads_settings(tmp_path)) as served:
        monkeypatch.setattr(room, "KEEP_FREE_BYTES", 2**60)
        assert served.send(hikvision(said())).status == 503
        monkeypatch.undo()
        assert served.send(hikvision(said())).status == 200


def test_decided_reads_leave_nothing_and_are_still_known(tmp_path: Path):
    settings, one = reads_settings(tmp_path), said()
    with serving(settings) as served:
        served.send(hikvision(one))
    with contextlib.closing(open_journal(settings)) as journal:
        [waiting] = journal.waiting(0, 10)
        assert journal.tidy(None) == 0
        journal.done([waiting.seq])
        journal.begin_writing()
        assert journal.tidy(None) == 1
    assert list((tmp_path / "var" / "reads").glob("*.reads")) == []
    with serving(settings) as served:
        served.send(hikvision(one))
    assert served.kept() == []
