"""MQTT 5, QoS 1: a delivery counts when the broker has taken the event over.

Receivers that are sometimes away subscribe with a session expiry of their own; the event expires at the broker after
`message_expiry_s`. A repeated event (line cut before the broker's answer) has the same id.
"""

import ssl
import threading
from collections.abc import Sequence

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.channels.base import DeliveryError
from alerts.channels.egress import AllowList, Target
from alerts.channels.payload import envelope_of
from alerts.channels.secrets import read_secret
from alerts.envelope import Event
from alerts.settings import MqttSettings

KEEPALIVE_S = 30


class MqttChannel:
    parallel = 1
    batch_limit = 1

    def __init__(self, settings: MqttSettings, allow_list: AllowList, link_base: str) -> None:
        """Raises ChannelConfigError when the password file cannot be read. Connects with the first delivery."""
        self.name = settings.name
        self._settings = settings
        self._allow_list = allow_list
        self._link_base = link_base
        self._password = read_secret(settings.password_file, settings.name) if settings.password_file else None
        self._connection: _Connection | None = None

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        [event] = events
        body = envelope_of(event, full_payload=self._settings.full_payload, link_base=self._link_base)
        try:
            self._connected().publish(f"{self._settings.topic}/{topic_level(event.place)}", body)
        except DeliveryError:
            # A fresh connection next time: paho would otherwise send what we count as failed.
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "_Connection":
        if self._connection is None or not self._connection.is_up():
            self.close()
            target = self._allow_list.resolve(self._settings.host, self._settings.port)
            self._connection = _Connection(self._settings, target, self._password)
        return self._connection


class _Connection:
    """One connection to the broker, never repaired, only replaced."""

    def __init__(self, settings: MqttSettings, target: Target, password: str | None) -> None:
        self._settings = settings
        self._answered = threading.Event()
        self._refusal = "no answer"
        self._publish_refusals: dict[int, str] = {}
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"kakou-{settings.name}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = settings.timeout_s
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        if settings.username is not None:
            self._client.username_pw_set(settings.username, password)
        if settings.tls:
            self._client.tls_set_context(_NamedContext.for_host(target.host))
        self._connect(target)

    def publish(self, topic: str, body: bytes) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.MessageExpiryInterval = self._settings.message_expiry_s
        properties.ContentType = "application/cloudevents+json"
        try:
            sent = self._client.publish(topic, body, qos=1, properties=properties)
            sent.wait_for_publish(self._settings.timeout_s)
            is_published = sent.is_published()
        except (RuntimeError, ValueError) as error:
            raise DeliveryError("the broker's connection was lost") from error
        if not is_published:
            raise DeliveryError(f"the broker took nothing within {self._settings.timeout_s:g} s")
        if refusal := self._publish_refusals.pop(sent.mid, None):
            raise DeliveryError(f"the broker refused the event: {refusal}")

    def is_up(self) -> bool:
        return self._client.is_connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connect(self, target: Target) -> None:
        try:
            self._client.connect(target.address, target.port, keepalive=KEEPALIVE_S, clean_start=True)
        except OSError as error:
            raise DeliveryError(f"the broker cannot be reached: {type(error).__name__}") from error
        self._client.loop_start()
        if not self._answered.wait(self._settings.timeout_s) or self._refusal:
            self.close()
            raise DeliveryError(f"the broker did not accept us: {self._refusal}")

    def _on_connect(
        self, _client: Client, _userdata: None, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        self._answered.set()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: None,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._answered.set()

    def _on_publish(
        self, _client: Client, _userdata: None, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._publish_refusals[mid] = str(reason)


class _NamedContext(ssl.SSLContext):
    """Checks the certificate against the broker's name, though its pinned address is dialled."""

    host: str

    @classmethod
    def for_host(cls, host: str) -> "_NamedContext":
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        context.host = host
        return context

    def wrap_socket(self, sock, *args, **options):  # type: ignore[no-untyped-def]  # paho calls it as ssl does
        return super().wrap_socket(sock, *args, **options | {"server_hostname": self.host})


def topic_level(checkpoint: str) -> str:
    """Return the checkpoint as one topic level: MQTT gives /, + and # a meaning."""
    return "".join("-" if char in "/+#\0" else char for char in checkpoint)
