"""One contract for every channel that there is a file of; its far end stands in alerts_rigs.py."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.channels.base import ChannelConfigError, DeliveryError
from alerts.channels.bot import message_of
from alerts.channels.build import build_channels
from alerts.channels.finding import channel_kinds
from alerts.channels.webhook import parse_retry_after
from alerts.kinds import from_cloudevent
from alerts.settings import AlertsSettings
from tests.alerts_kit import INVENTED_PLATE, NOON, event, events, wait_until
from tests.alerts_rigs import CHANNELS, TOKEN, Rig, built, mqtt_rig, webhook_rig
from tests.alerts_server import Answer, port_of, scripted_server, secret_file
from tests.mqtt_broker import mqtt_broker

SEES_THE_PLATE = {"lane"}


@pytest.fixture(params=channel_kinds())
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(kind: str, tmp_path: Path) -> Iterator[Rig]:
    assert kind in CHANNELS, f"give the channel {kind} a far end in tests/alerts_rigs.py"
    with CHANNELS[kind](tmp_path) as made:
        yield made


def test_a_delivered_event_arrives(rig: Rig):
    rig.channel.deliver([event()])
    [arrived] = rig.arrived()
    document = json.loads(arrived[arrived.index("{") :])
    assert "东门卡口" in json.dumps(document, ensure_ascii=False)


def test_the_plate_stays_inside_unless_the_receiver_is_set_to_see_it(rig: Rig, kind: str):
    rig.channel.deliver([event()])
    text = "".join(rig.arrived())
    assert (INVENTED_PLATE[1:] in text) == (kind in SEES_THE_PLATE)


def test_a_far_end_that_fails_is_an_error_without_plate_or_secret(rig: Rig):
    rig.break_it()
    with pytest.raises(DeliveryError) as failure:
        rig.channel.deliver([event()])
    assert INVENTED_PLATE not in str(failure.value)
    assert TOKEN not in str(failure.value)


def test_nothing_of_a_delivery_is_logged_that_must_not_be(rig: Rig, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        rig.channel.deliver([event()])
    assert INVENTED_PLATE not in caplog.text
    assert TOKEN not in caplog.text


def test_a_channel_is_ready_with_room_for_an_event(rig: Rig):
    assert rig.channel.ready_in_s() == 0.0
    assert rig.channel.batch_limit >= 1
    assert rig.channel.parallel >= 1


def test_a_full_webhook_carries_the_whole_event(tmp_path: Path):
    with webhook_rig(tmp_path, full_payload=True) as rig:
        rig.channel.deliver([event()])
        assert from_cloudevent(rig.arrived()[0]) == event()


def test_a_webhook_is_signed_with_every_current_secret(tmp_path: Path):
    with scripted_server() as server:
        other = tmp_path / "other"
        other.write_text("whsec_" + "b3RoZXIgc2VjcmV0IG9mIHRoZSB0ZXN0cyAzMiBieXQ=")
        channel = built((port_of(server),), kind="webhook", url=server.url, secret_files=[secret_file(tmp_path), other])
        channel.deliver([event()])
        channel.close()
        headers = server.received[0].headers
        assert headers["webhook-id"] == event().event_id
        assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
        assert len(headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "c2hvcnQ=", "whsec_***", "whsec_" + "QUFB" * 30, "two words"]
)
def test_a_webhook_secret_that_is_no_good_is_refused_at_the_start(tmp_path: Path, secret: str):
    with pytest.raises(ChannelConfigError, match="tested"):
        built(kind="webhook", url="https://platform.example.org/", secret_files=[secret_file(tmp_path, secret)])


def test_a_missing_secret_file_is_named(tmp_path: Path):
    with pytest.raises(ChannelConfigError, match="nowhere"):
        built(kind="webhook", url="https://platform.example.org/", secret_files=[tmp_path / "nowhere"])


@pytest.mark.parametrize("status", [300, 301, 400, 401, 404, 408, 410, 429, 500, 502, 503, 504])
def test_everything_but_2xx_is_a_failure(tmp_path: Path, status: int):
    with scripted_server() as server:
        server.answer = lambda _: Answer(status, headers=(("location", server.url), ("retry-after", "7")))
        channel = built((port_of(server),), kind="webhook", url=server.url, secret_files=[secret_file(tmp_path)])
        with pytest.raises(DeliveryError) as failure:
            channel.deliver([event()])
        channel.close()
        assert failure.value.is_gone == (status == 410)
        assert failure.value.retry_after_s == 7.0
        assert len(server.received) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("120", 120.0),
        ("Tue, 24 Nov 2026 04:01:00 GMT", 60.0),
        ("Tue, 24 Nov 2026 03:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None):
    assert parse_retry_after(value, NOON) == expected


def test_a_checkpoint_name_cannot_write_markdown_or_topics(tmp_path: Path):
    odd = event(checkpoint="[click](https://evil.example)/+/#")
    assert "](https://evil" not in message_of([odd], "")[1]
    with mqtt_rig(tmp_path) as rig:
        rig.channel.deliver([odd])
        assert rig.arrived()[0].startswith("kakou/events/[click](https:--evil.example)---- ")


def test_a_broker_that_refuses_the_password_or_the_topic_is_a_failure(tmp_path: Path):
    (tmp_path / "password").write_text("wrong\n")
    (tmp_path / "good").write_text("p\n")
    with mqtt_broker(tmp_path) as port:
        common = {"kind": "mqtt", "host": "127.0.0.1", "port": port, "tls": False, "username": "u"}
        wrong = built((port,), **common, password_file=tmp_path / "password")
        with pytest.raises(DeliveryError, match="不接受登录"):
            wrong.deliver([event()])
        elsewhere = built((port,), **common, password_file=tmp_path / "good", topic="secret")
        with pytest.raises(DeliveryError, match="拒收"):
            elsewhere.deliver([event()])
        elsewhere.close()


def test_a_broker_that_comes_back_is_used_again(tmp_path: Path):
    with mqtt_rig(tmp_path) as rig:
        rig.channel.deliver([event()])
        rig.channel.close()
        rig.channel.deliver([event(1)])
        wait_until(lambda: len(rig.arrived()) == 2, what="the second event")


def test_a_line_cut_off_by_a_crash_does_not_swallow_the_next(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"half": ')
    channel = built(kind="file", path=path)
    for one in events(2):
        channel.deliver([one])
    lines = path.read_text().splitlines()
    assert lines[0] == '{"half": '
    assert [json.loads(line)["event_id"] for line in lines[1:]] == [item.event_id for item in events(2)]


def test_two_channels_of_one_name_are_refused():
    twice = {"name": "same", "kind": "file", "path": "a"}
    settings = AlertsSettings.model_validate({"channel": [twice, twice]})
    with pytest.raises(ChannelConfigError, match="same"):
        build_channels(settings, lambda: NOON)
