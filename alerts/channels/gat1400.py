"""GA/T 1400 upward: flagged vehicles as alarms, or as motor vehicles of a subscription, to a higher 视图库 platform.

Written from the interface's field lists. Register with digest, Keepalive after a pause, and again where the platform
says 401. Pictures stay here; StorageUrl1 is the link to the case, for those who may see it.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from alerts.channels.base import Channel, ChannelKind, ChannelSettings, DeliveryError, Surroundings
from alerts.channels.payload import link_to
from alerts.channels.pinned_http import HttpAnswer, PinnedHttp, check_url
from alerts.channels.secrets import read_secret
from alerts.channels.webhook import failure_of
from alerts.digest_answer import answer_to
from alerts.envelope import Event
from alerts.flagged import FlaggedEvent
from alerts.viid_status import status_codes
from ocr.looks import class_name, style_of
from riskdb.types import BEIJING

CONTENT_TYPE = "application/VIID+JSON;charset=UTF-8"
QUIET_FOR = timedelta(seconds=60)
"""After a longer pause the platform is asked whether it still knows us."""
PLATE_COLOURS = {"blue": "5", "green": "9", "green_large": "9", "yellow": "6", "yellow_two_line": "6", "white": "2",
                 "white_two_line": "2", "black": "1", "civil_aviation": "9", "blue_two_line": "5",
                 "motorcycle_two_line": "6", "green_two_line": "9", "paper": "99"}  # fmt: skip
"""ColorType by style, as in `ocr.looks`."""
OTHER = "99"


class Gat1400Settings(ChannelSettings):
    kind: Literal["gat1400"]
    """Alarms to a higher GA/T 1400 platform."""
    url: str
    """Root of the platform, such as https://10.20.0.5:8443; its host must be allowed."""
    device_id: str = Field(pattern=r"^\d{20}$")
    """This platform's own 20-digit code, as the higher platform knows it."""
    user: str
    """Name that the platform gave for Register."""
    secret_file: Path
    """Holds the password for Register."""
    tollgate_id: str = Field(default="", pattern=r"^(\d{20})?$")
    """Code of the checkpoint, where the platform wants one."""
    disposition_id: str = ""
    """Code of the 布控 that our alarms belong to, where the platform gave one."""
    subscribe_id: str = ""
    """With it, vehicles go as notifications of this subscription, and not as alarms of a 布控."""
    receive_path: str = ""
    """ReceiveAddr of that subscription below `url`; none is /VIID/SubscribeNotifications."""
    full_payload: bool = False
    """False: place, time and number of the record. True: the plate too, for platforms entitled to it."""

    @model_validator(mode="after")
    def _subscription_needs_the_vehicle(self) -> "Gat1400Settings":
        if self.subscribe_id and not self.full_payload:
            raise ValueError(
                f"{self.name}：订阅车辆（subscribe_id）要同时设 full_payload = true"
                " (a subscription to vehicles is of no use without full_payload = true)"
            )
        return self


class Gat1400Channel:
    """One higher platform."""

    parallel = 1
    batch_limit = 1

    def __init__(
        self, settings: Gat1400Settings, http: PinnedHttp, link_base: str, now: Callable[[], datetime]
    ) -> None:
        """Raises ChannelConfigError when the secret cannot be read."""
        self.name = settings.name
        self._settings = settings
        self._http = http
        self._link_base = link_base
        self._now = now
        self._secret = read_secret(settings.secret_file, settings.name)
        self._heard_at: datetime | None = None

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        [event] = events
        if not isinstance(event, FlaggedEvent):
            raise DeliveryError(f"GA/T 1400 平台只收车辆，不收 {event.kind}：从该通道的 kinds 里去掉它")
        path, document = self._message(event)
        if self._heard_at is None or self._now() - self._heard_at > QUIET_FOR:
            self._be_known()
        answer = self._post(path, document)
        if answer.status == 401:  # the platform was started anew
            self._register()
            answer = self._post(path, document)
        self._check(answer)
        self._heard_at = self._now()

    def probe(self) -> None:
        self._http.probe(self._settings.url)

    def close(self) -> None:
        self._http.close()

    def _message(self, event: FlaggedEvent) -> tuple[str, object]:
        if self._settings.subscribe_id:
            path = self._settings.receive_path or "/VIID/SubscribeNotifications"
            return path, subscription_notification(event, self._settings, link_to(event, self._link_base))
        path = "/VIID/DispositionNotifications"
        return path, disposition_notification(event, self._settings, link_to(event, self._link_base))

    def _be_known(self) -> None:
        alive = {"KeepaliveObject": {"DeviceID": self._settings.device_id}}
        if self._heard_at is None or self._post("/VIID/System/Keepalive", alive).status != 200:
            self._register()

    def _register(self) -> None:
        """Raises DeliveryError."""
        path = "/VIID/System/Register"
        asked = {"RegisterObject": {"DeviceID": self._settings.device_id, "ProtocolVersion": "2.0"}}
        answer = self._post(path, asked)
        if answer.status == 401:
            uri = urlsplit(self._settings.url).path.rstrip("/") + path
            challenge = answer.headers.get("www-authenticate", "")
            said = answer_to(challenge, "POST", uri, self._settings.user, self._secret)
            answer = self._post(path, asked, authorization=said)
        self._check(answer)

    def _post(self, path: str, document: object, **headers: str) -> HttpAnswer:
        body = json.dumps(document, ensure_ascii=False).encode()
        known = {"content-type": CONTENT_TYPE, "user-identify": self._settings.device_id, "connection": "keep-alive"}
        return self._http.post(self._settings.url.rstrip("/") + path, body, {**known, **headers})

    def _check(self, answer: HttpAnswer) -> None:
        """Raises DeliveryError where the platform did not take it."""
        if answer.status != 200:
            raise failure_of(answer, self._now())
        refused = [code for code in status_codes(answer.body) if code != "0"]
        if refused:
            raise DeliveryError(f"平台拒收，StatusCode {refused[0][:10]}：请平台方查这个代码")


def disposition_notification(event: FlaggedEvent, settings: Gat1400Settings, link: str) -> object:
    """Return an alarm (告警)."""
    notice: dict[str, object] = {
        "NotificationID": _long_id(event, settings),
        "DispositionID": settings.disposition_id or _long_id(event, settings),
        "Title": f"{event.checkpoint} 风险车辆{event.word}",
        "TriggerTime": _stamp(event.captured_at),
        "CntObjectID": vehicle_id(event, settings.device_id),
    }
    if settings.full_payload:
        notice["MotorVehicleObject"] = motor_vehicle(event, settings, link)
    return {"DispositionNotificationListObject": {"DispositionNotificationObject": [notice]}}


def subscription_notification(event: FlaggedEvent, settings: Gat1400Settings, link: str) -> object:
    """Return a vehicle as a subscription to motor vehicles (13) tells it."""
    notice = {
        "NotificationID": _long_id(event, settings),
        "SubscribeID": settings.subscribe_id,
        "Title": f"{event.checkpoint} 风险车辆{event.word}",
        "TriggerTime": _stamp(event.captured_at),
        "InfoIDs": vehicle_id(event, settings.device_id),
        "ExecuteOperation": 1,
        "MotorVehicleObjectList": {"MotorVehicleObject": [motor_vehicle(event, settings, link)]},
    }
    return {"SubscribeNotificationListObject": {"SubscribeNotificationObject": [notice]}}


def motor_vehicle(event: FlaggedEvent, settings: Gat1400Settings, link: str) -> dict[str, object]:
    reliabilities = (f"{c}-{round(100 * p)}" for c, p in zip(event.text, event.char_probs, strict=False))
    return {
        "MotorVehicleID": vehicle_id(event, settings.device_id),
        "InfoKind": 1,
        "SourceID": vehicle_id(event, settings.device_id)[:41],
        **({"TollgateID": settings.tollgate_id} if settings.tollgate_id else {}),
        "DeviceID": settings.device_id,
        "StorageUrl1": link[:256],
        "HasPlate": "1",
        "PlateClass": event.plate_class or OTHER,
        "PlateColor": _colour_of(event.plate_class),
        "PlateNo": event.text[:15],
        "PlateDescribe": event.word,
        "VehicleColor": OTHER,
        "PassTime": _stamp(event.captured_at),
        "PlateReliability": str(round(100 * event.confidence)),
        "PlateCharReliability": ",".join(reliabilities),
    }


def vehicle_id(event: FlaggedEvent, device_id: str) -> str:
    """Return the 48 digits of a MotorVehicleID: device, 02, time, number of the picture, 02, number of the vehicle."""
    number = _number(event)
    return f"{device_id}02{_stamp(event.captured_at)}{number % 100_000:05d}02{number // 100_000 % 100_000:05d}"


def _long_id(event: FlaggedEvent, settings: Gat1400Settings) -> str:
    """Return 33 digits: organisation (12), kind (2), time (14), number (5)."""
    return f"{settings.device_id[:12]}04{_stamp(event.decided_at)}{_number(event) % 100_000:05d}"


def _number(event: FlaggedEvent) -> int:
    """Return the same number for the same event, whoever sends it again."""
    return int.from_bytes(sha256(event.event_id.encode()).digest()[:6], "big")


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(BEIJING):%Y%m%d%H%M%S}"


def _build(settings: Gat1400Settings, around: Surroundings) -> Channel:
    check_url(settings.url, settings.name)
    return Gat1400Channel(settings, PinnedHttp(around.allow_list, settings.timeout_s), around.link_base, around.now)


CHANNEL = ChannelKind("GA/T 1400, upward", Gat1400Settings, _build)


def _colour_of(plate_class: str) -> str:
    is_known = class_name(plate_class) not in ("", class_name(OTHER))
    return PLATE_COLOURS[style_of("", plate_class)] if is_known else OTHER
