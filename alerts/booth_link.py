"""What the processes of a box tell its booth page, over a socket and a file of the state folder, which is ours alone.

Files (written only here)
  run/booth.sock    unix datagram socket that the booth's process listens on; what comes there is kept in memory only
  run/booth.open    JSON: the places whose page is open on some device just now; as young as a few seconds, or nobody is

The one place where a clear vehicle's plate travels whole: from the process that read it to the page of its own
checkpoint. A datagram is a line of JSON and then the two pictures.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerts.box_status import BoxStatus
from alerts.envelope import UtcDatetime
from alerts.flagged import FlaggedEvent
from riskdb.own_file import read_own

MAX_DATAGRAM = 180_000
"""Below the usual size of a socket's buffer (212,992 bytes); pictures that do not fit stay behind."""
OPEN_FOR_S = 10.0
"""A page that has not been heard of for this long is closed."""


class BoothPassage(BaseModel):
    """A vehicle at the checkpoint, as far as it is known by now; the same again says more of the same vehicle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str
    checkpoint: str
    started_at: UtcDatetime
    """With the camera it names the vehicle."""
    text: str = Field(max_length=16)
    plate_class: str
    outcome: Literal["clear", "flagged", "unchecked"]
    event: FlaggedEvent | None
    """Only of a flagged vehicle."""
    decided_at: UtcDatetime
    has_left: bool
    """False while it is still in view."""
    permit: str = Field(default="", max_length=1000)
    """What is known of the vehicle's permits (通行证), in words."""

    @property
    def key(self) -> str:
        return f"{self.camera_id} {self.started_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class BoothWord:
    """One datagram: a vehicle with its pictures (JPEG, b"" where there is none), or the state of a camera."""

    passage: BoothPassage | None = None
    status: BoxStatus | None = None
    plate: bytes = b""
    vehicle: bytes = b""


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    passage: BoothPassage | None = None
    status: BoxStatus | None = None
    plate_bytes: int = Field(default=0, ge=0)


class BoothMouth:
    """Says it to the booth. Raises OSError where nobody listens."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "run"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(1.0)

    def say(self, word: BoothWord) -> None:
        head = _Head(passage=word.passage, status=word.status, plate_bytes=len(word.plate))
        line = head.model_dump_json(exclude_defaults=True).encode() + b"\n"
        room = MAX_DATAGRAM - len(line)
        plate = word.plate if len(word.plate) <= room else b""
        if plate != word.plate:
            line = head.model_copy(update={"plate_bytes": 0}).model_dump_json(exclude_defaults=True).encode() + b"\n"
        vehicle = word.vehicle if len(plate) + len(word.vehicle) <= room else b""
        with _short_path(self._folder) as path:
            self._socket.sendto(line + plate + vehicle, path)

    def close(self) -> None:
        self._socket.close()


class BoothEar:
    """The booth's side."""

    def __init__(self, state_dir: Path) -> None:
        """Raises OSError."""
        folder = state_dir / "run"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "booth.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._path.unlink(missing_ok=True)
        with _short_path(folder) as path:
            self._socket.bind(path)
        self._path.chmod(0o600)

    def hear(self, timeout_s: float) -> BoothWord | None:
        """Return what comes next; None when nothing came in time, or nothing that can be understood."""
        self._socket.settimeout(timeout_s)
        try:
            line, _, pictures = self._socket.recv(MAX_DATAGRAM + 1).partition(b"\n")
            head = _Head.model_validate_json(line)
        except (TimeoutError, ValidationError):
            return None
        return BoothWord(head.passage, head.status, pictures[: head.plate_bytes], pictures[head.plate_bytes :])

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class OpenBooths:
    """Who looks: written by the booth's process every few seconds, asked when a vehicle is flagged."""

    state_dir: Path

    @property
    def _path(self) -> Path:
        return self.state_dir / "run" / "booth.open"

    def note(self, places: set[tuple[str, str]]) -> None:
        """Keep the (checkpoint, camera or "" for all of its) that have a page open. Raises OSError."""
        partial = self._path.with_suffix(".part")
        partial.write_text(json.dumps(sorted(places)), encoding="utf-8")
        partial.replace(self._path)

    def holds(self, checkpoint: str, camera_id: str) -> bool:
        """Return whether somebody at this checkpoint has its page open; where that is not known, nobody has."""
        try:
            age_s = time.time() - self._path.stat().st_mtime
            places = json.loads(read_own(self._path))
        except (OSError, ValueError):
            return False
        return abs(age_s) < OPEN_FOR_S and any(place in ([checkpoint, ""], [checkpoint, camera_id]) for place in places)


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Yield a path of the socket that fits into the 107 bytes that it may have. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/booth.sock"
    finally:
        os.close(descriptor)
