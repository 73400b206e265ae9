"""MQTT 5, QoS 1: a delivery counts when the broker has taken the event over.

Receivers that are sometimes away subscribe with a session expiry of their own; the event expires at the broker after
`message_expiry_s`. A repeated event (line cut before the broker's answer) has the same id.
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
from alerts.channels.payload import envelope_of
from alerts.channels.secrets import read_secret
from alerts.envelope import Event

if TYPE_CHECKING:  # It needs paho-mqtt, which only those install who use MQTT.
    from alerts.channels.mqtt_connection import Connection


class MqttSettings(ChannelSettings):
    kind: Literal["mqtt"]
    """Needs paho-mqtt: it is in the extra `mqtt`, which box and centre have."""
    host: str
    """The broker; must be in allowed_hosts."""
    port: int = Field(default=8883, ge=1, le=65535)
    """Of the broker; must be in allowed_ports."""
    topic: str = "kakou/events"
    """The checkpoint is added as the last level."""
    username: str | None = None
    """None logs in without a name."""
    password_file: Path | None = None
    """Holds the password and nothing else."""
    tls: bool = True
    """False only where the network itself is trusted."""
    full_payload: bool = False
    """True sends the plate too."""
    message_expiry_s: int = Field(default=24 * 3600, ge=1)
    """The broker drops what nobody fetched within this time."""


class MqttChannel(ConnectedChannel["Connection"]):
    batch_limit = 1

    def __init__(self, settings: MqttSettings, link_base: str, connect: "Callable[[], Connection]") -> None:
        super().__init__(settings.name, connect)
        self._settings = settings
        self._link_base = link_base

    def deliver(self, events: Sequence[Event]) -> None:
        [event] = events
        body = envelope_of(event, full_payload=self._settings.full_payload, link_base=self._link_base)
        try:
            self._connected().publish(f"{self._settings.topic}/{topic_level(event.place)}", body)
        except DeliveryError:
            # A fresh connection next time: paho would otherwise send what we count as failed.
            self.close()
            raise

    def probe(self) -> None:
        self._connected()

    def _connected(self) -> "Connection":
        if self._connection is not None and not self._connection.is_up():
            self.close()
        return super()._connected()


def topic_level(checkpoint: str) -> str:
    """Return the checkpoint as one topic level: MQTT gives /, + and # a meaning."""
    return "".join("-" if char in "/+#\0" else char for char in checkpoint)


def _build(settings: MqttSettings, around: Surroundings) -> Channel:
    try:
        from alerts.channels.mqtt_connection import Connection
    except ImportError as error:
        raise ChannelConfigError(f"通道 {settings.name}：MQTT 需要 paho-mqtt：运行 make setup") from error
    password = read_secret(settings.password_file, settings.name) if settings.password_file else None

    def connect() -> Connection:
        return Connection(
            around.allow_list.resolve(settings.host, settings.port),
            client_id=f"kakou-{settings.name}",
            login=None if settings.username is None else (settings.username, password),
            is_tls=settings.tls,
            timeout_s=settings.timeout_s,
            message_expiry_s=settings.message_expiry_s,
        )

    return MqttChannel(settings, around.link_base, connect)


CHANNEL = ChannelKind("MQTT 5", MqttSettings, _build)
