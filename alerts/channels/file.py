"""A file that grows by one JSON line an event, for whoever reads along."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alerts.channels.base import Channel, ChannelKind, ChannelSettings, DeliveryError, Surroundings
from alerts.channels.payload import link_to
from alerts.envelope import Event
from riskdb.system_words import system_words


class FileSettings(ChannelSettings):
    kind: Literal["file"]
    """One event a line, appended."""
    path: Path
    """Where to."""
    full_payload: bool = True
    """False leaves the plate out."""


class FileChannel:
    parallel = 1
    batch_limit = 1

    def __init__(self, settings: FileSettings, link_base: str) -> None:
        self.name = settings.name
        self._path = settings.path
        self._full_payload = settings.full_payload
        self._link_base = link_base

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        lines = "".join(self._line(event) for event in events).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as file:
                # A line cut off by a full disk or a power cut must not swallow the next one.
                size = file.seek(0, os.SEEK_END)
                if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                    lines = b"\n" + lines
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DeliveryError(f"写不了 {self._path}（{system_words(error)}）：核对路径、权限和磁盘空间") from error

    def probe(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab"):
                pass
        except OSError as error:
            raise DeliveryError(f"写不了 {self._path}（{system_words(error)}）：核对路径、权限和磁盘空间") from error

    def close(self) -> None:
        pass

    def _line(self, event: Event) -> str:
        shown = event if self._full_payload else event.thin(link_to(event, self._link_base))
        return json.dumps(shown.model_dump(mode="json"), ensure_ascii=False) + "\n"


def _build(settings: FileSettings, around: Surroundings) -> Channel:
    return FileChannel(settings, around.link_base)


CHANNEL = ChannelKind("JSON lines in a file", FileSettings, _build)
