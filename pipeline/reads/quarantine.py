"""Messages of known devices that could not be understood: kept encrypted for a day, for whoever mends the adapter."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pipeline.reads.cipher import Seal, SealError

SUFFIX = ".message"
ABOUT = b"quarantine"
STAMP = "%Y%m%dT%H%M%S%f"


class Quarantine:
    """One folder. What is sent again is kept once."""

    def __init__(self, folder: Path, seal: Seal, max_age: timedelta, max_bytes: int) -> None:
        """Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._seal = seal
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._size = sum(path.stat().st_size for path in self._files())

    def keep(self, device_id: str, body: bytes, why: str, now: datetime) -> bool:
        """Put a message on disk; False where it is there already. Raises OSError."""
        mark = sha256(device_id.encode() + b"\0" + body).hexdigest()[:24]
        if any(self._folder.glob(f"*-{mark}{SUFFIX}")):
            return False
        head = json.dumps({"device_id": device_id, "why": why, "at": now.isoformat()}).encode()
        sealed = self._seal.close(head + b"\n" + body, ABOUT)
        self._make_room(len(sealed))
        path = self._folder / f"{now.astimezone(UTC):{STAMP}}-{mark}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        self._size += len(sealed)
        return True

    def count(self) -> int:
        return len(self._files())

    def messages(self) -> Iterator[tuple[dict[str, str], bytes]]:
        """Yield what is said of each message, and its body; the oldest first."""
        for path in self._files():
            try:
                head, _, body = self._seal.open(path.read_bytes(), ABOUT).partition(b"\n")
                yield json.loads(head), body
            except (OSError, SealError):
                continue

    def purge(self, now: datetime | None) -> int:
        """Delete what is older than allowed; None: nobody knows the time. Returns how many that were."""
        limit = f"{now.astimezone(UTC) - self._max_age:{STAMP}}" if now else ""
        old = [path for path in self._files() if path.name < limit]
        for path in old:
            self._remove(path)
        return len(old)

    def _make_room(self, size: int) -> None:
        for path in self._files():
            if self._size + size <= self._max_bytes:
                return
            self._remove(path)

    def _remove(self, path: Path) -> None:
        self._size -= path.stat().st_size
        path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))
