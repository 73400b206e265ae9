"""Every notice of a box or a centre, caused for real: it begins, it says where and what, and it ends."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.table import NOTICES
from alerts.outbox import Outbox
from alerts.set_aside import set_aside
from bench.fault_disk import can_mount, mounted_tmpfs
from kakou.settings import Settings
from kakou.sunset.state import first_state, save_state
from kakou.watch.box import box_watch, line_check
from kakou.watch.centre import centre_watch
from kakou.watch.checks import Check, ListLook, clock_check, damage_check, disk_check, queue_check, sunset_check
from kakou.watch.watch import VERSION
from kakou.wiring.box import Box
from riskdb.clock import TrustedClock
from riskdb.digest import load_or_create_key
from riskdb.settings import ClockSettings
from tests.alerts_kit import NOON, event
from tests.notice_machine import Machine, own_redis
from tests.riskdb_kit import risk_rig


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, redis_client: "redis.Redis") -> Iterator[Machine]:
    with Outbox(tmp_path / "outbox.sqlite", reserve_bytes=1 << 20) as outbox:
        yield Machine(tmp_path, redis_url, redis_client, outbox)


def test_a_redis_and_a_line_that_are_away_are_said(machine: Machine):
    with own_redis(machine.folder) as server, risk_rig(machine.folder, server.url) as rig:
        rig.travelled("鲁B00001")
        rig.declared()
        own = redis.Redis.from_url(server.url)
        machine.checks[:] = [
            Check(ListLook.NOTICES, ListLook(rig.hot_set, 900.0, rig.clock, machine.monotonic).look),
            line_check(server.url, NoticeBoard(own), 5.0),
        ]
        server.stop()
        machine.begins("redis_away", "stream_away")
        server.start()
        rig.tender.tick()
        machine.ends("redis_away", "stream_away")
        own.close()


def test_a_box_whose_clock_or_version_differs_from_the_centres_is_said(machine: Machine):
    away_s = [0.0]
    board = NoticeBoard(machine.client)
    centre = NoticeReport(origin="centre:a", place="指挥中心", version=VERSION, reported_at=NOON)
    machine.checks[:] = [line_check(machine.url, board, 5.0, lambda: datetime.now(UTC).timestamp() + away_s[0])]
    board.report(centre)
    away_s[0] = -8 * 3600.0
    assert machine.begins("clock_apart").detail == "本机慢 约 8 小时"
    away_s[0] = 0.0
    machine.ends("clock_apart")
    board.report(centre.model_copy(update={"version": "9.9.9"}))
    assert "9.9.9" in machine.begins("version_skew").detail
    board.report(centre)
    machine.ends("version_skew")


def test_a_disk_that_fills_is_said_before_and_when_it_is_full(machine: Machine):
    limits = Settings().watch
    machine.checks[:] = [disk_check(machine.folder, limits.model_copy(update={"disk_low_gib": 1e9}), machine.outbox)]
    machine.begins("disk_low")
    machine.checks[:] = [disk_check(machine.folder, limits.model_copy(update={"disk_low_gib": 1e-9}), machine.outbox)]
    machine.ends("disk_low")
    machine.checks[:] = [disk_check(machine.folder, limits.model_copy(update={"disk_full_mib": 1e12}), machine.outbox)]
    machine.begins("disk_full")
    machine.checks[:] = [disk_check(machine.folder, limits.model_copy(update={"disk_low_gib": 1e-9}), machine.outbox)]
    machine.ends("disk_full")


@pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")
def test_space_set_aside_that_is_missing_is_a_full_disk_only_where_it_cannot_be_had(machine: Machine, tmp_path: Path):
    small, limits = tmp_path / "small", Settings().watch.model_copy(update={"disk_low_gib": 1e-9, "disk_full_mib": 0})
    small.mkdir()
    with mounted_tmpfs(small, 8), Outbox(small / "outbox.sqlite", reserve_bytes=1 << 20) as outbox:
        machine.checks[:] = [disk_check(small, limits, outbox)]
        (small / "outbox.spare").unlink()
        machine.wait()
        assert (machine.watch.keeper.active, outbox.is_reserve_held()) == ((), True)
        (small / "outbox.spare").unlink()
        with contextlib.suppress(OSError), (small / "footage").open("wb", buffering=0) as other:
            while True:
                other.write(bytes(4096))
        machine.begins("disk_full")
        (small / "footage").unlink()
        machine.ends("disk_full")


def test_a_clock_that_jumped_or_is_behind_is_said(machine: Machine):
    away_s = [0.0]

    def wall() -> float:
        return machine.now().timestamp() + away_s[0]

    clock = TrustedClock(machine.folder / "clock.json", ClockSettings(), wall=wall, uptime=machine.monotonic)
    machine.checks[:] = [clock_check(clock)]
    machine.wait(ClockSettings().held_s + 60.0)
    away_s[0] = 8 * 3600.0
    assert machine.begins("clock_wrong").detail == "刚刚跳变"
    away_s[0] = 0.0
    machine.ends("clock_wrong")
    away_s[0] = -8 * 3600.0
    assert machine.begins("clock_wrong").detail == "早于已知时间"
    away_s[0] = 0.0
    machine.ends("clock_wrong")


def test_events_that_wait_and_files_that_were_damaged_are_said(machine: Machine):
    watch = Settings().watch
    long_ago = NOON - timedelta(hours=3)
    with Outbox(machine.folder / "other.sqlite", now=lambda: long_ago) as outbox:
        outbox.append(event())
    with Outbox(machine.folder / "other.sqlite") as outbox:
        machine.checks[:] = [queue_check(outbox, watch)]
        assert machine.begins("queue_old").detail.startswith("1 条，最早")
        outbox.mark_sent(outbox.last_seq())
        machine.ends("queue_old")
    (machine.folder / "counters.sqlite").write_text("x")
    kept = set_aside(machine.folder / "counters.sqlite", "过车计数已丢失")
    machine.checks[:] = [damage_check(machine.folder)]
    assert machine.begins("state_damaged").detail == "过车计数已丢失"
    kept.with_name(kept.name + ".txt").unlink()
    machine.ends("state_damaged")


def test_the_last_days_of_the_authorisation_are_said(machine: Machine):
    save_state(machine.folder, first_state(90, NOON - timedelta(days=80)))
    machine.checks[:] = [sunset_check(machine.folder, machine.now)]
    assert machine.begins("sunset_near").detail.startswith("剩余")
    save_state(machine.folder, first_state(90, NOON))
    machine.ends("sunset_near")


def test_what_cannot_be_looked_at_begins_and_ends_nothing(machine: Machine):
    def broken() -> list[object]:
        raise OSError("cannot be read")

    machine.checks[:] = [damage_check(machine.folder)]
    (machine.folder / "a.damaged-1.txt").write_text("损坏")
    machine.begins("state_damaged")
    machine.checks[:] = [Check(("state_damaged",), broken)]  # type: ignore[arg-type]  # it never answers
    machine.wait()
    assert [one.notice for one in machine.watch.keeper.active] == ["state_damaged"]
    with contextlib.suppress(redis.RedisError):
        NoticeBoard(redis.Redis.from_url("unix:///nonexistent")).reports()


def test_a_box_and_a_centre_look_at_everything_that_the_table_says_they_do(machine: Machine):
    source = {"camera_id": "lane1", "checkpoint": "西门卡口", "uri": "rtsp://10.0.0.1/1"}
    settings = Settings.model_validate(
        {"state_dir": machine.folder, "source": [source], "alerts": {"stream_url": machine.url}}
    )
    box = box_watch(Box.build(settings, machine.url), machine.outbox, NoticeBoard(machine.client), dict)
    load_or_create_key(machine.folder / "plate.key")
    centre = centre_watch(settings, machine.url, machine.client, machine.outbox)
    for watch, by in ((box, "卡口"), (centre, "中心")):
        watch.step()
        looked_at = {name for check in watch.checks for name in check.notices}
        assert {kind.name for kind in NOTICES if by in kind.said_by} - looked_at == set()
    assert {one.origin.split(":")[0] for one in NoticeBoard(machine.client).reports()} == {"box", "centre"}
