"""The Kafka channel: keys, envelope, and each event once in the topic, whoever dies meanwhile."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from alerts.channels.base import ChannelConfigError, DeliveryError
from alerts.channels.egress import EgressError
from alerts.channels.kafka import KafkaChannel
from alerts.delivery.channel_state import channel_states
from alerts.envelope import to_cloudevent
from alerts.kinds import from_cloudevent
from alerts.stream import STREAM_KEY
from tests.alerts_kit import event, events
from tests.alerts_rigs import built
from tests.feed_kit import MockCluster
from tests.kafka_bridge import NAME

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def cluster() -> MockCluster:
    return MockCluster()


def channel_to(cluster: MockCluster, **more: object) -> KafkaChannel:
    port = int(cluster.address.rpartition(":")[2])
    channel = built((port,), kind="kafka", brokers=cluster.address, tls=False, **more)
    assert isinstance(channel, KafkaChannel)
    return channel


def ids_in(cluster: MockCluster, topic: str, count: int) -> list[str]:
    """Return the ids of `count` events, and of what comes behind them."""
    cluster.read(topic, count)
    return [json.loads(value)["id"] for value, _ in cluster.read(topic, count + 1, within_s=1.0)]


def test_an_event_is_a_structured_cloudevent(cluster: MockCluster):
    channel = channel_to(cluster, topic="whole", full_payload=True)
    channel.deliver([event()])
    channel.close()
    ((value, headers),) = cluster.read("whole", 1)
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert from_cloudevent(value) == event()


def test_what_the_topic_holds_is_not_sent_again_after_a_restart(cluster: MockCluster):
    sent = events(30)
    for some in (sent[:20], sent[10:], sent):
        channel = channel_to(cluster, topic="again")
        channel.deliver(some)
        channel.close()
    found = ids_in(cluster, "again", 30)
    assert sorted(found) == sorted(one.event_id for one in sent)


def test_what_others_write_into_the_topic_hinders_nobody(cluster: MockCluster):
    cluster.send([b"", b"\xff", b"[1]", b'{"id": 7}'], topic="shared")
    channel = channel_to(cluster, topic="shared")
    channel.deliver([event()])
    channel.close()
    assert len(cluster.read("shared", 5)) == 5


def test_a_broker_that_is_not_allowed_is_never_asked(cluster: MockCluster):
    with pytest.raises(EgressError, match="allowed_ports"):
        built((443,), kind="kafka", brokers=cluster.address, tls=False).deliver([event()])


def test_a_password_is_never_sent_in_the_clear(tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("s")
    with pytest.raises(ChannelConfigError, match="明文"):
        built(kind="kafka", brokers="k.example", tls=False, username="u", password_file=secret, sasl="PLAIN")
    with pytest.raises(ChannelConfigError, match="要一起写"):
        built(kind="kafka", brokers="k.example", tls=False, username="u")


def test_brokers_that_are_gone_are_an_error_and_no_wait_for_ever():
    cluster = MockCluster()
    channel = channel_to(cluster, timeout_s=1.0)
    first, second = events(2)
    channel.deliver([first])
    cluster.stop()
    started = time.monotonic()
    with pytest.raises(DeliveryError):
        channel.deliver([second])
    assert time.monotonic() - started < 5.0


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, 50])
def test_a_bridge_that_is_killed_loses_nothing_and_doubles_nothing(
    kills: int, cluster: MockCluster, redis_client: redis.Redis, redis_url: str
):
    # The broker of the test forgets what is older than 5 MB a partition: few enough that it forgets nothing.
    topic, total, chance = f"killed-{kills}", 60 * (kills + 4), random.Random(kills)
    sent = events(total)
    with redis_client.pipeline(transaction=False) as line:
        for one in sent:
            line.xadd(STREAM_KEY, {"event_id": one.event_id, "event": to_cloudevent(one)})
        line.execute()
    for kill in range(kills + 1):
        with bridge(redis_url, cluster.address, topic):
            wait_for(redis_client, total if kill == kills else total * (kill + 1) // (kills + 1))
            time.sleep(chance.uniform(0, 0.05))
    found = ids_in(cluster, topic, total)
    assert len(found) == len(set(found)), "doubled"
    assert set(found) == {one.event_id for one in sent}


@contextmanager
def bridge(redis_url: str, brokers: str, topic: str) -> Iterator[None]:
    """A bridge that is killed at the end."""
    process = subprocess.Popen([sys.executable, "-m", "tests.kafka_bridge", redis_url, brokers, topic])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def delivered(client: redis.Redis) -> int:
    (state,) = channel_states(client, [NAME])
    return state.delivered


def wait_for(client: redis.Redis, count: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while delivered(client) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)
