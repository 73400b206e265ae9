"""Notices: begun and ended once, over the same channels at their own pace; the document is made from their table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from alerts.channels.base import ChannelSettings
from alerts.channels.bot import message_of
from alerts.channels.payload import chat_line, envelope_of
from alerts.delivery.notice_pace import NoticePace
from alerts.envelope import Event, to_cloudevent
from alerts.errors import OutboxError
from alerts.kinds import from_cloudevent
from alerts.notice import NoticeEvent
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import Amiss, NoticeKeeper
from alerts.notices.table import NOTICES, document
from tests.alerts_kit import NOON, event
from tests.alerts_scene import Scene, ids
from tests.notice_kit import notice

PAGE = Path(__file__).parents[1] / "docs" / "notices.md"


class Watched:
    """A keeper whose clock the test moves."""

    def __init__(self, path: Path | None = None) -> None:
        self.seconds = 0.0
        self.said: list[NoticeEvent] = []
        self.keeper = NoticeKeeper("box:kk07", "东门卡口", self.said.append, path, lambda: self.seconds)

    def see(
        self, *found: Amiss, for_s: float = 0.0, notices: tuple[str, ...] = ("camera_lost", "dead_letters")
    ) -> None:
        """Look now, and every second for so long."""
        for _ in range(int(for_s) + 1):
            self.keeper.observe(notices, found, NOON + timedelta(seconds=self.seconds))
            self.seconds += 1.0

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(one.notice, one.phase) for one in self.said]


LOST = Amiss("camera_lost", "kk07-lane1", "0 帧/秒")


def test_what_flickers_is_no_notice_and_what_lasts_is_one():
    watched = Watched()
    for _ in range(5):
        watched.see(LOST, for_s=10)
        watched.see()
    assert watched.said == []
    watched.see(LOST, for_s=30)
    watched.see(for_s=5)
    watched.see(LOST, for_s=30)
    assert watched.lines == [("camera_lost", "begun")]


def test_a_notice_begins_when_it_was_first_seen_and_ends_when_it_was_first_gone():
    watched = Watched()
    watched.see(LOST, for_s=40)
    watched.see(for_s=20)
    begun, ended = watched.said
    assert begun.began_at == NOON
    assert (ended.began_at, ended.ended_at) == (NOON, NOON + timedelta(seconds=41))
    assert begun.event_id != ended.event_id
    assert watched.keeper.active == ()


def test_a_look_says_nothing_about_what_it_did_not_look_at():
    watched = Watched()
    watched.see(LOST, for_s=40)
    watched.see(for_s=60, notices=("dead_letters",))
    assert watched.lines == [("camera_lost", "begun")]


def test_a_restart_begins_nothing_anew_and_ends_what_is_over(tmp_path: Path):
    path = tmp_path / "run" / "notices-box.json"
    Watched(path).see(LOST, for_s=40)
    again = Watched(path)
    again.see(LOST, for_s=40)
    assert again.said == []
    again.see(for_s=20)
    assert again.lines == [("camera_lost", "ended")]
    path.write_text("{damaged")
    assert Watched(path).keeper.active == ()


def test_a_beginning_that_the_outbox_does_not_take_is_said_later_and_in_order():
    watched = Watched()
    is_full = [True]

    def emit(one: NoticeEvent) -> None:
        if is_full[0]:
            raise OutboxError("disk full")
        watched.said.append(one)

    watched.keeper.emit = emit
    watched.see(LOST, for_s=40)
    watched.see(for_s=20)
    assert watched.said == []
    is_full[0] = False
    watched.see()
    assert watched.lines == [("camera_lost", "begun"), ("camera_lost", "ended")]


def test_a_notice_travels_like_any_event():
    begun = notice()
    assert from_cloudevent(to_cloudevent(begun)) == begun
    assert begun.event_id == notice().event_id != notice(subject="kk07-lane2").event_id
    thin = envelope_of(begun, full_payload=False, link_base="https://console.example").decode()
    assert "https://console.example/notices" in thin
    assert "kk07-lane1" not in thin


def test_a_chat_reads_what_to_do_and_nobody_is_asked_to_look_at_a_notice():
    line = chat_line(notice(), "")
    assert line.startswith("**摄像机无画面（严重）** 东门卡口 kk07-lane1")
    assert "检查摄像机供电" in line
    assert "待核实" not in line
    assert chat_line(notice(lasted_s=60), "").startswith("**已恢复：摄像机无画面** ")
    title, markdown = message_of([notice(), notice(subject="kk07-lane2"), notice(lasted_s=9)], "")
    assert title == "3 条系统异常提醒"
    assert "摄像机无画面 2" in markdown
    assert "待核实" not in markdown


def test_a_channel_takes_notices_only_where_it_names_them_and_their_severity():
    both = ChannelSettings(name="a", kinds=("flagged", "notice"), severities=("critical",))
    assert not ChannelSettings(name="a").wants(notice())
    assert both.wants(notice())
    assert not both.wants(notice("camera_dirty"))
    assert both.wants(event())


@pytest.mark.parametrize(
    ("hour", "until"), [(21, None), (22, "23:00"), (3, "23:00"), (6.99, "23:00"), (7, None), (12, None)]
)
def test_quiet_hours_hold_what_is_not_critical_until_they_are_over(hour: float, until: str | None):
    pace = NoticePace(ChannelSettings(name="a", quiet_hours="22:00-07:00"))
    now = datetime(2026, 11, 24, tzinfo=UTC) - timedelta(hours=8) + timedelta(hours=hour)
    due = pace.due_at(notice("camera_dirty"), now)
    assert (due.astimezone(UTC).strftime("%H:%M") if due else None) == until
    assert pace.due_at(notice("camera_lost"), now) is None
    assert (pace.due_at(notice("camera_lost", lasted_s=60), now) is None) == (until is None)
    assert pace.due_at(event(), now) is None
    assert due is None or timedelta() < due - now <= timedelta(hours=9)


def told(scene: Scene) -> list[list[str]]:
    return scene.channel.tried


def test_held_notices_wait_without_a_failed_try_and_come_together_and_vehicles_do_not_wait(
    redis_client: "redis.Redis",
):
    settings = ChannelSettings(name="tested", kinds=("flagged", "notice"), notices_per_hour=2)
    scene = Scene(redis_client, settings=settings)
    scene.channel.digest_limit = 200
    notices: list[Event] = [notice(subject=f"lane{number}") for number in range(6)]
    for one in notices:
        scene.flag(one)
        scene.step()
    scene.flag(event())
    scene.step()
    assert told(scene) == [ids(notices[0]), ids(notices[1]), ids(event())]
    assert scene.state().failed == 0
    assert scene.state().waiting == 4
    scene.pass_time(3700.0, every_s=30.0)
    assert told(scene)[3:] == [ids(*notices[2:])]
    assert scene.state().waiting == 0


def test_a_channel_without_digests_tells_no_more_than_so_many_an_hour(redis_client: "redis.Redis"):
    settings = ChannelSettings(name="tested", kinds=("notice",), notices_per_hour=2)
    scene = Scene(redis_client, settings=settings)
    scene.channel.parallel = 4
    scene.flag(*[notice(subject=f"lane{number}") for number in range(5)])
    scene.pass_time(3000.0, every_s=30.0)
    assert len(told(scene)) == 2
    scene.pass_time(3600.0, every_s=30.0)
    assert len(told(scene)) == 4


def test_the_board_keeps_what_each_machine_says(redis_client: "redis.Redis"):
    board = NoticeBoard(redis_client)
    watched = Watched()
    watched.see(LOST, for_s=40)
    report = NoticeReport(
        origin="box:kk07", place="东门卡口", version="0.1.0", reported_at=NOON, active=watched.keeper.active
    )
    board.report(report)
    redis_client.set("notices:box:broken", b"\x00")
    assert board.reports() == [report]
    newer = report.model_dump_json().replace('"version"', '"colour":"red","version"')
    redis_client.set("notices:box:kk07", newer)
    assert board.reports() == [report]


def test_every_notice_says_what_to_do_and_the_document_is_made_from_the_table():
    assert len({kind.name for kind in NOTICES}) == len(NOTICES) > 20
    assert [kind.name for kind in NOTICES if len(kind.to_do) < 5 or not kind.title] == []
    assert PAGE.read_text(encoding="utf-8") == document(), "python -m alerts.notices.table > docs/notices.md"
