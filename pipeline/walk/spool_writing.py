"""How files of the spool come onto the disk."""

import errno
import os
from pathlib import Path

OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT)


def write_new(path: Path, content: bytes) -> None:
    """Write a file durably, for its owner alone. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(target: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all. Raises OSError."""
    partial = target.with_name(target.name + ".part")
    try:
        write_new(partial, content)
        partial.rename(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def write_in_place(path: Path, content: bytes) -> None:
    """Write over a file's blocks, zeros behind the content, durably. Raises OSError."""
    with path.open("r+b", buffering=0) as file:
        padded = memoryview(content.ljust(path.stat().st_size, b"\0"))
        while padded:
            padded = padded[file.write(padded) :]
        os.fsync(file.fileno())
