"""A booth page that is served as `kakou run` serves it, and a camera's process that talks to it."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from alerts.booth_link import BoothMouth, BoothPassage, BoothWord
from alerts.box_status import BoxStatus
from alerts.envelope import Event
from alerts.flagged import FlaggedEvent
from alerts.handled import BoothResult, HandledEvent, handled_id
from alerts.kinds import from_cloudevent
from alerts.notices.keeper import Amiss, NoticeKeeper, notices_path
from alerts.notices.table import BY_NAME
from alerts.outbox import Outbox
from console.cases.booth import BoothWords
from console.parts import Console
from kakou.box.booth import open_devices, serve_booth
from kakou.settings import Settings
from tests.alerts_kit import NOON
from tests.console_kit import event_of
from tests.picture_kit import write_pictures

CHECKPOINT, CAMERA, OTHER_CAMERA = "一号卡口", "一号卡口-入", "二号卡口-入"


@dataclass
class BoothWorld:
    settings: Settings
    address: str
    mouth: BoothMouth

    @property
    def folder(self) -> Path:
        return self.settings.state_dir

    def link(self, name: str = "一号平板", camera_id: str = "") -> str:
        with closing(open_devices(self.folder)) as devices:
            return f"{self.address}/pair/{devices.invite(name, CHECKPOINT, camera_id, timedelta(minutes=10))}"

    def say(self, text: str = "测A12345", outcome: str = "clear", **changes: object) -> BoothPassage:
        """A camera's process tells of a vehicle."""
        now = datetime.now(UTC)
        fields = {
            "camera_id": CAMERA, "checkpoint": CHECKPOINT, "started_at": now, "text": text, "plate_class": "02",
            "outcome": outcome, "event": None, "decided_at": now, "has_left": False,
        } | changes  # fmt: skip
        passage = BoothPassage.model_validate(fields)
        pictures = write_pictures(self.folder, text)
        evidence = self.folder / "evidence"
        plate, vehicle = ((evidence / pictures[f"{kind}_picture"]).read_bytes() for kind in ("plate", "vehicle"))
        self.mouth.say(BoothWord(passage, None, plate, vehicle))
        return passage

    def flag(self, text: str, level: str = "hit", for_s: float = 300, permit: str = "") -> FlaggedEvent:
        """A listed vehicle passes: its event is in the outbox, and the booth is told."""
        now = datetime.now(UTC)
        event = event_of(text, now, CHECKPOINT, level, camera_id=CAMERA, booth_until=now + timedelta(seconds=for_s))
        with self.outbox() as outbox:
            outbox.append(event)
        self.say(text, "flagged", event=event, started_at=event.started_at, decided_at=event.decided_at, permit=permit)
        return event

    def report(self, **changes: object) -> None:
        """The camera's process tells how it is."""
        now = datetime.now(UTC)
        fields = {
            "camera_id": CAMERA, "checkpoint": CHECKPOINT, "box": "盒1", "reported_at": now, "fps": 25.0,
            "last_read_at": now, "list_version": 1, "list_age_s": 9, "unchecked_waiting": 0, "outbox_pending": 0,
            "redis_ok": True, "clock_offset_s": 0.0,
        } | changes  # fmt: skip
        self.mouth.say(BoothWord(status=BoxStatus.model_validate(fields)))

    def watch(self, *found: tuple[str, str, str]) -> None:
        """The box's own watch finds these amiss (notice, subject, checkpoint), for long enough, and nothing else."""
        hours = itertools.count(0.0, 3600.0)
        path = notices_path(self.folder, "box")
        keeper = NoticeKeeper("box:盒1", "二号卡口", lambda _: None, path, lambda: next(hours))
        for _ in range(2):
            keeper.observe(tuple(BY_NAME), [Amiss(name, what, "", where) for name, what, where in found], NOON)

    def outbox(self) -> Outbox:
        return Outbox(self.folder / "outbox.sqlite")

    def kept(self) -> list[Event]:
        with self.outbox() as outbox:
            return [from_cloudevent(row.body) for row in outbox.after(0, 100)]


@contextlib.contextmanager
def open_booth(folder: Path, **changes: object) -> Iterator[BoothWorld]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ((CAMERA, CHECKPOINT), (OTHER_CAMERA, "二号卡口"))
    sources = [{"camera_id": name, "checkpoint": place, "uri": "0"} for name, place in places]
    booth = {"port": port, "host": "127.0.0.1"} | changes
    settings = Settings.model_validate({"state_dir": folder, "source": sources, "booth": booth})
    stop = threading.Event()
    thread = threading.Thread(target=serve_booth, args=(settings, stop))
    thread.start()
    address = f"https://localhost:{port}"
    try:
        _await_server(address)
        with closing(BoothMouth(folder)) as mouth:
            yield BoothWorld(settings, address, mouth)
    finally:
        stop.set()
        thread.join(timeout=10)


def _await_server(address: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            assert httpx.get(address, verify=False).status_code == 401
            return
        time.sleep(0.05)
    raise AssertionError("the booth page does not answer")


def handled_of(event: FlaggedEvent, at: datetime, result: BoothResult = "passed") -> HandledEvent:
    """Return what the booth of the event's checkpoint says that it did."""
    return HandledEvent(
        event_id=handled_id(event.event_id, result, at, b"k" * 16), flagged_id=event.event_id,
        camera_id=event.camera_id, checkpoint=event.checkpoint, result=result, by="一号平板 王某", handled_at=at,
    )  # fmt: skip


def say_at_booth(console: Console, event: FlaggedEvent, result: BoothResult = "passed") -> list[int]:
    words = BoothWords(console.database, console.audit, console.desk)
    return words.take([handled_of(event, console.now(), result)], console.now())
