"""A folder that a camera or its recorder writes pictures to (FTP, shared folder): each JPEG is a read.

A JSON file of the same name says what the camera knows; without one, our own reader reads the picture. Both are deleted
once the read is on disk; what cannot be understood goes to quarantine.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as KeepingTimeoutError
from datetime import UTC, datetime
from pathlib import Path

from pipeline.reads import json_mapping
from pipeline.reads.adapter import Message, UnreadableMessageError
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.device_state import Device
from pipeline.reads.keeping import Keeping
from pipeline.reads.quarantine import Quarantine

PICTURES = (".jpg", ".jpeg")
SIDECAR = ".json"
SETTLED_S = 1.0
"""A file that was not written to for this long is whole."""
ALONE_S = 5.0
"""A picture waits so long for what is to be said of it."""
POLL_S = 0.5
KEEP_S = 10.0
AT_ONCE = 50

log = logging.getLogger(__name__)


class FolderWatch:
    """The folder of one device. One thread."""

    def __init__(
        self,
        device: Device,
        keeping: Keeping,
        quarantine: Quarantine,
        max_bytes: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._device = device
        self._keeping = keeping
        self._quarantine = quarantine
        self._max_bytes = max_bytes
        self._now = now
        self._folder = device.settings.folder or Path()

    def run(self, stop: threading.Event) -> None:
        """Take what comes until `stop` is set; a folder that is away is waited for."""
        while not stop.is_set():
            try:
                taken = self.step()
            except (OSError, sqlite3.Error, KeepingTimeoutError) as error:
                log.warning("the folder of %s: %s", self._device.settings.device_id, error)
                taken = 0
            if not taken:
                stop.wait(POLL_S)

    def step(self) -> int:
        """Take what lies there; return how many reads that were. Raises OSError, sqlite3.Error."""
        taken = 0
        for picture in self._settled():
            sidecar = picture.with_suffix(SIDECAR)
            taken += self._take(picture, sidecar if sidecar.is_file() else None)
        return taken

    def _settled(self) -> Iterator[Path]:
        """Yield whole pictures, the oldest first; one without a sidecar only after it has waited for one."""
        files = [path for path in self._folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file()]
        for path in sorted(files, key=lambda one: one.stat().st_mtime)[:AT_ONCE]:
            age_s = self._now().timestamp() - path.stat().st_mtime
            if age_s >= (SETTLED_S if path.with_suffix(SIDECAR).is_file() else ALONE_S) or age_s < -SETTLED_S:
                yield path

    def _take(self, picture: Path, sidecar: Path | None) -> bool:
        now = self._now()
        self._device.note(last_message_at=now)
        sent = self._sent(picture, sidecar, now)
        if sent is not None:
            clock, read = self._device.clock, sent.read
            passed_at = clock.passed_at(read.captured_at, now, is_resent=True)
            is_late = (now - passed_at).total_seconds() > ALONE_S * 12
            arrival = Arrival(self._device.settings.device_id, now, passed_at, is_late, sent)
            kept: Future[list[bool]] = self._keeping.keep([arrival])
            [is_new] = kept.result(timeout=KEEP_S)
            self._device.note(last_read_at=now, reads=int(is_new), resent=int(not is_new))
        picture.unlink(missing_ok=True)
        if sidecar is not None:
            sidecar.unlink(missing_ok=True)
        return sent is not None

    def _sent(self, picture: Path, sidecar: Path | None, now: datetime) -> SentRead | None:
        """Return the read of a picture; None for one that went to quarantine."""
        written = datetime.fromtimestamp(picture.stat().st_mtime, UTC)
        if picture.stat().st_size > self._max_bytes:
            self._set_apart(picture.name.encode(), "照片过大", now)
            return None
        jpeg = picture.read_bytes()
        if sidecar is None:
            read = CameraRead(text="", raw_text="", message_id=None, captured_at=written, score=None)
            return SentRead(read, scene_picture=jpeg)
        body = sidecar.read_bytes()[: self._max_bytes]
        device = self._device.settings
        message = Message("", "application/json", body, now, mapping=device.paths, utc_offset=device.utc_offset)
        try:
            reads = json_mapping.ADAPTER.understand(message).reads
        except UnreadableMessageError as error:
            self._set_apart(body, str(error), now)
            return None
        said = reads[0].read if reads else CameraRead(text="", raw_text="")
        return SentRead(replace_time(said, written), scene_picture=jpeg)

    def _set_apart(self, body: bytes, why: str, now: datetime) -> None:
        self._device.set_apart(why, now)
        self._quarantine.keep(self._device.settings.device_id, body, why, now)


def replace_time(read: CameraRead, written: datetime) -> CameraRead:
    """Return the read with the file's time where it says none."""
    return read if read.captured_at is not None else read.model_copy(update={"captured_at": written})
