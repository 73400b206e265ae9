"""Room on the disk for unchecked passages, held in the very files that they will be written into.

Room that is given back to the disk belongs to whoever writes next: on a disk that others fill, every freed byte was
theirs before a passage was written. A slot is a file with its blocks allocated; it is renamed to where the passage
belongs and written in place, so that no byte is free in between. After the check the file becomes a slot again.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from pipeline.walk.spool_writing import OUT_OF_ROOM, write_in_place
from riskdb.own_file import own_folder

SLOT_BYTES = 12 * 1024
"""A passage without its pictures takes less, as measured with the shipped models."""
_SUFFIX = ".slot"


class SpoolSlots:
    """The slots of one spool, for all processes that write to it."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """`folder` is on the disk of the spool. Raises OSError."""
        own_folder(folder)
        self._folder = folder
        self._count = size_bytes // SLOT_BYTES

    def hold(self) -> bool:
        """Take what is missing, where it is to be had; return whether all of it is held."""
        for _ in range(self._missing()):
            slot = self._new()
            try:
                with os.fdopen(os.open(slot, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, SLOT_BYTES)
            except OSError as error:
                slot.unlink(missing_ok=True)
                if error.errno not in (*OUT_OF_ROOM, errno.EROFS):
                    raise
                return False
        return True

    def is_held(self) -> bool:
        return self._missing() == 0

    def take(self, target: Path) -> bool:
        """Rename a slot to `target`; return False when none is left."""
        for slot in self._slots():
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                slot.rename(target)
                return True
        return False

    def give_up_one(self) -> bool:
        """Delete a slot, so that another file can grow; return False when none is left."""
        for slot in self._slots():
            slot.unlink(missing_ok=True)
            return True
        return False

    def take_back(self, path: Path) -> bool:
        """Make a slot of a file that is not needed any more, its content overwritten; return whether it was."""
        if not self._missing():
            return False
        with contextlib.suppress(OSError):
            if path.stat().st_size == SLOT_BYTES:
                write_in_place(path, b"")
                path.rename(self._new())
                return True
        return False

    def _missing(self) -> int:
        if not self._count:
            return 0
        with os.scandir(self._folder) as entries:
            return max(0, self._count - sum(entry.name.endswith(_SUFFIX) for entry in entries))

    def _slots(self) -> Iterator[Path]:
        with os.scandir(self._folder) as entries:
            yield from (Path(entry.path) for entry in entries if entry.name.endswith(_SUFFIX))

    def _new(self) -> Path:
        return self._folder / f"{uuid4().hex}{_SUFFIX}"
