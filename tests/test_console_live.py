"""From the event stream to an open screen, over a real Redis and a real server."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from alerts.box_status import BoxStatus, HourCount, LanePassage
from alerts.envelope import to_cloudevent
from alerts.flagged import FlaggedEvent
from alerts.stream import STREAM_KEY, connect
from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.parts import Console
from console.situation.tiles import Heard, tiles
from console.types import Role
from riskdb.types import BEIJING
from tests.console_kit import (
    GRID_A,
    GRID_B,
    START,
    Clock,
    cookie_for,
    event_of,
    make_account,
    officer,
    open_console,
    served,
    settings_with,
)


@pytest.fixture
def console(tmp_path: Path, redis_client: redis.Redis) -> Iterator[Console]:
    console = open_console(tmp_path, redis_client, Clock())
    yield console
    console.database.close()


def send(client: redis.Redis, *events: FlaggedEvent) -> None:
    for event in events:
        client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})


def until(lines: Iterator[str], kind: str) -> Any:
    """Return the data of the next message of this kind."""
    for line in lines:
        if line == f"event: {kind}":
            return json.loads(next(lines).removeprefix("data: "))
    raise AssertionError(f"the stream ended without {kind}")


def status_of(checkpoint: str = "一号卡口", **changes) -> BoxStatus:
    fields = {
        "camera_id": f"{checkpoint}-入", "checkpoint": checkpoint, "box": "盒1", "reported_at": START, "fps": 25.0,
        "last_read_at": START, "list_version": 7, "list_age_s": 3.0, "unchecked_waiting": 0, "outbox_pending": 0,
        "redis_ok": True, "clock_offset_s": 0.1, "hours": (HourCount(hour=START, clear=90, flagged=3, unchecked=7),),
    } | changes  # fmt: skip
    return BoxStatus.model_validate(fields)


def test_an_event_a_lane_passage_and_a_box_report_reach_the_screens_of_their_area(console: Console, redis_client):
    make_account(console, "whole", Role.OFFICER)
    make_account(console, "street", Role.OFFICER, GRID_A[:9])
    with served(console) as address, httpx.Client(base_url=address, verify=False, timeout=10) as http:
        streams = []
        for username in ("whole", "street"):
            request = http.build_request("GET", "/screen/stream", headers={"cookie": cookie_header(console, username)})
            answer = http.send(request, stream=True)
            lines = answer.iter_lines()
            until(lines, "ping")
            streams.append((answer, lines))
        send(redis_client, event_of("测B22222", checkpoint="二号卡口"), event_of("测A11111"))
        (whole, whole_lines), (street, street_lines) = streams
        seen = [view["plate_text"] for view in until(whole_lines, "cases")]
        while len(seen) < 2:
            seen += [view["plate_text"] for view in until(whole_lines, "cases")]
        assert sorted(seen) == ["测A11111", "测B22222"]
        own = until(street_lines, "cases") or until(street_lines, "cases")
        assert [view["plate_text"] for view in own] == ["测A11111"]
        passage = LanePassage(
            camera_id="x", checkpoint="一号卡口", text="测A99999", plate_class="02", outcome="clear", passed_at=START
        )
        console.board.announce(passage)
        lane = until(street_lines, "lane")
        assert (lane["outcome"], lane["text"]) == ("clear", "测A·9**99")
        console.board.report(status_of())
        changed = until(whole_lines, "tiles")["changed"]
        while "一号卡口-入" not in [tile["camera_id"] for tile in changed]:
            changed = until(whole_lines, "tiles")["changed"]
        whole.close()
        street.close()


def test_a_case_handed_to_another_street_leaves_the_screens_that_see_it_no_more(console: Console):
    make_account(console, "street", Role.OFFICER, GRID_A[:9])
    console.intake.take([event_of()], console.now())
    for step in (StepRequest(1, Action.CONFIRM), StepRequest(1, Action.ASSIGN, reason=GRID_B)):
        console.desk.act(step, officer(), console.now())
    headers = {"cookie": cookie_header(console, "street")}
    with (
        served(console) as address,
        httpx.Client(base_url=address, verify=False, timeout=10, headers=headers) as http,
        http.stream("GET", "/screen/stream") as answer,
    ):
        lines = answer.iter_lines()
        until(lines, "ping")
        console.hub.touch([1], may_have_left=True)
        assert until(lines, "gone") == [1]


def cookie_header(console: Console, username: str) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookie_for(console, username).items())


def test_logging_out_closes_the_open_screen(console: Console):
    make_account(console, "officer", Role.OFFICER)
    cookie = cookie_header(console, "officer")
    session = console.sessions.find(cookie.split("=", 1)[1], console.now())
    assert session is not None
    with (
        served(console) as address,
        httpx.Client(base_url=address, verify=False, timeout=10, headers={"cookie": cookie}) as http,
    ):
        with http.stream("GET", "/screen/stream") as answer:
            lines = answer.iter_lines()
            until(lines, "ping")
            http.post("/logout", headers={"x-csrf-token": session.csrf_token})
            until(lines, "ended")
        assert http.get("/screen/cases").status_code == 401


def test_the_stream_of_a_person_whose_account_is_switched_off_ends_within_two_seconds(console: Console):
    gone, stays = (make_account(console, name, Role.OFFICER) for name in ("gone", "stays"))
    cookies = {name: cookie_header(console, name) for name in ("gone", "stays")}
    assert gone.account_id is not None
    with (
        served(console) as address,
        httpx.Client(base_url=address, verify=False, timeout=10) as http,
        http.stream("GET", "/screen/stream", headers={"cookie": cookies["gone"]}) as answer,
        http.stream("GET", "/screen/stream", headers={"cookie": cookies["stays"]}) as other,
    ):
        lines, other_lines = answer.iter_lines(), other.iter_lines()
        until(lines, "ping")
        until(other_lines, "ping")
        console.accounts.set_active(gone.account_id, False, stays, console.now())
        switched_off_at = time.monotonic()
        until(lines, "ended")
        assert time.monotonic() - switched_off_at < 2
        assert until(other_lines, "state"), "nobody else's ends"


def test_a_lost_redis_is_said_and_the_tiles_turn_red_instead_of_vanishing(tmp_path: Path, redis_client):
    clock = Clock()
    console = open_console(tmp_path, redis_client, clock)
    console.board.report(status_of())
    console.boxes.refresh()
    gone = open_console(tmp_path, connect("unix:///nowhere"), clock)
    assert gone.feed.step() == 0
    assert "不会丢失" in gone.feed.trouble
    assert gone.boxes.refresh() == []
    clock.forward(60)
    shown = console.boxes.tiles(clock())
    assert [(tile.checkpoint, tile.health) for tile in shown] == [("一号卡口", "bad"), ("二号卡口", "bad")]
    for each in (console, gone):
        each.database.close()


@pytest.mark.parametrize(
    ("change", "health", "words"),
    [
        ({}, "ok", ""),
        ({"unchecked_waiting": 4}, "warn", "未核对 4"),
        ({"clock_offset_s": 28800.0}, "warn", "摄像机时钟偏差 8 小时"),
        ({"outbox_pending": 500}, "warn", "积压 500"),
        ({"fps": 0.0}, "bad", "摄像机无画面"),
        ({"camera_quality": "black"}, "bad", "画面全黑"),
        ({"camera_quality": "no_signal"}, "bad", "无视频信号"),
        ({"camera_quality": "frozen"}, "bad", "画面静止"),
        ({"camera_quality": "covered"}, "bad", "遮挡"),
        ({"camera_quality": "out_of_focus"}, "bad", "失焦"),
        ({"camera_quality": "turned"}, "bad", "画面旋转"),
        ({"list_age_s": 5000.0}, "bad", "名单过旧"),
        ({"list_version": None}, "bad", "没有名单"),
        ({"redis_ok": False, "list_version": None}, "bad", "名单服务不可用"),
    ],
)
def test_a_tile_says_what_is_wrong(change: dict[str, Any], health: str, words: str):
    tile = tiles([Heard(status_of(**change), START)], settings_with(checkpoint=()), START)[0]
    assert tile.health == health
    assert words in " ".join(tile.problems)


@pytest.mark.parametrize(
    ("hour", "neighbour_idle_h", "words"),
    [(12, 0.2, "4 小时无车牌"), (12, 2.0, ""), (4, 0.2, ""), (8, 0.2, ""), (21, 0.2, "")],
)
def test_a_camera_without_plates_by_day_is_told_while_another_one_sees_some(
    hour: int, neighbour_idle_h: float, words: str
):
    now = datetime(2026, 11, 24, hour, tzinfo=BEIJING)
    since = {"last_read_at": None, "watched_since": now - timedelta(hours=4)}
    blind = Heard(status_of("一号卡口", reported_at=now, **since), now)
    busy = status_of("二号卡口", reported_at=now, last_read_at=now - timedelta(hours=neighbour_idle_h))
    shown = tiles([blind, Heard(busy, now)], settings_with(checkpoint=()), now)
    assert {tile.checkpoint: " ".join(tile.problems) for tile in shown} == {"一号卡口": words, "二号卡口": ""}


def test_a_box_that_fell_silent_before_the_console_started_is_lost(console: Console):
    console.board.report(status_of(reported_at=START - timedelta(minutes=3)))
    console.boxes.refresh()
    assert "失联 3 分钟" in console.boxes.tiles(START)[0].problems


@pytest.mark.parametrize(("hours", "words"), [(-1, "盒子时钟慢 60 分钟"), (1, "盒子时钟快 60 分钟")])
def test_a_box_whose_clock_is_wrong_by_an_hour_is_heard_and_told(tmp_path, redis_client, hours: int, words: str):
    clock = Clock()
    console = open_console(tmp_path, redis_client, clock)
    for seconds in (0, 2, 4):
        clock.moment = START + timedelta(seconds=seconds)
        wrong = clock() + timedelta(hours=hours)
        console.board.report(status_of(reported_at=wrong, last_read_at=wrong))
        console.boxes.refresh()
    tile = next(tile for tile in console.boxes.tiles(clock()) if tile.camera_id)
    assert (tile.health, tile.problems, tile.last_read_at) == ("warn", (words,), clock())
    console.database.close()


def test_the_boxes_counters_reconcile_and_a_late_report_does_no_harm(console: Console):
    late = status_of(hours=(HourCount(hour=START, clear=10, flagged=0, unchecked=0),))
    console.hours.keep([status_of(), status_of("二号卡口")])
    console.hours.keep([late])
    counts = console.statistics.counts(START, START + timedelta(hours=1))
    assert (counts.passages, counts.clear, counts.flagged, counts.unchecked) == (200, 180, 6, 14)
    assert counts.passages == counts.clear + counts.flagged + counts.unchecked
