"""Whatever an entry of the stream holds, it becomes a dead letter and the next one is taken, by every consumer."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
import redis
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from sqlalchemy import select
from sqlalchemy.exc import DataError, OperationalError
from typer.testing import CliRunner

from alerts.box_status import STATUS_KEY, StatusBoard
from alerts.channels.bot import message_of
from alerts.channels.lane import lane_line
from alerts.channels.mqtt import topic_level
from alerts.channels.payload import envelope_of
from alerts.delivery.channel_queue import DUE_KEY, TRIES_KEY, ChannelQueue
from alerts.delivery.metrics import QueueCollector
from alerts.envelope import Event, to_cloudevent
from alerts.flagged import FlaggedEvent
from alerts.outbox import Outbox
from alerts.redis_link import RELAYED_KEY
from alerts.relay import Relay
from alerts.stream import STREAM_KEY, FlaggedStream
from console.parts import Console
from console.situation.event_readers import EventReaders, event_readers
from console.store.tables import EventRow
from kakou.commands import deliver as deliver_cli
from kakou.commands import events as events_cli
from kakou.exit_codes import ExitCode
from tests.alerts_kit import event
from tests.alerts_malformed import spoiled
from tests.alerts_scene import Scene, fail
from tests.console_app import app_of
from tests.console_kit import Clock, event_of, open_console

LAST = event(10**6, camera_id="cam-last")
OUT_OF_CALENDAR = json.dumps(
    json.loads(to_cloudevent(event()))
    | {"data": json.loads(to_cloudevent(event()))["data"] | {"captured_at": "0001-01-01T00:00:00+23:59"}}
).encode()

counts = pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.long)])


def put(client: "redis.Redis", count: int, seed: int = 12) -> None:
    """Add spoiled entries, and a sound one behind them."""
    entries = [*spoiled(seed, count), {b"event": to_cloudevent(LAST)}]
    for start in range(0, len(entries), 100):
        with client.pipeline(transaction=False) as pipe:
            for fields in entries[start : start + 100]:
                pipe.xadd(STREAM_KEY, fields or {b"none": b""})  # type: ignore[arg-type]  # redis-py wants a wider dict
            pipe.execute()


def is_through(client: "redis.Redis", group: str) -> bool:
    states = {state.group: state for state in FlaggedStream(client).groups()}
    return group in states and states[group].pending == states[group].unread == 0


@pytest.fixture
def console(tmp_path: Path, redis_client: "redis.Redis"):
    opened = open_console(tmp_path / "console", redis_client, Clock())
    yield opened
    opened.database.close()


@counts
def test_the_console_takes_what_comes_behind_any_entry(console: Console, redis_client: "redis.Redis", count: int):
    put(redis_client, count)
    for _ in range(count):
        console.feed.step()
        if is_through(redis_client, "console"):
            break
    assert is_through(redis_client, "console")
    assert console.feed.trouble == ""
    assert LAST.event_id in _stored(console)
    assert console.feed.dead_letters == FlaggedStream(redis_client).dead_count() > count / 2
    assert f"{console.feed.dead_letters} 条预警" in json.loads(console.state.whole(""))["trouble"]


def _stored(console: Console) -> set[str]:
    with console.database.reading() as session:
        return set(session.scalars(select(EventRow.event_id)))


@counts
def test_a_channel_takes_what_comes_behind_any_entry(redis_client: "redis.Redis", count: int):
    scene = Scene(redis_client)
    scene.channel.script = say_in_every_way
    put(redis_client, count)
    for _ in range(10 * count):
        scene.step()
        if is_through(redis_client, "channel:tested"):
            break
    assert scene.channel.delivered[-1] == LAST.event_id
    state = scene.state()
    assert state.failed == 0
    assert state.dead == FlaggedStream(redis_client).dead_count() > count / 2


def say_in_every_way(events: Sequence[Event]) -> None:
    """Do what the channels do to tell of an event; none may break over what a stream may hold."""
    message_of(events, "https://console.example")
    for one in events:
        for full in (True, False):
            envelope_of(one, full_payload=full, link_base="https://console.example").decode()
        topic_level(one.place).encode()
        events_cli.event_row(one).encode()
        assert isinstance(one, FlaggedEvent)
        lane_line(one).encode()


@counts
def test_the_command_line_shows_what_is_left_of_any_entry(
    tmp_path: Path, redis_client: "redis.Redis", redis_url: str, count: int
):
    config = tmp_path / "kakou.toml"
    config.write_text(f'state_dir = "{tmp_path}/var"\nredis_url = "{redis_url}"\n')
    put(redis_client, count)
    reader = FlaggedStream(redis_client).group("console", "one")
    while not is_through(redis_client, "console"):
        reader.ack(*reader.read(block_ms=0))
    shown = CliRunner().invoke(events_cli.app, ["--config", str(config), "-n", str(count)])
    assert shown.exit_code == ExitCode.OK
    assert LAST.place in shown.stdout.splitlines()[-1]
    for form in ([], ["--json"]):
        dead = CliRunner().invoke(events_cli.app, ["dead", *form, "--config", str(config)])
        assert dead.exit_code == ExitCode.FINDINGS, dead.exception
    told = CliRunner().invoke(deliver_cli.app, ["status", "--config", str(config)])
    assert told.exit_code == ExitCode.FINDINGS
    assert f"{FlaggedStream(redis_client).dead_count()} 条死信" in told.stderr


def test_a_time_outside_the_calendar_is_a_dead_letter_that_everybody_is_told_of(
    console: Console, redis_client: "redis.Redis"
):
    redis_client.xadd(STREAM_KEY, {"event": OUT_OF_CALENDAR})
    redis_client.xadd(STREAM_KEY, {"event": to_cloudevent(event_of())})
    for _ in range(3):
        console.feed.step()
    assert _stored(console) == {event_of().event_id}
    with TestClient(app_of(console)) as http:
        assert http.get("/healthz").json() == {"events_come_in": True, "dead_letters": 1}
    [letter] = FlaggedStream(redis_client).dead()
    assert letter.reason == "事件的这些字段不对：captured_at；各端应为同一版本"


def test_metrics_count_what_a_channel_could_not_understand(redis_client: "redis.Redis"):
    scene = Scene(redis_client)
    redis_client.xadd(STREAM_KEY, {"event": OUT_OF_CALENDAR})
    scene.step()
    scene.registry.register(QueueCollector(redis_client, ["tested"], None))
    exposed = generate_latest(scene.registry).decode()
    assert 'kakou_alerts_gave_up_total{channel="tested"} 1.0' in exposed
    assert "kakou_alerts_dead_letters 1.0" in exposed


def refusing(console: Console, refused: str, error: Exception) -> EventReaders:
    """Return readers that refuse one event, as a database may that cannot hold what is in it."""
    [(kind, taken)] = event_readers(console.intake).items()

    def read(events: Sequence[Event], now: datetime) -> Iterable[int]:
        if any(one.event_id == refused for one in events):
            raise error
        return taken(events, now)

    return {kind: read}


@pytest.mark.parametrize(
    "error", [ValueError("x"), OverflowError("x"), KeyError("x"), DataError("x", None, Exception())]
)
def test_an_event_that_cannot_be_stored_is_a_dead_letter_and_those_around_it_are_cases(
    console: Console, redis_client: "redis.Redis", error: Exception
):
    passages = [event_of(f"测A1234{number}") for number in range(5)]
    for one in passages:
        redis_client.xadd(STREAM_KEY, {"event": to_cloudevent(one)})
    console.feed._readers = refusing(console, passages[2].event_id, error)
    for _ in range(3):
        console.feed.step()
    assert _stored(console) == {one.event_id for one in passages} - {passages[2].event_id}
    assert [letter.event_id for letter in FlaggedStream(redis_client).dead()] == [passages[2].event_id]


def test_no_event_is_given_up_while_the_database_is_away(console: Console, redis_client: "redis.Redis"):
    console.feed.step()  # makes the group
    redis_client.xadd(STREAM_KEY, {"event": to_cloudevent(event_of())})
    sound = console.feed._readers
    console.feed._readers = refusing(console, event_of().event_id, OperationalError("x", None, Exception()))
    console.feed.step()
    assert "恢复后会自动补齐" in console.feed.trouble
    console.feed._readers = sound
    console.feed.step()
    assert FlaggedStream(redis_client).dead_count() == 0
    assert _stored(console) == {event_of().event_id}


@pytest.mark.parametrize("member", ["nonsense", "99999999999999999999-0", b"\xff", "1-1", ""])
def test_a_schedule_that_somebody_wrote_into_holds_up_nothing(redis_client: "redis.Redis", member: str | bytes):
    scene = Scene(redis_client)
    redis_client.zadd(DUE_KEY + "tested", {member: 0})  # type: ignore[type-var]  # redis-py knows no key of either type
    scene.flag(event())
    scene.step(3)
    assert scene.channel.delivered == [event().event_id]
    assert redis_client.zcard(DUE_KEY + "tested") == 0


def test_a_count_of_tries_that_is_no_number_holds_up_nothing(redis_client: "redis.Redis"):
    scene = Scene(redis_client)
    scene.channel.script = fail
    scene.flag(event())
    scene.step()
    [entry_id] = redis_client.hkeys(TRIES_KEY + "tested")
    redis_client.hset(TRIES_KEY + "tested", entry_id, "many")
    redis_client.hset("events:channel:tested", mapping={"last_failure_ms": "some", "last_success_ms": "-1"})
    scene.channel.script = lambda _: None
    scene.pass_time(60)
    assert scene.channel.delivered == [event().event_id]
    assert scene.state().last_failure_ms is None


def test_an_entry_from_behind_the_calendar_is_delivered(redis_client: "redis.Redis"):
    scene = Scene(redis_client)
    redis_client.xadd(STREAM_KEY, {"event": to_cloudevent(event())}, id=f"{2**64 - 2}-0")
    scene.step(2)
    assert scene.channel.delivered == [event().event_id]
    assert ChannelQueue(redis_client, "tested", "box-1").disabled() == ""


@pytest.mark.parametrize("value", ["", "nonsense", b"\xff\xfe", "-7:x", "9" * 40, "1e3", "١"])
def test_a_spoiled_place_in_redis_does_not_stop_the_relay(
    tmp_path: Path, redis_client: "redis.Redis", value: str | bytes
):
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        outbox.append(event())
        redis_client.set(RELAYED_KEY + outbox.outbox_id, value)
        Relay(outbox, FlaggedStream(redis_client)).step()
        assert [entry.event for entry in FlaggedStream(redis_client).recent(9)] == [event()]
        assert outbox.pending_count() == 0


def test_a_report_that_no_box_wrote_leaves_the_tiles_of_the_others(console: Console, redis_client: "redis.Redis"):
    report = {
        "camera_id": "cam-1", "checkpoint": "一号卡口", "box": "box-1", "fps": 25.0, "last_read_at": None,
        "list_version": 1, "list_age_s": 1.0, "unchecked_waiting": 0, "outbox_pending": 0, "redis_ok": True,
        "clock_offset_s": None, "reported_at": console.now().isoformat(),
        "hours": [{"hour": console.now().isoformat(), "clear": 3}],
    }  # fmt: skip
    spoiled_ones: tuple[dict[str, object], ...] = (
        {"fps": float("nan")}, {"reported_at": "0001-01-01T00:00:00+23:59"}, {"hours": [{"hour": "x"}]},
        {"hours": [{"hour": console.now().isoformat(), "clear": 2**70}]}, {"list_age_s": float("inf")},
    )  # fmt: skip
    for number, change in enumerate(({}, *spoiled_ones)):
        redis_client.set(f"{STATUS_KEY}cam-{number}", json.dumps(report | {"camera_id": f"cam-{number}"} | change))
    redis_client.set(f"{STATUS_KEY}cam-9", json.dumps(report | {"camera_id": "cam-0", "fps": 0.0}))  # in another's name
    assert [(status.camera_id, status.fps) for status in StatusBoard(redis_client).statuses()] == [("cam-0", 25.0)]
    console.hours.keep(console.boxes.refresh())
    tiles = json.loads(console.state.whole(""))["tiles"]
    assert [tile["camera_id"] for tile in tiles if tile["camera_id"]] == ["cam-0"]
