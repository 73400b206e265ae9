"""One connection to an MQTT broker, by the paho-mqtt package."""

import ssl
import threading

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.channels.base import DeliveryError
from alerts.channels.egress import Target
from riskdb.system_words import system_words

KEEPALIVE_S = 30


class Connection:
    """One connection to the broker, never repaired, only replaced."""

    def __init__(
        self,
        target: Target,
        *,
        client_id: str,
        login: tuple[str, str | None] | None,
        is_tls: bool,
        timeout_s: float,
        message_expiry_s: int,
    ) -> None:
        """`login` is a name and its password. Raises DeliveryError."""
        self._timeout_s = timeout_s
        self._message_expiry_s = message_expiry_s
        self._answered = threading.Event()
        self._refusal = "没有应答"
        self._publish_refusals: dict[int, str] = {}
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = timeout_s
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        if login is not None:
            self._client.username_pw_set(*login)
        if is_tls:
            self._client.tls_set_context(_NamedContext.for_host(target.host))
        self._connect(target)

    def publish(self, topic: str, body: bytes) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.MessageExpiryInterval = self._message_expiry_s
        properties.ContentType = "application/cloudevents+json"
        try:
            sent = self._client.publish(topic, body, qos=1, properties=properties)
            sent.wait_for_publish(self._timeout_s)
            is_published = sent.is_published()
        except (RuntimeError, ValueError) as error:
            raise DeliveryError("与 MQTT 代理的连接断了") from error
        if not is_published:
            raise DeliveryError(f"MQTT 代理在 {self._timeout_s:g} 秒内没有收下")
        if refusal := self._publish_refusals.pop(sent.mid, None):
            raise DeliveryError(f"MQTT 代理拒收（{refusal}）：核对该账号对主题的写权限")

    def is_up(self) -> bool:
        return self._client.is_connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connect(self, target: Target) -> None:
        try:
            self._client.connect(target.address, target.port, keepalive=KEEPALIVE_S, clean_start=True)
        except OSError as error:
            raise DeliveryError(
                f"连不上 MQTT 代理（{system_words(error, type(error).__name__)}）：核对 host、port 和网络"
            ) from error
        self._client.loop_start()
        if not self._answered.wait(self._timeout_s) or self._refusal:
            self.close()
            raise DeliveryError(f"MQTT 代理不接受登录（{self._refusal}）：核对账号和密码文件")

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
