"""Travel records from a Kafka topic: what was taken stands in the record beside the rows, so nothing counts twice.

The group's offsets in Kafka are only written for those who watch the lag; where to go on is what the record says.
Records that cannot be read go to the dead-letter topic, with topic, partition and offset, before the batch is kept: a
process that dies in between leaves such a letter twice, and no record.
"""

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from riskdb.feed.answers import FeedQuotaError, Taken
from riskdb.feed.rows import row_of_bytes
from riskdb.keeper import RiskKeeper
from riskdb.record.judging import TravelRow
from riskdb.settings import FeedSettings, KafkaSettings
from riskdb.system_words import system_words
from riskdb.types import RiskDBError

WAIT_S = 0.5
"""A batch is taken at least this often."""
RETRY_S = 1.0
PARTS_S = 60.0
"""A topic may get more partitions while it is read."""
METADATA_WITHIN_S = 10.0
QUOTA_S = 30.0
"""A feed that has used up its hour is tried again after this."""
_LETTERS_WITHIN_S = 30.0


class FeedStore(Protocol):
    """What the bridge asks of the record."""

    def next_offsets(self, topic: str) -> dict[int, int]: ...
    def take(self, feed: FeedSettings, rows: Sequence[TravelRow], mark: "OffsetMark") -> Taken: ...


@dataclass(frozen=True, slots=True)
class KeeperStore:
    """The record on this machine, opened anew for each batch: its key may be rotated meanwhile."""

    open_keeper: Callable[[], AbstractContextManager[RiskKeeper]]

    def next_offsets(self, topic: str) -> dict[int, int]:
        with self.open_keeper() as keeper:
            return keeper.feeds.next_offsets(topic)

    def take(self, feed: FeedSettings, rows: Sequence[TravelRow], mark: "OffsetMark") -> Taken:
        with self.open_keeper() as keeper:
            return keeper.feeds.take(feed, rows, mark)


class OffsetMark:
    """Messages are known again by their partition and offset."""

    def __init__(self, topic: str, messages: Sequence[Message], bury: Callable[[Message, str], None]) -> None:
        self._topic = topic
        self._messages = messages
        self._bury = bury

    def unseen(self, connection: sqlite3.Connection, rows: Sequence[TravelRow]) -> Sequence[TravelRow]:
        query = "SELECT part, next_offset FROM feed_offset WHERE topic = ?"
        ends = dict(connection.execute(query, (self._topic,)))
        pairs = ((row, self._messages[row.number]) for row in rows)
        return [row for row, message in pairs if _offset(message) >= ends.get(_part(message), 0)]

    def keep(self, connection: sqlite3.Connection, taken: Taken, now: int) -> None:  # noqa: ARG002  as every mark
        for refused in taken.refused:
            self._bury(self._messages[refused.number], refused.why)
        ends: dict[int, int] = {}
        for message in self._messages:
            ends[_part(message)] = max(ends.get(_part(message), 0), _offset(message) + 1)
        connection.executemany(
            "INSERT INTO feed_offset VALUES (?, ?, ?) ON CONFLICT (topic, part)"
            " DO UPDATE SET next_offset = MAX(next_offset, excluded.next_offset)",
            [(self._topic, part, end) for part, end in ends.items()],
        )


class KafkaBridge:
    """Carries one topic into the record until stopped."""

    def __init__(
        self, settings: KafkaSettings, feed: FeedSettings, store: FeedStore, on_message: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._store = store
        self._on_message = on_message
        self._look_at_parts = -math.inf
        self._parts: frozenset[int] = frozenset()
        link = _link(settings)
        self._letters = Producer({**link, "enable.idempotence": True, "delivery.timeout.ms": 20_000})
        self._consumer = Consumer(
            {
                **link, "group.id": settings.group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                "isolation.level": "read_committed", "error_cb": lambda error: on_message(f"Kafka：{error.str()}"),
            }
        )  # fmt: skip

    def run(self, stop: threading.Event) -> None:
        """Carry messages over until `stop`."""
        try:
            while not stop.is_set():
                self.step(stop)
        finally:
            self._consumer.close()

    def step(self, stop: threading.Event) -> int:
        """Take what has come; return how many messages that was."""
        if time.monotonic() >= self._look_at_parts:
            self._look_at_parts = time.monotonic() + (PARTS_S if self._go_on() else RETRY_S)
        messages = [
            message for message in self._consumer.consume(self._settings.batch, WAIT_S) if self._is_sound(message)
        ]
        if messages:
            self._carry(messages, stop)
        return len(messages)

    def _carry(self, messages: Sequence[Message], stop: threading.Event) -> None:
        """Try until the batch is kept: what a failed try has done is found done by the next one."""
        rows = [row_of_bytes(message.value(), self._feed.name, number) for number, message in enumerate(messages)]
        mark = OffsetMark(self._settings.topic, messages, self._bury)
        while not stop.is_set():
            try:
                taken = self._store.take(self._feed, rows, mark)
            except FeedQuotaError as error:
                self._on_message(str(error))
                stop.wait(QUOTA_S)
            except RiskDBError as error:
                self._on_message(f"这一批先等着，稍后再试：{error}")
                stop.wait(RETRY_S)
            else:
                for notice in taken.notices:
                    self._on_message(notice.told)
                with contextlib.suppress(KafkaException):  # for those who watch the lag
                    self._consumer.commit(offsets=list(_ends(messages)), asynchronous=True)
                return

    def _bury(self, message: Message, why: str) -> None:
        """Put a message into the dead-letter topic. Raises RiskDBError where it is not safe there."""
        failed: list[str] = []
        self._letters.produce(
            self._settings.dead_letters or f"{self._settings.topic}.dead",
            message.value(),
            message.key(),
            headers={
                "kakou-problem": why.encode()[:1000], "kakou-topic": self._settings.topic.encode(),
                "kakou-partition": str(_part(message)).encode(), "kakou-offset": str(_offset(message)).encode(),
            },
            on_delivery=lambda error, _: failed.append(error.str()) if error else None,
        )  # fmt: skip
        left = self._letters.flush(_LETTERS_WITHIN_S)
        if failed or left:
            raise RiskDBError(f"写不了死信主题（{'; '.join(failed) or '没有应答'}）：核对主题和账号的权限")

    def _go_on(self) -> bool:
        """Read every partition from where the record says; return whether the topic is there.

        No group shares them out: after a crash it would keep them from the next bridge for most of a minute.
        """
        topic = self._settings.topic
        try:
            found = self._consumer.list_topics(topic, timeout=METADATA_WITHIN_S).topics[topic]
        except KafkaException as error:
            self._on_message(f"Kafka：主题 {topic} 暂时读不到，稍后再试：{error.args[0].str()}")
            return False
        parts = frozenset(found.partitions)
        if not parts:
            self._on_message(f"Kafka：没有主题 {topic}，稍后再试")
        elif parts != self._parts:
            taken = self._store.next_offsets(topic)
            self._consumer.assign([TopicPartition(topic, one, taken.get(one, OFFSET_BEGINNING)) for one in parts])
            self._parts = parts
        return bool(parts)

    def _is_sound(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            self._on_message(f"Kafka：{error.str()}")
        return error is None


def _link(settings: KafkaSettings) -> dict[str, str | int | float | bool | None]:
    has_tls, has_login = settings.tls or settings.ca_file is not None, bool(settings.username)
    link: dict[str, str | int | float | bool | None] = {
        "bootstrap.servers": settings.brokers, "client.id": "kakou", "log_level": 3,
        "security.protocol": ("SASL_" if has_login else "") + ("SSL" if has_tls else "PLAINTEXT"),
    }  # fmt: skip
    if settings.ca_file is not None:
        link["ssl.ca.location"] = str(settings.ca_file)
    if has_login:
        link |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": settings.username}
        link["sasl.password"] = _password(settings)
    return link


def _password(settings: KafkaSettings) -> str:
    if settings.password_file is None:
        raise RiskDBError(f"[[risk.kafka]] {settings.topic}：username 和 password_file 要一起写")
    try:
        return settings.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RiskDBError(
            f"[[risk.kafka]] {settings.topic}：读不了 {settings.password_file}（{system_words(error)}）：核对路径和权限"
        ) from error


def _ends(messages: Sequence[Message]) -> Iterator[TopicPartition]:
    last = {_part(message): message for message in messages}
    for part, message in last.items():
        yield TopicPartition(message.topic() or "", part, _offset(message) + 1)


def _part(message: Message) -> int:
    part = message.partition()
    assert part is not None  # of a message without an error
    return part


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset
