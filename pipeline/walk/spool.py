"""Passages that could not be checked: kept encrypted for a day at most, checked again, then deleted.

One file a passage, its name says only when it was written. The key lies in a file of its own (0600).
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken
from pydantic import ValidationError

from pipeline.errors import SpoolKeyError
from pipeline.types import Passage
from pipeline.walk.spool_record import SpoolRecord

SUFFIX = ".unchecked"
STAMP = "%Y%m%dT%H%M%S%f"

log = logging.getLogger(__name__)


class Spool:
    """The folder of unchecked passages; several processes may write to it."""

    def __init__(
        self, folder: Path, key_file: Path, now: Callable[[], datetime], max_age: timedelta, max_bytes: int
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        try:
            self._cipher = Fernet(_load_or_create_key(key_file))
        except ValueError as error:
            raise SpoolKeyError(f"{key_file} is no key; delete it (what waits in {folder} is lost)") from error
        self._now = now
        self._max_age = max_age
        self._max_bytes = max_bytes

    def keep(self, passage: Passage) -> None:
        """Write a passage; without its pictures when the spool is full. Raises OSError."""
        is_full = self._bytes() > self._max_bytes
        record = SpoolRecord.of(passage, with_pictures=not is_full)
        target = self._folder / f"{self._now():{STAMP}}-{uuid4().hex}{SUFFIX}"
        partial = target.with_suffix(".part")
        try:
            with partial.open("wb") as file:
                file.write(self._cipher.encrypt(record.model_dump_json().encode()))
                file.flush()
                os.fsync(file.fileno())
            partial.rename(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def waiting(self) -> int:
        """Return how many passages wait for a check."""
        return len(self._files())

    def oldest_first(self) -> Iterator[tuple[Path, SpoolRecord]]:
        """Yield what waits, each with its file, to `remove` after the check; what cannot be read is deleted."""
        for path in self._files():
            try:
                yield path, SpoolRecord.model_validate_json(self._cipher.decrypt(path.read_bytes()))
            except FileNotFoundError:
                continue
            except (InvalidToken, ValidationError) as error:
                log.error("a spooled passage cannot be read and is deleted: %s", type(error).__name__)
                self.remove(path)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def purge(self) -> int:
        """Delete what is older than allowed, unread; return how many passages that were."""
        limit = f"{self._now() - self._max_age:{STAMP}}"
        expired = [path for path in self._files() if path.name < limit]
        torn = [path for path in self._folder.glob("*.part") if path.name < limit]
        for path in (*expired, *torn):
            self.remove(path)
        return len(expired)

    def _bytes(self) -> int:
        total = 0
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):  # another process has just checked it
                total += path.stat().st_size
        return total

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))


def _load_or_create_key(path: Path) -> bytes:
    """Return the key, made durably on first use; an empty file is what a power cut left of an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not path.stat().st_size:
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not path.stat().st_size:
            path.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
        partial.unlink(missing_ok=True)
    return path.read_bytes()
