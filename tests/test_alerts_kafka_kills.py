"""The Kafka channel at a broker that dies: what it acknowledged is there once, and one that forgets is told of."""

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from alerts.channels.base import DeliveryError
from alerts.channels.kafka import KafkaChannel
from alerts.envelope import Event, to_cloudevent
from alerts.stream import STREAM_KEY
from tests.alerts_kit import events
from tests.alerts_rigs import built
from tests.kafka_broker import BrokerProcess, durable_broker, forgetful_broker
from tests.test_alerts_kafka import bridge, wait_for

TOPIC, A_ROUND = "kills", 8


def test_a_topic_that_became_shorter_is_told_once_and_delivery_goes_on(tmp_path: Path):
    with forgetful_broker(tmp_path) as broker:
        channel = built((int(broker.address.rpartition(":")[2]),), kind="kafka", brokers=broker.address, tls=False)
        assert isinstance(channel, KafkaChannel)
        first, second = events(20)[:10], events(20)[10:]
        channel.deliver(first)
        broker.kill()
        broker.start()
        with pytest.raises(DeliveryError, match="变短了，代理至少丢了"):
            deliver_patiently(channel, second)
        deliver_patiently(channel, second)
        channel.close()


def deliver_patiently(channel: KafkaChannel, some: Sequence[Event]) -> None:
    """Try until the broker answers again; a topic that became shorter is raised."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            channel.deliver(some)
        except DeliveryError as error:
            if "变短了" in str(error) or time.monotonic() > deadline:
                raise
        else:
            return


@pytest.mark.long
@pytest.mark.parametrize("kills", [4, 50])
def test_whichever_of_bridge_and_broker_is_killed_each_event_is_in_the_topic_once(
    kills: int, tmp_path: Path, redis_client: redis.Redis, redis_url: str
):
    chance = random.Random(kills)
    sent = events(A_ROUND * (kills + 1))
    with durable_broker(tmp_path) as broker:
        for kill in range(0, kills, 2):
            add(redis_client, sent[kill * A_ROUND : (kill + 2) * A_ROUND])
            with bridge(redis_url, broker.address, TOPIC):  # killed at a moment of its own, at work
                wait_for(redis_client, kill * A_ROUND + 1)
                time.sleep(chance.uniform(0, 0.05))
            with bridge(redis_url, broker.address, TOPIC):
                # This broker (tansu 0.6) does not get over a write that was cut short: it dies between two.
                wait_for(redis_client, (kill + 2) * A_ROUND)
            broker.kill()
            broker.start()
        add(redis_client, sent[kills * A_ROUND :])
        with bridge(redis_url, broker.address, TOPIC):
            wait_for(redis_client, len(sent))
        found = ids_in(broker, len(sent))
    assert len(found) == len(set(found)), "doubled"
    assert set(found) == {one.event_id for one in sent}


def add(client: redis.Redis, some: Sequence[Event]) -> None:
    with client.pipeline(transaction=False) as line:
        for one in some:
            line.xadd(STREAM_KEY, {"event_id": one.event_id, "event": to_cloudevent(one)})
        line.execute()


def ids_in(broker: BrokerProcess, count: int) -> list[str]:
    """Return the ids of `count` events, and of what comes behind them."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "test"})
    parts = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
    consumer.assign([TopicPartition(TOPIC, part, OFFSET_BEGINNING) for part in parts])
    found: list[str] = []
    deadline, is_over = time.monotonic() + 180.0, False
    while time.monotonic() < deadline and not is_over:
        some = [one for one in consumer.consume(500, 2.0) if one.error() is None]
        found.extend(json.loads(one.value() or b"")["id"] for one in some)
        is_over = len(found) >= count and not some
    consumer.close()
    return found
