"""The endpoint that cameras post to: an ASGI application. A read is on disk before it is answered.

Refused: 401 and 403 who is not known, 405, 408, 409 (too old), 413, 429. Answered 2xx: reads that are on disk, messages
that hold none, and messages that nobody understood, which are on disk too. 503: the disk takes nothing; send again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.errors import AlertsError, place_of
from pipeline.errors import ReadsError
from pipeline.reads.adapter import Message, Reply, Understood, UnreadableMessageError
from pipeline.reads.arrival import Arrival
from pipeline.reads.body import CERTIFICATE, BodyError, Receive, Scope, Send, SenderGoneError, answer, drain, read_body
from pipeline.reads.camera_read import SentRead
from pipeline.reads.device_state import STRANGERS, Device, DeviceReport
from pipeline.reads.entrance import Entered, Entrance, RefusedError, Request
from pipeline.reads.guarding import Guarding
from pipeline.reads.keeping import Keeping
from pipeline.reads.limits import Strangers
from pipeline.reads.makers import adapter_of
from pipeline.reads.proposing import Proposing, TooManyProposalsError
from pipeline.reads.quarantine import Quarantine
from pipeline.reads.settings import ReadsSettings
from pipeline.reads.texts import BrokenPicture
from riskdb.system_words import system_words
from riskdb.types import RiskDBError

METHODS = ("POST", "PUT", "GET", "DELETE")

TEST_HEADER = "x-kakou-test"
"""With it, a message with the right secret is a test of the way to the stream."""

log = logging.getLogger(__name__)


class NotTakenError(ReadsError):
    """A message of a known device that is refused; `status` is what its sender is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Clocks:
    now: Callable[[], datetime]
    """Box time, aware UTC."""
    monotonic_s: Callable[[], float]


class Endpoint:
    """Takes what the configured devices send."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        keeping: Keeping,
        quarantine: Quarantine,
        settings: ReadsSettings,
        clocks: Clocks,
        guarding: Guarding,
        proposing: Proposing,
    ) -> None:
        self._devices = devices
        self._keeping = keeping
        self._quarantine = quarantine
        self._quarantining = asyncio.Lock()
        self._proposing_now = asyncio.Lock()
        self._settings = settings
        self._clocks = clocks
        self._guarding = guarding
        self._proposing = proposing
        self._entrance = Entrance(devices, clocks.monotonic_s)
        self._strangers = Strangers()
        self._stranger_report = DeviceReport()

    def states(self) -> dict[str, str]:
        """Return what is to be written down of each device, and of strangers under STRANGERS."""
        said = {device_id: device.said() for device_id, device in self._devices.items()}
        return said | {STRANGERS: self._stranger_report.model_dump_json()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = request_of(scope)
        try:
            entered = self._entrance.enter(request)
        except RefusedError as error:
            await self._refuse(error, request, receive, send)
            return
        try:
            reply = await self._take(entered, request, receive)
            await answer(send, reply)
        except SenderGoneError:
            entered.device.note(other=1)
        except (NotTakenError, BodyError) as error:
            entered.device.refuse(str(error), self._clocks.now())
            await drain(receive, self._most_bytes, 1.0) if error.status in (405, 429) else None
            retry = ((b"retry-after", b"1"),) if error.status == 429 else ()
            await answer(send, Reply(status=error.status), *retry, closes=error.status in (408, 413))

    async def _refuse(self, error: RefusedError, request: Request, receive: Receive, send: Send) -> None:
        now, status = self._clocks.now(), 401 if error.challenge else 403
        if not self._strangers.may_try(request.peer, self._clocks.monotonic_s()):
            status = 429
        if error.is_amiss and error.device is not None:
            error.device.refuse(str(error), now)
        elif error.is_amiss:
            refused = self._stranger_report.refused + 1
            changes = {"refused": refused, "refused_at": now, "why_refused": str(error)}
            self._stranger_report = self._stranger_report.model_copy(update=changes)
        await drain(receive, self._most_bytes, 2.0)
        challenge = ((b"www-authenticate", error.challenge.encode()),) if error.challenge else ()
        await answer(send, Reply(status=status), *challenge, closes=status == 429)

    @property
    def _most_bytes(self) -> int:
        return int(self._settings.max_body_mb * 2**20)

    async def _take(self, entered: Entered, request: Request, receive: Receive) -> Reply:
        """Return the answer to a message of a known device. Raises NotTakenError, BodyError, SenderGoneError."""
        device = entered.device
        if request.method not in METHODS:
            raise NotTakenError(405, f"不支持的方法 {request.method[:10]}")
        if _has_unsaid_length(request):
            raise NotTakenError(411, "报文没有说自己多长（Content-Length 或 chunked），正文收不到")
        if not device.bucket.takes(self._clocks.monotonic_s()):
            raise NotTakenError(429, f"超过每秒 {device.settings.reads_per_s:g} 条")
        announced = request.headers.get("content-length")
        body = await read_body(receive, announced, self._most_bytes, self._settings.receive_timeout_s)
        now = self._clocks.now()
        message = Message(
            path=entered.rest,
            content_type=request.headers.get("content-type", ""),
            body=body,
            arrived_at=now,
            method=request.method,
            query=request.query,
            mapping=device.settings.paths,
            utc_offset=device.settings.utc_offset,
        )
        understood = await self._understood(device, message)
        if understood is None:
            return Reply()
        if entered.rest.lower().endswith("system/unregister"):
            self._entrance.leave(device)
        device.note(last_message_at=now)
        is_test = request.headers.get(TEST_HEADER) == "1"
        return await self._kept(device, understood, now, is_test=is_test)

    async def _understood(self, device: Device, message: Message) -> Understood | None:
        """Return what a message says; None for one that went to quarantine. Raises NotTakenError."""
        try:
            understood = adapter_of(device.settings.maker).understand(message)
        except UnreadableMessageError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  the outermost loop of a message: a fault of ours costs this one only
            # Not the error's own words: they may hold a plate.
            log.error("%s failed: %s", device.settings.maker, place_of(error))
            why = f"适配器出错 {type(error).__name__}"
        else:
            self._check_serials(device, understood)
            if understood.unreadable:
                await self._set_apart(device, message, understood.unreadable)
            return understood
        await self._set_apart(device, message, why)
        return None

    async def _set_apart(self, device: Device, message: Message, why: str) -> None:
        device.set_apart(why, message.arrived_at)
        device_id, body, now = device.settings.device_id, message.body, message.arrived_at
        async with self._quarantining:
            try:
                await asyncio.to_thread(self._quarantine.keep, device_id, body, why, now)
            except OSError as error:
                raise NotTakenError(503, f"磁盘写不进：{system_words(error)}") from error

    def _check_serials(self, device: Device, understood: Understood) -> None:
        if not (known := device.settings.known_serials):
            return
        said = {sent.read.serial for sent in understood.reads} | {understood.serial}
        if foreign := said - {None, *known}:
            raise NotTakenError(403, f"报文自称来自另一台设备 {sorted(map(str, foreign))[0][:40]}")

    async def _kept(self, device: Device, understood: Understood, now: datetime, *, is_test: bool) -> Reply:
        await self._tell(device, understood, now, is_test=is_test)
        if understood.declined:
            device.refuse(understood.declined, now)
        if not understood.reads:
            device.note(other=1)
            return understood.reply
        arrivals = [self._arrival(device, sent, now, is_test=is_test) for sent in understood.reads]
        try:
            is_new = await self._keeping.kept(arrivals)
        except (OSError, sqlite3.Error) as error:
            raise NotTakenError(503, "磁盘写不进，请稍后重发") from error
        pictures = [picture for sent in understood.reads for picture in (sent.plate_picture, sent.scene_picture)]
        broken = sum(isinstance(picture, BrokenPicture) for picture in pictures)
        device.note(last_read_at=now, reads=sum(is_new), resent=len(is_new) - sum(is_new), broken_pictures=broken)
        return understood.reply

    async def _tell(self, device: Device, understood: Understood, now: datetime, *, is_test: bool) -> None:
        """Pass on what is no read: crossings and proposals. Raises NotTakenError where the outbox takes nothing."""
        try:
            for crossing in understood.crossings:
                await asyncio.to_thread(self._guarding.take, device.settings, crossing, now)
            if understood.proposals and not is_test:
                async with self._proposing_now:
                    await asyncio.to_thread(self._proposing.take, device.settings, understood.proposals, now)
        except TooManyProposalsError as error:
            raise NotTakenError(429, str(error)) from error
        except (AlertsError, RiskDBError) as error:
            log.error("an event cannot be kept, its sender will send it again: %s", error)
            raise NotTakenError(503, "发件箱写不进，请稍后重发") from error

    def _arrival(self, device: Device, sent: SentRead, now: datetime, *, is_test: bool) -> Arrival:
        """Raises NotTakenError for a read that is older than any that may still come."""
        read, clock = sent.read, device.clock
        if clock.is_too_old(read.captured_at, now):
            raise NotTakenError(409, f"过车时间早于 {self._settings.replay_window_h:g} 小时，疑为旧报文重放")
        passed_at = clock.passed_at(read.captured_at, now, is_resent=read.is_resent)
        late = timedelta(seconds=self._settings.late_after_s)
        is_late = read.is_resent or now - passed_at > late
        return Arrival(device.settings.device_id, now, passed_at, is_late, sent, is_test)


def _has_unsaid_length(request: Request) -> bool:
    """Whether a body follows whose end nobody knows: what HTTP/1.0 allowed, and a 2xx without a read would lose it."""
    says_length = "content-length" in request.headers or "transfer-encoding" in request.headers
    return request.method in ("POST", "PUT") and "content-type" in request.headers and not says_length


def request_of(scope: Scope) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client") or ("", 0)
    path = raw.split(b"?")[0].decode("latin-1")
    shown = str(scope.get("extensions", {}).get(CERTIFICATE, {}).get("name", ""))
    return Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers, str(client[0]), shown)
