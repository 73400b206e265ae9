"""A GA/T 1400 platform as its field lists describe it, strict about what it is sent. Not built with our own parts."""

import json
import re
from dataclasses import dataclass, field
from hashlib import md5

from tests.alerts_server import Answer, Received

USER, PASSWORD = "platform-user", "token-of-the-tests"
REQUIRED = ("MotorVehicleID", "InfoKind", "PassTime", "StorageUrl1", "VehicleColor", "DeviceID")
LENGTHS = {"MotorVehicleID": 48, "SourceID": 41, "DeviceID": 20, "PassTime": 14}


def _md5(text: str) -> str:
    return md5(text.encode()).hexdigest()


@dataclass
class Platform:
    """Answers what a scripted server receives."""

    reply: str = "list"
    """"list", "short" (Easy1400's spelling), "empty"."""
    code: object = 0
    nonces: int = 0
    registered: bool = False
    notices: list[dict[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __call__(self, received: Received) -> Answer:
        if not re.fullmatch(r"\d{20}", received.headers.get("user-identify", "")):
            self.faults.append("User-Identify")
        if "application/viid+json" not in received.headers.get("content-type", "").lower():
            self.faults.append("Content-Type")
        if received.path.endswith("/System/Register"):
            return self._register(received)
        if not self.registered:
            return Answer(401, b"{}")
        if not received.path.startswith("/VIID/System/"):
            self._note(json.loads(received.body))
        return self._taken()

    def _register(self, received: Received) -> Answer:
        said = dict(re.findall(r'(\w+)="([^"]*)"', received.headers.get("authorization", "")))
        inner = _md5(f"POST:{said.get('uri')}")
        outer = _md5(f"{USER}:viid:{PASSWORD}")
        parts = (outer, said.get("nonce"), said.get("nc"), said.get("cnonce"), said.get("qop"), inner)
        wanted = _md5(":".join(map(str, parts)))
        if said.get("nonce") != f"n{self.nonces}" or said.get("response") != wanted or said.get("uri") != received.path:
            self.nonces += 1
            asked = f'Digest realm="viid",qop="auth",algorithm=MD5,nonce="n{self.nonces}",opaque="o"'
            return Answer(401, b"{}", (("WWW-Authenticate", asked),))
        self.registered = True
        return self._taken()

    def _taken(self) -> Answer:
        one = {"RequestURL": "/", "StatusCode": self.code, "StatusString": "", "Id": "", "LocalTime": "20261124120000"}
        listed = {"ResponseStatusObject": [one]}
        wrapper = "ResponseStatusListObject" if self.reply == "list" else "ResponseStatusList"
        return Answer(200, b"" if self.reply == "empty" else json.dumps({wrapper: listed}).encode())

    def _note(self, document: dict[str, object]) -> None:
        [(_, listed)] = document.items()
        assert isinstance(listed, dict)
        [(_, notices)] = listed.items()
        for notice in notices:
            self.notices.append(notice)
            self.faults += [name for name in ("NotificationID", "Title", "TriggerTime") if not notice.get(name)]
            vehicles = notice.get("MotorVehicleObjectList", {}).get("MotorVehicleObject", [])
            for vehicle in vehicles + [one for one in [notice.get("MotorVehicleObject")] if one]:
                self.faults += [name for name in REQUIRED if vehicle.get(name) in (None, "")]
                self.faults += [name for name, length in LENGTHS.items() if len(str(vehicle[name])) != length]
