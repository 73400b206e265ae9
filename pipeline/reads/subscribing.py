"""GA/T 1400, asked instead of asking: the box registers with a platform, subscribes to its motor vehicles, stays known.

What the platform then notifies comes to the endpoint as any other message of the device. A subscription lasts a day and
is asked anew before; the old one is cancelled, and so it is at the end of the process.
"""

import contextlib
import json
import logging
import random
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from alerts.viid_status import status_codes
from pipeline.errors import ReadsError
from pipeline.reads.device_state import Device
from pipeline.reads.gat1400 import CONTENT_TYPE, local_stamp
from pipeline.reads.settings import SubscribeSettings
from riskdb.system_words import system_words

TIMEOUT_S = 5.0
FAREWELL_S = 1.0
KEEPALIVE_S = 30.0
LASTS = timedelta(days=1)
ANEW = timedelta(hours=12)
PAUSES_S = (2.0, 60.0)
"""The first and the longest one before a platform is asked again."""
MOTOR_VEHICLES = "13"
ASK, CANCEL = 0, 1

log = logging.getLogger(__name__)


class PlatformError(ReadsError):
    """The platform did not take what it was asked; says in Chinese what."""


class Subscribing:
    """The subscription of one device. One thread."""

    def __init__(
        self,
        device: Device,
        subscribe: SubscribeSettings,
        password: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        keepalive_s: float = KEEPALIVE_S,
        pauses_s: tuple[float, float] = PAUSES_S,
    ) -> None:
        self._device = device
        self._subscribe = subscribe
        self._password = password
        self._now = now
        self._keepalive_s = keepalive_s
        self._pauses_s = pauses_s
        self._number = random.randrange(100_000)

    def run(self, stop: threading.Event) -> None:
        """Stay subscribed until `stop` is set; begin anew after a pause that grows."""
        pause_s = self._pauses_s[0]
        while not stop.is_set():
            began = self._now()
            try:
                with self._client() as client:
                    self._stay(client, stop)
            except (httpx.HTTPError, PlatformError, OSError) as error:
                # An error of the line may name the address with what stands in it.
                known = system_words(error, type(error).__name__)
                why = known if isinstance(error, PlatformError) else f"连不上（{known}）"
                self._device.refuse(f"向上级平台订阅失败：{why}", self._now())
                log.warning("%s: the subscription failed: %s", self._device.settings.device_id, type(error).__name__)
            lasted = self._now() - began > timedelta(seconds=2 * self._keepalive_s)
            stop.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = self._pauses_s[0] if lasted else min(2 * pause_s, self._pauses_s[1])

    def _client(self) -> httpx.Client:
        ours, is_tls = self._subscribe, self._subscribe.url.startswith("https")
        trust = ssl.create_default_context(cafile=ours.ca_file) if is_tls else True
        known = {"content-type": CONTENT_TYPE, "user-identify": ours.device_id}
        auth = httpx.DigestAuth(ours.user, self._password)
        return httpx.Client(
            base_url=ours.url.rstrip("/") + "/VIID/", auth=auth, verify=trust, headers=known, timeout=TIMEOUT_S,
            trust_env=False,
        )  # fmt: skip

    def _stay(self, client: httpx.Client, stop: threading.Event) -> None:
        """Raises httpx.HTTPError, PlatformError."""
        ours = {"DeviceID": self._subscribe.device_id}
        _ask(client, "POST", "System/Register", {"RegisterObject": {**ours, "ProtocolVersion": "2.0"}}, "注册")
        asked_at = self._now()
        subscription = self._ask_for_vehicles(client, asked_at)
        try:
            while not stop.wait(self._keepalive_s):
                _ask(client, "POST", "System/Keepalive", {"KeepaliveObject": ours}, "心跳")
                self._device.note(last_message_at=self._now())
                if self._now() - asked_at >= ANEW:
                    asked_at, old = self._now(), subscription
                    subscription = self._ask_for_vehicles(client, asked_at)
                    self._cancel(client, old)
        finally:
            if stop.is_set():
                client.timeout = httpx.Timeout(FAREWELL_S)
                with contextlib.suppress(httpx.HTTPError, PlatformError):
                    self._cancel(client, subscription)
                    _ask(client, "POST", "System/UnRegister", {"UnRegisterObject": ours}, "注销")

    def _ask_for_vehicles(self, client: httpx.Client, now: datetime) -> str:
        """Return the number of a new subscription."""
        ours, offset = self._subscribe, self._device.settings.utc_offset
        self._number = (self._number + 1) % 100_000
        number = f"{ours.device_id[:12]}03{local_stamp(now, offset)}{self._number:05d}"
        asked = {
            "SubscribeID": number, "Title": "过车", "SubscribeDetail": MOTOR_VEHICLES, "ResourceURI": ours.resource,
            "ApplicantName": "kakou", "ApplicantOrg": ours.applicant, "BeginTime": local_stamp(now, offset),
            "EndTime": local_stamp(now + LASTS, offset), "ReceiveAddr": self._receive_address(), "ReportInterval": 1,
            "Reason": "车辆查验", "OperateType": ASK, "SubscribeStatus": 0,
        }  # fmt: skip
        _ask(client, "POST", "Subscribes", {"SubscribeListObject": {"SubscribeObject": [asked]}}, "订阅")
        log.info("%s: subscribed to motor vehicles", self._device.settings.device_id)
        return number

    def _cancel(self, client: httpx.Client, number: str) -> None:
        said = {"SubscribeID": number, "OperateType": CANCEL, "SubscribeStatus": 1}
        document = {"SubscribeListObject": {"SubscribeObject": [said]}}
        _ask(client, "PUT", f"Subscribes/{number}", document, "取消订阅")

    def _receive_address(self) -> str:
        device = self._device
        path = f"/reads/{device.settings.device_id}"
        if device.settings.auth == "path":
            path += f"/{device.secret}"
        return f"{self._subscribe.receive_url.rstrip('/')}{path}/VIID/SubscribeNotifications"


def _ask(client: httpx.Client, method: str, path: str, document: object, what: str) -> None:
    """Raises httpx.HTTPError, PlatformError."""
    answer = client.request(method, path, content=json.dumps(document, ensure_ascii=False).encode())
    if answer.status_code != 200:
        hint = "，请核对用户名和密码" if answer.status_code in (401, 403) else ""
        raise PlatformError(f"{what}：HTTP {answer.status_code}{hint}")
    if refused := [code for code in status_codes(answer.content) if code != "0"]:
        raise PlatformError(f"{what}：StatusCode {refused[0][:10]}")
