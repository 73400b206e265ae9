"""One topic as a channel writes it, by the confluent-kafka package; never repaired, only replaced."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from alerts.channels.base import DeliveryError

_CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
_QUIET_S = 0.2
_REMEMBERED = 100_000
"""Events; what a queue tries again lies nearer."""

Link: TypeAlias = Mapping[str, str | int | float | bool]
"""Settings of librdkafka that producer and consumer share."""


class Topic:
    """Knows which events the topic holds already."""

    def __init__(
        self,
        link: Link,
        topic: str,
        *,
        timeout_s: float,
        read_back: int,
        check: Callable[[Sequence[tuple[str, int]]], None],
        ends: dict[int, int],
    ) -> None:
        """`check` raises EgressError where a broker that the cluster names may not be reached. Raises DeliveryError.

        `ends`: how far each partition had come; it outlives this object, so that a topic that became shorter is seen.
        """
        self._topic = topic
        self._ends = ends
        self._timeout_s = timeout_s
        self._check = check
        milliseconds = round(timeout_s * 1000)
        self._producer = Producer(
            {
                **link, "enable.idempotence": True, "acks": "all", "partitioner": "murmur2_random", "linger.ms": 1,
                "delivery.timeout.ms": milliseconds, "socket.connection.setup.timeout.ms": max(1000, milliseconds),
                "topic.metadata.propagation.max.ms": milliseconds,
            }
        )  # fmt: skip
        self._forgotten: dict[int, int] = {}
        self._present = self._read_back(link, read_back)

    def look(self) -> Sequence[int]:
        """Return the topic's partitions, once a broker has answered. Raises DeliveryError, EgressError."""
        try:
            cluster = self._producer.list_topics(self._topic, timeout=self._timeout_s)
        except KafkaException as error:
            raise DeliveryError(f"连不上 Kafka（{_words(error)}）：核对 brokers、网络和账号") from error
        self._check([(str(broker.host), int(broker.port)) for broker in cluster.brokers.values()])
        if not (parts := tuple(cluster.topics[self._topic].partitions)):
            raise DeliveryError(f"Kafka 里没有主题 {self._topic}，也没有自动建立：请先建好它")
        return parts

    def send(self, bodies: Sequence[tuple[str, str, bytes]]) -> None:
        """Send key, event id and body of each event; returns when all replicas have all. Raises DeliveryError."""
        failed: list[str] = []
        for key, event_id, body in bodies:
            if event_id not in self._present:
                self._produce(key, event_id, body, failed)
        left = self._producer.flush(self._timeout_s)
        self._say_forgotten()
        while len(self._present) > _REMEMBERED:
            del self._present[next(iter(self._present))]
        if failed or left:
            said = (failed or ["没有应答"])[0]
            raise DeliveryError(f"Kafka 没有收下 {len(bodies)} 条中的 {len(failed) + left} 条：{said}")

    def close(self) -> None:
        """Drop what is on its way: it is sent anew, or found in the topic."""
        self._producer.purge()
        self._producer.flush(0)

    def _produce(self, key: str, event_id: str, body: bytes, failed: list[str]) -> None:
        def reported(error: object, message: Message) -> None:
            if error is None:
                self._present[event_id] = None
                # Of a message that the broker had already, it does not say where.
                if (offset := message.offset()) is not None and offset >= 0:
                    self._note_end(message.partition() or 0, offset + 1)
            else:
                failed.append(str(error))

        try:
            self._producer.produce(
                self._topic, body, key.encode(), headers={"content-type": _CONTENT_TYPE}, on_delivery=reported
            )
        except (BufferError, KafkaException) as error:
            failed.append(type(error).__name__)
        self._producer.poll(0)

    def _read_back(self, link: Link, count: int) -> dict[str, None]:
        """Return the ids of the topic's latest events."""
        parts = self.look()
        consumer = Consumer(
            {**link, "group.id": "kakou-read-back", "enable.auto.commit": False, "enable.partition.eof": True}
        )
        try:
            ends = {part: self._ends_of(consumer, part) for part in parts}
            for part, (_, high) in ends.items():
                self._note_end(part, high)
            self._say_forgotten()
            wanted = {part: max(low, high - count) for part, (low, high) in ends.items() if high > low}
            consumer.assign([TopicPartition(self._topic, part, start) for part, start in wanted.items()])
            return self._ids(consumer, set(wanted))
        except KafkaException as error:
            raise DeliveryError(f"主题 {self._topic} 读不回来（{_words(error)}）：账号要有读它的权限") from error
        finally:
            consumer.close()

    def _note_end(self, part: int, end: int) -> None:
        if end < self._ends.get(part, 0):
            self._forgotten[part] = self._ends[part] - end
        self._ends[part] = end

    def _say_forgotten(self) -> None:
        """Raises DeliveryError where brokers no longer hold what they had acknowledged; once."""
        if self._forgotten:
            count, self._forgotten = sum(self._forgotten.values()), {}
            raise DeliveryError(
                f"Kafka 主题 {self._topic} 变短了，代理至少丢了 {count} 条已确认的消息（或主题被重建）："
                "请检查代理的存储和副本数；丢掉的不会重发，事件仍在本系统里"
            )

    def _ends_of(self, consumer: Consumer, part: int) -> tuple[int, int]:
        low, high = consumer.get_watermark_offsets(TopicPartition(self._topic, part), timeout=self._timeout_s)
        return int(low), int(high)

    def _ids(self, consumer: Consumer, parts: set[int]) -> dict[str, None]:
        """Read until the end of every partition; what a transaction left there is no message, but an end comes."""
        found: dict[str, None] = {}
        quiet_at = time.monotonic() + self._timeout_s
        while parts:
            if time.monotonic() > quiet_at:
                raise DeliveryError(f"{self._timeout_s:g} 秒内没有读回主题 {self._topic}")
            for message in consumer.consume(1000, _QUIET_S):
                error = message.error()
                if error is None:
                    quiet_at = time.monotonic() + self._timeout_s
                    found[_id_of(message)] = None
                elif error.code() == KafkaError._PARTITION_EOF:
                    parts.discard(message.partition() or 0)
        return found


def _id_of(message: Message) -> str:
    """Return the id of an event of ours, "" for what somebody else wrote."""
    try:
        document = json.loads(message.value() or b"")
    except ValueError:
        return ""
    event_id = document.get("id") if isinstance(document, dict) else None
    return event_id if isinstance(event_id, str) else ""


def _words(error: KafkaException) -> str:
    return str(error.args[0].str()) if error.args else type(error).__name__
