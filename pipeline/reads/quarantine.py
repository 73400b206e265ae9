"""Messages of known devices that could not be understood: kept encrypted for a day, for whoever mends the adapter."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pipeline.reads.cipher import Seal, SealError
from riskdb.own_file import own_folder, read_own

SUFFIX = ".message"
ABOUT = b"quarantine"
STAMP = "%Y%m%dT%H%M%S%f"
MOST_MESSAGES = 20_000
"""So many at most, however small: what is known of each takes memory."""


class Quarantine:
    """One folder. What is sent again is kept once."""

    def __init__(self, folder: Path, seal: Seal, max_age: timedelta, max_bytes: int) -> None:
        """Raises OSError."""
        own_folder(folder)
        self._folder = folder
        self._seal = seal
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._kept = {_mark_of(path): (path, path.stat().st_size) for path in self._files()}
        """Mark of a message -> where it lies, and its size; the oldest first. Another process deletes old ones."""
        self._size = sum(size for _, size in self._kept.values())

    def keep(self, device_id: str, body: bytes, why: str, now: datetime) -> bool:
        """Put a message on disk; False where it is there already. Raises OSError."""
        mark = sha256(device_id.encode() + b"\0" + body).hexdigest()[:24]
        if mark in self._kept and self._kept[mark][0].exists():
            return False
        head = json.dumps({"device_id": device_id, "why": why, "at": now.isoformat()}).encode()
        sealed = b"".join(self._seal.close(head + b"\n" + body, ABOUT))
        self._make_room(len(sealed))
        path = self._folder / f"{now.astimezone(UTC):{STAMP}}-{mark}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        self._forget(mark)
        self._kept[mark] = path, len(sealed)
        self._size += len(sealed)
        return True

    def count(self) -> int:
        return len(self._files())

    def messages(self) -> Iterator[tuple[dict[str, str], bytes]]:
        """Yield what is said of each message, and its body; the oldest first."""
        for path in self._files():
            try:
                head, _, body = self._seal.open(read_own(path), ABOUT).partition(b"\n")
                yield json.loads(head), body
            except (OSError, SealError):
                continue

    def purge(self, now: datetime | None) -> int:
        """Delete what is older than allowed; None: nobody knows the time. Returns how many that were."""
        limit = f"{now.astimezone(UTC) - self._max_age:{STAMP}}" if now else ""
        old = [path for path in self._files() if path.name < limit]
        for path in old:
            path.unlink(missing_ok=True)
            self._forget(_mark_of(path))
        return len(old)

    def _make_room(self, size: int) -> None:
        """A look at the folder with every message would make a flood of them ever slower."""
        while self._kept and (self._size + size > self._max_bytes or len(self._kept) >= MOST_MESSAGES):
            mark = next(iter(self._kept))
            self._kept[mark][0].unlink(missing_ok=True)
            self._forget(mark)

    def _forget(self, mark: str) -> None:
        self._size -= self._kept.pop(mark, (None, 0))[1]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))


def _mark_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX).rpartition("-")[2]
