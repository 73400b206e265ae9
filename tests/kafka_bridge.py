"""A Kafka channel at work until somebody kills it: `python -m tests.kafka_bridge REDIS_URL BROKERS TOPIC`."""

import sys
import threading
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from alerts.channels.base import Surroundings
from alerts.channels.build import build_channel
from alerts.channels.egress import AllowList
from alerts.channels.kafka import KafkaOutSettings
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.metrics import DeliveryMetrics
from alerts.delivery.worker import ChannelWorker
from alerts.redis_link import connect

NAME = "tested"


def run(redis_url: str, brokers: str, topic: str) -> None:
    port = int(brokers.rpartition(":")[2])
    settings = KafkaOutSettings(name=NAME, kind="kafka", brokers=brokers, topic=topic, tls=False)
    around = Surroundings("", AllowList([], ["127.0.0.1/32"], [port]), lambda: datetime.now(UTC))
    channel = build_channel(settings, around)
    queue = ChannelQueue(connect(redis_url), NAME, "bridge")
    metrics = DeliveryMetrics(CollectorRegistry())
    ChannelWorker(channel, queue, settings, metrics, now=lambda: datetime.now(UTC)).run(threading.Event())


if __name__ == "__main__":
    run(*sys.argv[1:4])
