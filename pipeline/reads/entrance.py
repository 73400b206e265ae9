"""Who a message is from: known by its secret, never by its address or a header that a proxy writes."""

import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from pipeline.errors import ReadsError
from pipeline.reads.device_state import Device
from pipeline.reads.digest_auth import DigestAuth, Verdict

PREFIX = "reads"
VIID = "viid"
SESSION_S = 100.0
"""Three keepalives of GA/T 1400 (30 s) and a little."""
FIRST_TRIES = 10
"""So many messages of a device may answer an old challenge, or come before it registers anew, until one comes in."""


class RefusedError(ReadsError):
    """The sender did not show who it is; the message says in Chinese what was wrong."""

    def __init__(
        self, why: str, *, device: Device | None = None, challenge: str | None = None, is_amiss: bool = True
    ) -> None:
        super().__init__(why)
        self.is_amiss = is_amiss
        """False for a step of the way in: a sender that has not answered yet, or answered what is over."""
        self.device = device
        """Which device it claimed to be, where that one is known."""
        self.challenge = challenge
        """A WWW-Authenticate header for a sender that may answer it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What stands in front of a body."""

    method: str
    path: str
    """As it was asked for, still percent-encoded."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    peer: str
    """Numeric address."""
    certificate_name: str = ""
    """Of the client certificate that was shown, and checked; "" for none."""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Entered:
    """A device that has shown its secret."""

    device: Device
    rest: str
    """Of the path, behind what names the device."""


class Entrance:
    """The devices of the configuration, and nobody else."""

    def __init__(self, devices: Mapping[str, Device], now_s: Callable[[], float]) -> None:
        self._devices = devices
        self._now_s = now_s
        self._digest = DigestAuth(now_s)
        self._sessions: dict[str, tuple[str, float]] = {}
        """GA/T 1400: device id -> (address that registered, until)."""
        self._tries: Counter[str] = Counter()
        """By device id: how often it was asked to show its secret anew since it last did."""

    def enter(self, request: Request) -> Entered:
        """Return the device that a message comes from. Raises RefusedError."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[0].lower() == VIID:
            return self._enter_by_registering(request, "/".join(parts))
        if parts[0] != PREFIX or len(parts) < 2:
            raise RefusedError("地址不对：应为 /reads/设备号/密钥，GA/T 1400 为 /VIID")
        device = self._devices.get(parts[1])
        if device is None or not device.settings.posts:  # files, and cameras that are asked, post nothing
            raise RefusedError("未登记的设备号")
        if device.settings.auth == "certificate":
            _check_certificate(request, device)
            return Entered(device, "/".join(parts[2:]))
        if device.settings.auth == "path":
            if len(parts) < 3 or not _is_same(parts[2], device.secret):
                raise RefusedError("地址中的密钥不对", device=device)
            return Entered(device, "/".join(parts[3:]))
        if device.settings.auth == "header":
            if not _is_same(_key_in(request.headers), device.secret):
                raise RefusedError("请求头中的密钥不对", device=device)
            return Entered(device, "/".join(parts[2:]))
        self._check_digest(request, device)
        return Entered(device, "/".join(parts[2:]))

    def leave(self, device: Device) -> None:
        """End a GA/T 1400 session."""
        self._sessions.pop(device.settings.device_id, None)

    def _enter_by_registering(self, request: Request, path: str) -> Entered:
        """GA/T 1400 shows its secret once, at Register; what follows comes from the address that registered."""
        device = self._devices.get(request.headers.get("user-identify", "").strip())
        if device is None or device.settings.maker != "gat1400" or device.settings.auth != "digest":
            raise RefusedError("未登记的 GA/T 1400 设备号（User-Identify）")
        device_id = device.settings.device_id
        peer, until = self._sessions.get(device_id, ("", 0.0))
        is_registering = path.lower().rstrip("/").endswith("system/register")
        if is_registering or "authorization" in request.headers:
            self._check_digest(request, device)
        elif not peer or self._now_s() > until:
            raise self._asked_anew("设备没有注册，或注册已过期", device)
        elif peer != request.peer:
            raise RefusedError("设备在另一个地址注册", device=device, challenge=self._digest.challenge())
        self._sessions[device_id] = (request.peer, self._now_s() + SESSION_S)
        return Entered(device, path)

    def _check_digest(self, request: Request, device: Device) -> None:
        given = request.headers.get("authorization", "")
        if not given:
            raise RefusedError("尚未提供摘要认证", challenge=self._digest.challenge(), is_amiss=False)
        verdict = self._digest.judge(given, request.method, request.target, device.settings.user, device.secret)
        if verdict is Verdict.STALE:
            raise self._asked_anew("一再用过期的摘要（重放，或相机不取新的随机数）", device, given)
        if verdict is Verdict.WRONG:
            challenge = self._digest.challenge(given)
            raise RefusedError("用户名或密码不对，或摘要已用过", device=device, challenge=challenge)
        self._tries.pop(device.settings.device_id, None)

    def _asked_anew(self, why: str, device: Device, given: str = "") -> RefusedError:
        """Return the refusal of a device that has to show its secret anew, as all do after a restart of the box."""
        self._tries[device.settings.device_id] += 1
        is_amiss = self._tries[device.settings.device_id] > FIRST_TRIES
        return RefusedError(why, device=device, challenge=self._digest.challenge(given), is_amiss=is_amiss)


def _check_certificate(request: Request, device: Device) -> None:
    """Raises RefusedError."""
    if not request.certificate_name:
        raise RefusedError("没有出示客户端证书", device=device)
    if not _is_same(request.certificate_name, device.settings.certificate_name or device.settings.device_id):
        raise RefusedError("客户端证书不是这台设备的", device=device)


def _key_in(headers: Mapping[str, str]) -> str:
    if key := headers.get("x-kakou-key"):
        return key
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _is_same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
