"""Dahua, asked instead of asking: a stream of events that the box attaches to, for cameras that push nowhere.

`snapManager.cgi` gives plates with their pictures, `eventManager.cgi` the crossings of a guard camera; digest for both.
Parts go by their Content-Length: a JPEG may hold the boundary. What was under way when the line broke is lost: the
camera doesn't send it again.
"""

import contextlib
import json
import logging
import random
import re
import socket
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as KeepingTimeoutError
from datetime import UTC, datetime, timedelta

import httpx

from alerts.errors import AlertsError
from pipeline.reads import dahua
from pipeline.reads.adapter import SentCrossing, UnreadableMessageError
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.device_state import Device
from pipeline.reads.guarding import Guarding
from pipeline.reads.keeping import Keeping
from pipeline.reads.plate_text import colour_beside, plate_text, style_of_word
from pipeline.reads.settings import PullSettings
from pipeline.reads.texts import decoded, moment_of, share_of, short
from riskdb.types import RiskDBError

HEARTBEAT_S = 5
SILENT_S = 20.0
"""Four heartbeats: the line is dead, whatever TCP thinks."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
MAX_PART = 4 * 2**20
MAX_HEADERS = 4096
KEEP_S = 10.0
LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,8})", re.IGNORECASE)
JPEG = b"\xff\xd8\xff"
CROSSING = re.compile(r"Code=(\w+);action=(\w+);index=(\d+)(?:;data=(.*))?", re.DOTALL)

log = logging.getLogger(__name__)


class DahuaPull:
    """The stream of one device. One thread."""

    def __init__(
        self,
        device: Device,
        password: str,
        keeping: Keeping,
        guarding: Guarding,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._device = device
        self._password = password
        self._keeping = keeping
        self._guarding = guarding
        self._now = now
        self._said: SentRead | None = None
        """A read whose picture may follow."""
        self._line: socket.socket | None = None

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; attach again after a pause that grows, and differs from box to box."""
        pull, pause_s = self._device.settings.pull, FIRST_PAUSE_S
        threading.Thread(target=self._hang_up, args=(stop,), name="hang-up", daemon=True).start()
        while pull is not None and not stop.is_set():
            before = self._device.report.last_message_at
            try:
                self._listen(pull, stop)
            except (httpx.HTTPError, UnreadableMessageError, OSError, sqlite3.Error, KeepingTimeoutError) as error:
                # Not the error's own words: they may name the address with what stands in it.
                log.warning("the stream of %s ended: %s", self._device.settings.device_id, type(error).__name__)
            self._finish()
            came = self._device.report.last_message_at != before
            pause_s = FIRST_PAUSE_S if came else min(2 * pause_s, LONGEST_PAUSE_S)
            stop.wait(pause_s * random.uniform(0.5, 1.0))

    def _listen(self, pull: PullSettings, stop: threading.Event) -> None:
        settings = self._device.settings
        trust = ssl.create_default_context(cafile=pull.ca_file) if pull.url.startswith("https") else True
        auth = httpx.DigestAuth(settings.user, self._password)
        with (
            httpx.Client(auth=auth, verify=trust, timeout=SILENT_S, trust_env=False) as client,
            client.stream("GET", pull.url.rstrip("/") + path_of(pull, is_guard=settings.door is not None)) as answer,
        ):
            if answer.status_code != 200:
                self._device.refuse(f"相机答复 HTTP {answer.status_code}，请核对用户名、密码和权限", self._now())
                return
            self._line = answer.extensions["network_stream"].get_extra_info("socket")
            parts = parts_in(answer.iter_raw())
            while not stop.is_set() and (part := next(parts, None)) is not None:
                self._take(part)

    def _hang_up(self, stop: threading.Event) -> None:
        """Wake a thread that waits for a camera with nothing to say."""
        stop.wait()
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _take(self, part: bytes) -> None:
        now = self._now()
        self._device.note(last_message_at=now)
        if part.startswith(JPEG):
            said, self._said = self._said, None
            if said is not None:
                self._keep(SentRead(said.read, scene_picture=part))
            return
        self._finish()
        try:
            text = decoded(part)
            if found := CROSSING.match(text.strip()):
                self._cross(found, now)
            else:
                self._said = read_in(text, self._device.settings.utc_offset)
        except UnreadableMessageError as error:
            self._device.note(other=1, why_quarantined=str(error)[:200])

    def _finish(self) -> None:
        """Keep a read whose picture did not come."""
        said, self._said = self._said, None
        if said is not None:
            self._keep(said)

    def _keep(self, sent: SentRead) -> None:
        """Raises OSError, sqlite3.Error where the disk takes nothing."""
        now, clock = self._now(), self._device.clock
        passed_at = clock.passed_at(sent.read.captured_at, now, is_resent=False)
        arrival = Arrival(self._device.settings.device_id, now, passed_at, False, sent)
        [is_new] = self._keeping.keep([arrival]).result(timeout=KEEP_S)
        self._device.note(last_read_at=now, reads=int(is_new), resent=int(not is_new))

    def _cross(self, found: "re.Match[str]", now: datetime) -> None:
        code, action, index, said = found.groups()
        if code not in dahua.CROSSINGS or action.lower() == "stop":
            return
        moment = _moment_in(said, self._device.settings.utc_offset)
        name = f"{code}#{index}#{moment.timestamp()}" if moment else None
        try:
            self._guarding.take(self._device.settings, SentCrossing(name, moment), now)
        except (AlertsError, RiskDBError) as error:
            log.error("a crossing cannot be kept, and its camera will not send it again: %s", error)


def path_of(pull: PullSettings, *, is_guard: bool) -> str:
    if is_guard:
        codes = ",".join(dahua.CROSSINGS)
        return f"/cgi-bin/eventManager.cgi?action=attach&codes=[{codes}]&heartbeat={HEARTBEAT_S}"
    events = f"Flags[0]=Event&Events=[TrafficJunction]&channel={pull.channel}&heartbeat={HEARTBEAT_S}"
    return f"/cgi-bin/snapManager.cgi?action=attachFileProc&{events}"


def parts_in(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the contents of a multipart stream as they come. Raises UnreadableMessageError where it is none."""
    waiting, length = b"", None
    for piece in stream:
        waiting += piece
        while True:
            if length is None:
                head, blank, rest = waiting.partition(b"\r\n\r\n")
                if not blank:
                    break
                found = LENGTH.search(head)
                if found is None or int(found[1]) > MAX_PART:
                    raise UnreadableMessageError("事件流的一段没有长度，或太长")
                waiting, length = rest, int(found[1])
            if len(waiting) < length:
                break
            yield waiting[:length]
            waiting, length = waiting[length:], None
        if length is None and len(waiting) > MAX_HEADERS:
            raise UnreadableMessageError("事件流不是 multipart")


def read_in(text: str, utc_offset: timedelta) -> SentRead | None:
    """Return the read that a part tells line by line (`Events[0].Lane=1`); None for a heartbeat."""
    pairs = (line.partition("=") for line in text.splitlines())
    said = {name.strip().partition("].")[2]: value.strip() for name, _, value in pairs if name.startswith("Events[0].")}
    is_plate = said.get("Object.ObjectType") == "Plate"
    raw = (said.get("Object.Text", "") if is_plate else "") or said.get("TrafficCar.PlateNumber", "")
    if not raw and "TrafficCar.PlateColor" not in said and not is_plate:
        return None
    try:
        plate = plate_text(raw)
    except ValueError as error:
        raise UnreadableMessageError(str(error)) from error
    milliseconds = said.get("UTCMS", "0")
    moment = moment_of(said.get("UTC"), utc_offset)
    if moment is not None and milliseconds.isdecimal():
        moment += timedelta(milliseconds=int(milliseconds) % 1000)
    read = CameraRead(
        text=plate,
        raw_text=raw[:200],
        message_id=None,
        score=share_of(said.get("Object.Confidence"), 100) if is_plate else None,
        style=colour_beside(raw) or style_of_word(short(said.get("TrafficCar.PlateColor"))),
        captured_at=moment,
        lane=short(said.get("Lane")),
        direction=short(said.get("JunctionDirection")),
    )
    return SentRead(read)


def _moment_in(said: str | None, utc_offset: timedelta) -> datetime | None:
    try:
        document = json.loads(said) if said else None
    except (ValueError, RecursionError):
        return None
    return moment_of(document.get("UTC"), utc_offset) if isinstance(document, dict) else None
