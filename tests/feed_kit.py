"""Feeds for tests: invented records, signed requests, a Kafka cluster inside this process, a bridge to kill."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from standardwebhooks.webhooks import Webhook

from riskdb.feed.door import FEED_HEADER
from riskdb.feed.kafka import KafkaBridge, KeeperStore
from riskdb.keeper import RiskKeeper
from riskdb.settings import FeedSettings, KafkaSettings
from tests.riskdb_kit import HUANGDAO, risk_rig

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOPIC, AT = "gantry", "2026-11-22T08:00:00+08:00"


def record(
    plate: str = "鲁B12345", area: str = HUANGDAO, at: str = "2026-11-22T08:00:00+08:00", **more: str
) -> dict[str, str]:
    """Return a record of a vehicle that passed a gantry."""
    return {"plate": plate, "area": area, "from": at, **more}


def signed(body: bytes, key: str = "a", feed: str = "gantry", secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        FEED_HEADER: feed, "webhook-id": key, "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, now, body.decode()),
    }  # fmt: skip


def batch(*records: object) -> bytes:
    return json.dumps({"records": records}, ensure_ascii=False).encode()


class MockCluster:
    """librdkafka's own brokers: they speak the protocol, keep everything in memory and live as long as this object."""

    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 3})
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.address = f"{broker.host}:{broker.port}"

    def stop(self) -> None:
        """The brokers die, and this object is of no more use."""
        del self._producer

    def send(self, values: Sequence[bytes], topic: str = TOPIC) -> None:
        for number, value in enumerate(values):
            self._producer.produce(topic, value, key=str(number))
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def read(self, topic: str, count: int, within_s: float = 20.0) -> list[tuple[bytes, dict[str, str]]]:
        """Return the first messages of a topic with their headers."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "test"})
        parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in parts])
        found: list[tuple[bytes, dict[str, str]]] = []
        deadline = time.monotonic() + within_s
        while len(found) < count and time.monotonic() < deadline:
            for message in consumer.consume(100, 0.2):
                if message.error() is None:
                    headers = {str(name): _text(value) for name, value in list(message.headers() or [])}
                    found.append((message.value() or b"", headers))
        consumer.close()
        return found


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def topic_of(cluster: MockCluster, **changes: object) -> KafkaSettings:
    fields = {"brokers": cluster.address, "topic": TOPIC, "feed": "gantry"} | changes
    return KafkaSettings.model_validate(fields)


def feed_settings(**changes: object) -> FeedSettings:
    return FeedSettings.model_validate({"name": "gantry", "rows_per_hour": 1_000_000} | changes)


def run_bridge(folder: Path, redis_url: str, brokers: str, batch_size: int) -> None:
    """Carry the topic over until killed."""
    with risk_rig(folder, redis_url) as rig:

        @contextmanager
        def opened() -> Iterator[RiskKeeper]:
            yield rig.keeper

        settings = KafkaSettings(brokers=brokers, topic=TOPIC, feed="gantry", batch=batch_size)
        KafkaBridge(settings, feed_settings(), KeeperStore(opened), print).run(threading.Event())


if __name__ == "__main__":
    run_bridge(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
