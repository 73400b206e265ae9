"""Events into a Kafka topic: structured CloudEvents, keyed by checkpoint, one event counts when all replicas have it.

CloudEvents Kafka protocol binding, structured mode: the value is the JSON envelope, `content-type` says so. Events of a
checkpoint keep their order (one partition, as Java clients choose it). Which events are in the topic is read back from
it after a start or a failure, so that what the broker took and nobody acknowledged is not sent again. A topic that
became shorter while the channel was at work is a failure that is told: its brokers forget what they acknowledged.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from alerts.channels.base import (
    Channel,
    ChannelConfigError,
    ChannelKind,
    ChannelSettings,
    DeliveryError,
    Surroundings,
)
from alerts.channels.connected import ConnectedChannel
from alerts.channels.egress import AllowList
from alerts.channels.payload import envelope_of
from alerts.channels.secrets import read_secret
from alerts.envelope import Event

if TYPE_CHECKING:  # It needs confluent-kafka, which only those install who use Kafka.
    from alerts.channels.kafka_topic import Topic

_DEFAULT_PORT = 9092


class KafkaOutSettings(ChannelSettings):
    kind: Literal["kafka"]
    """Needs confluent-kafka: it is in the extra `kafka`."""
    brokers: str = Field(min_length=1)
    """host:port, several parted by commas; each, and each that they name, must be in allowed_hosts (or
    allowed_networks) and allowed_ports."""
    topic: str = Field(default="kakou.events", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    """It must exist, or the brokers make it; its owner says how many partitions and replicas it has."""
    tls: bool = True
    """False only where the network itself is trusted."""
    ca_file: Path | None = None
    """PEM of the authority that signed the brokers' certificate; None: the machine's own authorities."""
    username: str = ""
    """SASL; empty: none."""
    password_file: Path | None = None
    """Holds the password and nothing else."""
    sasl: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """PLAIN sends the password itself: only with TLS."""
    full_payload: bool = False
    """True sends the plate too."""
    read_back: int = Field(default=2_000, ge=1, le=100_000)
    """Latest messages of each partition that are read after a start or a failure; more than others write to the topic
    meanwhile."""

    @property
    def places(self) -> list[tuple[str, int]]:
        """Host and port of each broker."""
        found = []
        for broker in self.brokers.split(","):
            host, _, port = broker.strip().rpartition(":")
            found.append(
                (host.strip("[]"), int(port)) if port.isdecimal() and host else (broker.strip(), _DEFAULT_PORT)
            )
        return found


class KafkaChannel(ConnectedChannel["Topic"]):
    batch_limit = 200
    """On their way at once; each has a message of its own."""

    def __init__(self, settings: KafkaOutSettings, link_base: str, connect: "Callable[[], Topic]") -> None:
        super().__init__(settings.name, connect)
        self._full_payload = settings.full_payload
        self._link_base = link_base

    def deliver(self, events: Sequence[Event]) -> None:
        bodies = [(event.place, event.event_id, self._body(event)) for event in events]
        try:
            self._connected().send(bodies)
        except DeliveryError:
            # A fresh look at the topic next time: it may hold what we count as failed.
            self.close()
            raise

    def probe(self) -> None:
        self._connected().look()

    def _body(self, event: Event) -> bytes:
        return envelope_of(event, full_payload=self._full_payload, link_base=self._link_base)


def _build(settings: KafkaOutSettings, around: Surroundings) -> Channel:
    try:
        from alerts.channels.kafka_topic import Topic
    except ImportError as error:
        raise ChannelConfigError(f"通道 {settings.name}：Kafka 需要 confluent-kafka：运行 make setup") from error
    if bool(settings.username) != (settings.password_file is not None):
        raise ChannelConfigError(f"通道 {settings.name}：username 和 password_file 要一起写")
    if settings.username and settings.sasl == "PLAIN" and not settings.tls:
        raise ChannelConfigError(f"通道 {settings.name}：PLAIN 会明文发送密码：设 tls = true，或改用 SCRAM")
    password = read_secret(settings.password_file, settings.name) if settings.password_file else ""
    link = _link(settings, password)

    ends: dict[int, int] = {}

    def connect() -> Topic:
        _check(around.allow_list, settings.places)
        return Topic(
            link, settings.topic, timeout_s=settings.timeout_s, read_back=settings.read_back,
            check=lambda places: _check(around.allow_list, places), ends=ends,
        )  # fmt: skip

    return KafkaChannel(settings, around.link_base, connect)


def _check(allow_list: AllowList, places: Sequence[tuple[str, int]]) -> None:
    """Raises EgressError."""
    for host, port in places:
        allow_list.resolve(host, port)


def _link(settings: KafkaOutSettings, password: str) -> dict[str, str | int | float | bool]:
    link: dict[str, str | int | float | bool] = {
        "bootstrap.servers": ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                                      for host, port in settings.places),
        "security.protocol": ("SASL_" if settings.username else "") + ("SSL" if settings.tls else "PLAINTEXT"),
        "client.id": f"kakou-{settings.name}", "log_level": 0, "allow.auto.create.topics": True,
    }  # fmt: skip
    if settings.tls and settings.ca_file is not None:
        link["ssl.ca.location"] = str(settings.ca_file)
    if settings.username:
        link |= {"sasl.mechanism": settings.sasl, "sasl.username": settings.username, "sasl.password": password}
    return link


CHANNEL = ChannelKind("Kafka", KafkaOutSettings, _build)
