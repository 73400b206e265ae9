"""The canary (自检车): it goes through everything, opens no case, and whichever link is broken is named in time."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from alerts.canary import CanaryEvent
from alerts.canary_marks import CanaryMarks
from alerts.channels.base import ChannelSettings, DeliveryError
from alerts.kinds import KIND_NAMES, from_cloudevent
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from kakou.box.canary import send_canary
from kakou.box.processes import box_children, new_order
from kakou.settings import Settings
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from pipeline.settings import TrackSettings
from pipeline.types import Reader
from pipeline.walk.canary import CANARY_TEXT, CanarySink, CanaryWalk
from riskdb.match import MatchRule
from riskdb.settings import RiskSettings
from riskdb.types import RiskList
from tests.alerts_kit import NOON
from tests.alerts_rigs import CHANNELS
from tests.alerts_scene import Scene
from tests.canary_chain import EVERY_S, ORIGIN, Chain, Eyes, PaperList
from tests.console_kit import Clock, open_console
from tests.notice_machine import Machine
from tests.riskdb_kit import risk_rig


def walk_of(reader: Reader, risk_list: RiskList, outbox: Outbox) -> CanaryWalk:
    rule, sink = MatchRule.of(RiskSettings()), CanarySink(outbox.append, ORIGIN)
    return CanaryWalk(lambda: reader, risk_list, rule, sink, TrackSettings(), "东门卡口")


def test_the_canarys_picture_goes_through_the_real_reader_and_the_real_list_into_the_outbox(
    tmp_path: Path, redis_url: str
):
    reader = PlateReader.from_models(shipped_models(), ReaderSettings(second_long_side_px=0))
    with risk_rig(tmp_path, redis_url) as rig, Outbox(tmp_path / "outbox.sqlite") as outbox:
        rig.travelled("鲁B00001")
        rig.declared()
        walk = walk_of(reader, rig.hot_set(), outbox)
        result = send_canary(walk, outbox, rig.clock.now.astimezone)
        assert (result.lost_in, result.seq) == ("", 1)
        event = from_cloudevent(outbox.after(0, 1)[0].body)
        assert isinstance(event, CanaryEvent)
        assert event.confidence > 0.9
        assert not rig.is_listed(CANARY_TEXT), "nobody's list holds it"
        rig.clock.forward(hours=1)
        again = dataclasses.replace(walk, build_reader=Eyes)
        assert send_canary(again, outbox, rig.clock.now.astimezone).lost_in == "list", "nobody tends the list"


def test_a_canary_opens_no_case_is_counted_nowhere_and_is_no_kind_that_a_channel_can_ask_for(
    tmp_path: Path, redis_client: "redis.Redis"
):
    console = open_console(tmp_path, redis_client, Clock())
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        send_canary(walk_of(Eyes(), PaperList(), outbox), outbox, lambda: NOON)
        Relay(outbox, FlaggedStream(redis_client)).step()
    assert console.feed.step() == 1
    assert console.statistics.open_by_grid("") == {}
    assert CanaryMarks(redis_client).last("console") == {ORIGIN: round(NOON.timestamp() * 1000)}
    assert "canary" not in KIND_NAMES
    console.database.close()


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_channels_test_path_tells_nobody_and_fails_where_its_far_end_does(tmp_path: Path, kind: str):
    with CHANNELS[kind](tmp_path) as rig:
        rig.channel.probe()
        if kind in ("webhook", "wecom", "dingtalk", "feishu"):
            assert all(not body for body in rig.arrived()), "nothing is posted"
        if kind == "lane":
            return  # its command is not run: the barrier would sound
        rig.break_it()
        if kind == "mqtt":
            rig.channel.close()
        with pytest.raises(DeliveryError):
            rig.channel.probe()


def test_only_a_box_with_cameras_has_a_canary_and_it_keeps_no_box_alive(tmp_path: Path):
    def children(uri: str, **watch: float) -> dict[str, bool]:
        source = {"camera_id": "a", "checkpoint": "东门卡口", "uri": uri}
        settings = Settings.model_validate({"state_dir": tmp_path, "source": [source], "watch": watch})
        return {one.name: one.is_attendant for one in box_children(settings, new_order(settings, ""))}

    assert children("rtsp://10.0.0.1/1") == {"cameras-1": False, "canary": True}
    assert children("rtsp://10.0.0.1/1", canary_minutes=0) == {"cameras-1": False}
    assert children("clip.mp4") == {"a": False}


@pytest.fixture
def chain(tmp_path: Path, redis_url: str, redis_client: "redis.Redis") -> Iterator[Chain]:
    settings = ChannelSettings(name="tested")
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        chain = Chain(Machine(tmp_path, redis_url, redis_client, outbox), Scene(redis_client, settings=settings))
        chain.run(1800.0)
        assert chain.amiss() == (set(), set())
        yield chain
        chain.centre.outbox.close()


@pytest.mark.parametrize(
    ("breaks", "by_box", "by_centre"),
    [
        ("reader", {"reader"}, {"kk07"}),
        pytest.param("list", {"list"}, {"kk07"}, marks=pytest.mark.long),
        pytest.param("outbox", {"outbox"}, {"kk07"}, marks=pytest.mark.long),
        ("relay", {"stream"}, {"kk07"}),
        ("channel", set(), {"kk07"}),
        ("process", {"自检进程"}, {"kk07"}),
    ],
)
def test_whichever_link_is_broken_is_noticed_within_12_minutes_and_its_mending_too(
    chain: Chain, breaks: str, by_box: set[str], by_centre: set[str]
):
    def switch(is_broken: bool) -> None:
        chain.eyes.is_blind = is_broken and breaks == "reader"
        chain.listed.is_down = is_broken and breaks == "list"
        chain.is_outbox_broken = is_broken and breaks == "outbox"
        chain.has_relay = not (is_broken and breaks == "relay")
        chain.has_process = not (is_broken and breaks == "process")
        chain.probed.is_broken = is_broken and breaks == "channel"

    switch(True)
    chain.run(12 * 60.0)
    assert chain.amiss() == (by_box, by_centre)
    telling = [chain.centre] + [chain.machine] * (bool(by_box) and chain.has_relay)
    for one in telling:
        one.seen("begun", "canary_missed")
    chain.run(30 * 60.0)
    assert chain.amiss() == (by_box, by_centre)
    began = list(chain.machine.watch.keeper.begun_total.values())
    assert began == [1] * len(by_box), "said once, however long it lasts"
    switch(False)
    chain.run(12 * 60.0)
    assert chain.amiss() == (set(), set())
    for one in telling:
        one.seen("ended", "canary_missed")
    assert chain.scene.state().dead == 0
    assert chain.scene.state().delivered == 0, "nobody was told of a canary"


def test_a_channel_that_fails_beside_one_that_works_is_named(chain: Chain):
    marks = CanaryMarks(chain.machine.client)
    chain.probed.is_broken = True
    for _ in range(24):
        chain.tick()
        if chain.last is not None:
            other = marks.last("channel:tested") | {ORIGIN: round(chain.last.sent_at.timestamp() * 1000)}
            chain.machine.client.hset("canary:console", ORIGIN, other[ORIGIN])
    assert chain.amiss() == (set(), {"kk07 tested"})


def test_a_box_that_the_centre_never_had_a_canary_of_is_named(chain: Chain):
    silent = NoticeReport(origin="box:kk08", place="北门卡口", version="0", reported_at=NOON, canary_every_s=EVERY_S)
    NoticeBoard(chain.machine.client).report(silent)
    chain.run(12 * 60.0)
    assert chain.amiss() == (set(), {"kk08"})


@pytest.mark.parametrize("hours", [1.5, pytest.param(24.0, marks=pytest.mark.long)])
def test_no_false_word_in_a_day(chain: Chain, hours: float):
    chain.run(hours * 3600.0)
    said = [from_cloudevent(row.body) for row in chain.machine.outbox.after(0, 100_000)]
    assert {one.kind for one in said} == {"canary"}
    assert len(said) == (hours * 3600 + 1800) / EVERY_S
    assert chain.centre.outbox.last_seq() == 0
    assert chain.machine.now() - NOON == timedelta(hours=hours + 0.5)
