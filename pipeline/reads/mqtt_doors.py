"""What a guard camera's software publishes at an MQTT broker (Frigate): each message goes the way of a posted one.

The broker is dialled, as the settings name it, and dialled again with growing pauses when it is away.
"""

import logging
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.errors import AlertsError, place_of
from pipeline.reads.adapter import Message, UnreadableMessageError
from pipeline.reads.device_state import Device
from pipeline.reads.guarding import Guarding
from pipeline.reads.makers import adapter_of
from pipeline.reads.settings import BrokerSettings
from riskdb.types import RiskDBError

KEEPALIVE_S = 30
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 60
MAX_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class MqttDoors:
    """The subscription of one device. Messages are taken on the client's own thread, one after the other."""

    def __init__(
        self,
        device: Device,
        broker: BrokerSettings,
        guarding: Guarding,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """The broker's password is the device's secret, where a user is set."""
        self._device = device
        self._broker = broker
        self._guarding = guarding
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set."""
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"kakou-{self._device.settings.device_id}")
        client.reconnect_delay_set(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._device.secret)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context(cafile=self._broker.ca_file))
        client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        client.loop_start()
        stop.wait()
        client.disconnect()
        client.loop_stop()

    def _on_connect(
        self, client: Client, _data: None, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._device.refuse(f"消息服务器不接受登录：{reason}", self._now())
            return
        client.subscribe(self._broker.topic, qos=1)

    def _on_message(self, _client: Client, _data: None, sent: MQTTMessage) -> None:
        try:
            self._take(bytes(sent.payload))
        except Exception as error:  # noqa: BLE001  the outermost loop of a message: it costs this one only
            log.error("%s failed: %s", self._device.settings.device_id, place_of(error))

    def _take(self, body: bytes) -> None:
        device, now = self._device, self._now()
        message = Message("", "application/json", body, now, utc_offset=device.settings.utc_offset)
        try:
            if len(body) > MAX_BYTES:
                raise UnreadableMessageError("报文过大")
            understood = adapter_of(device.settings.maker).understand(message)
        except UnreadableMessageError as error:
            device.note(last_message_at=now, other=1, why_quarantined=str(error)[:200])
            return
        known = device.settings.known_serials
        if known and understood.serial not in (None, *known):
            return  # another camera of the same software
        device.note(last_message_at=now, other=1)
        for crossing in understood.crossings:
            try:
                self._guarding.take(device.settings, crossing, now)
            except (AlertsError, RiskDBError) as error:
                log.error("a crossing cannot be kept, and its sender will not send it again: %s", error)
