"""The outbox on a full disk and after a power cut; both mount file systems, so they need root."""

from pathlib import Path

import pytest

from alerts.outbox import Outbox
from alerts.reserve import HeldSpace
from bench.fault_disk import can_mount, cut_power, fill_disk
from tests.alerts_kit import event

needs_mounts = pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")


@needs_mounts
def test_a_full_disk_still_takes_flagged_events_and_drops_pictures_first(tmp_path: Path):
    outcome = fill_disk(tmp_path, disk_mib=24, reserve_mib=8, wanted=1000)
    assert outcome.kept == 500
    assert outcome.kept_after_reopening == 500
    assert outcome.pictures_refused
    assert outcome.recovered


@needs_mounts
def test_no_acknowledged_event_is_lost_in_a_power_cut(tmp_path: Path):
    outcome = cut_power(tmp_path, run_s=0.2)
    assert outcome.acknowledged > 0
    assert outcome.lost == 0


def test_a_reserve_is_real_disk_space(tmp_path: Path):
    reserve = HeldSpace(tmp_path / "reserve", 2**20)
    assert reserve.hold()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 2**20
    assert reserve.shrink(2**19)
    assert not reserve.is_held()
    assert reserve.hold()
    assert reserve.shrink(2**20)
    assert not reserve.shrink(2**20)


def test_an_outbox_owns_free_pages_before_it_needs_them(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite", reserve_bytes=2**21) as outbox:
        size = (tmp_path / "outbox.sqlite").stat().st_size
        assert size >= 2**20
        for number in range(200):
            outbox.append(event(number))
        assert (tmp_path / "outbox.sqlite").stat().st_size == size
        assert outbox.is_reserve_held()
        assert outbox.restore_reserve()


def test_the_blocks_of_the_log_outlive_the_closing_of_the_outbox(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=2**21) as outbox:
        outbox.append(event(0))
        blocks = (tmp_path / "outbox.sqlite-wal").stat().st_ino
    assert not (tmp_path / "outbox.sqlite-wal").exists()
    assert (tmp_path / "outbox.reserve").stat().st_ino == blocks
    with Outbox(path, reserve_bytes=2**21) as outbox:
        assert (tmp_path / "outbox.sqlite-wal").stat().st_ino == blocks
        assert outbox.append(event(1))
        assert [row.event_id for row in outbox.pending()] == [event(0).event_id, event(1).event_id]


def test_an_old_log_never_takes_newer_events_back(tmp_path: Path):
    path, reserve = tmp_path / "outbox.sqlite", tmp_path / "outbox.reserve"
    with Outbox(path, reserve_bytes=2**21) as outbox:
        outbox.append(event(0))
    stale = reserve.read_bytes()
    with Outbox(path) as outbox:
        outbox.append(event(1))
    reserve.write_bytes(stale)
    with Outbox(path, reserve_bytes=2**21) as outbox:
        assert [row.event_id for row in outbox.pending()] == [event(0).event_id, event(1).event_id]


def test_a_user_without_a_reserve_leaves_that_of_others_whole(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=2**21) as outbox:
        blocks = (tmp_path / "outbox.sqlite-wal").stat().st_ino
    with Outbox(path) as looker:
        looker.append(event(0))
    assert (tmp_path / "outbox.reserve").stat().st_ino == blocks
    with Outbox(path, reserve_bytes=2**21) as outbox:
        assert outbox.pending_count() == 1
        assert outbox.is_reserve_held()


def test_closing_one_of_two_users_leaves_the_log_to_the_other(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=2**21) as stays:
        with Outbox(path, reserve_bytes=2**21) as leaves:
            leaves.append(event(0))
        assert not (tmp_path / "outbox.reserve").exists()
        stays.append(event(1))
        assert stays.pending_count() == 2
    with Outbox(path, reserve_bytes=2**21) as again:
        assert again.pending_count() == 2


def test_a_close_that_was_cut_short_harms_nothing(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=2**21) as outbox:
        (tmp_path / "outbox.reserve").hardlink_to(tmp_path / "outbox.sqlite-wal")
        outbox.append(event(0))
        with Outbox(path, reserve_bytes=2**21) as second:
            second.append(event(1))
        assert outbox.pending_count() == 2
