"""Everything of `kakou deliver` together: a real Redis, real receivers, several channels."""

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from prometheus_client import generate_latest

from alerts.delivery.channel_state import channel_states
from alerts.delivery.delivery import Delivery, unknown_channels
from alerts.outbox import Outbox
from alerts.settings import AlertsSettings
from alerts.stream import FlaggedStream, connect
from tests.alerts_kit import event, events, wait_until
from tests.alerts_server import Answer, ScriptedServer, port_of, scripted_server, secret_file


def settings_for(folder: Path, *servers: ScriptedServer) -> AlertsSettings:
    channels = [
        {"name": f"hook{number}", "kind": "webhook", "url": server.url, "secret_files": [secret_file(folder)]}
        | {"timeout_s": 1.0}
        for number, server in enumerate(servers)
    ]
    ports = [port_of(server) for server in servers]
    return AlertsSettings.model_validate(
        {"channel": channels, "allowed_networks": ["127.0.0.1/32"], "allowed_ports": ports}
    )


@contextlib.contextmanager
def delivering(settings: AlertsSettings, url: str, outbox: Outbox) -> Iterator[Delivery]:
    stop = threading.Event()
    with connect(url) as client:
        delivery = Delivery(settings, client, outbox, lambda: datetime.now(UTC), consumer="box-1")
        thread = threading.Thread(target=delivery.run, args=(stop,))
        thread.start()
        try:
            yield delivery
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


def ids_at(server: ScriptedServer) -> list[str]:
    return [json.loads(received.body)["id"] for received in server.received]


def test_an_event_goes_from_the_outbox_to_every_channel(redis_url: str, outbox: Outbox, tmp_path: Path):
    with (
        scripted_server() as one,
        scripted_server() as two,
        delivering(settings_for(tmp_path, one, two), redis_url, outbox) as delivery,
    ):
        outbox.append(event())
        wait_until(lambda: ids_at(one) == ids_at(two) == [event().event_id])
        wait_until(lambda: outbox.pending_count() == _waiting(redis_url) == 0)
        exposed = generate_latest(delivery.registry).decode()
    for line in (
        "kakou_outbox_pending 0.0",
        "kakou_outbox_reserve_held 1.0",
        'kakou_alerts_waiting{channel="hook1"} 0.0',
    ):
        assert line in exposed


@pytest.mark.parametrize(
    "how", ["hang", pytest.param("cut", marks=pytest.mark.long), "drip", pytest.param("whole", marks=pytest.mark.long)]
)
def test_a_receiver_in_trouble_does_not_slow_the_others(how: str, redis_url: str, outbox: Outbox, tmp_path: Path):
    with scripted_server() as broken, scripted_server() as fine:
        broken.answer = lambda _: Answer(500, how=how)
        with delivering(settings_for(tmp_path, broken, fine), redis_url, outbox):
            for item in events(20):
                outbox.append(item)
            wait_until(lambda: sorted(ids_at(fine)) == sorted(item.event_id for item in events(20)), timeout_s=5.0)
        assert len(broken.received) <= 8


def test_nothing_is_lost_when_a_receiver_comes_back(redis_url: str, outbox: Outbox, tmp_path: Path):
    with scripted_server() as server:
        server.answer = lambda _: Answer(503)
        with delivering(settings_for(tmp_path, server), redis_url, outbox):
            for item in events(5):
                outbox.append(item)
            wait_until(lambda: len(server.received) >= 2)
            server.answer = lambda _: Answer(200)
            wait_until(lambda: {item.event_id for item in events(5)} <= set(ids_at(server)))
            wait_until(lambda: _waiting(redis_url) == 0)


def _waiting(redis_url: str) -> int:
    with connect(redis_url) as client:
        return sum(state.waiting for state in channel_states(client, []))


def test_a_channel_that_left_the_settings_is_named(redis_client: "redis.Redis"):
    stream = FlaggedStream(redis_client)
    stream.group("channel:left", "one").read(block_ms=0)
    stream.group("console", "one").read(block_ms=0)
    assert unknown_channels(stream, AlertsSettings()) == ["left"]
