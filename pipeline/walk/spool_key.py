"""The key of the unchecked passages: made on first use, and made anew where it is damaged. A checkpoint goes on."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.fernet import Fernet

from alerts.set_aside import note_lost, set_aside
from riskdb.own_file import OddFileError, read_own

MOST_KEY_BYTES = 4096
NO_KEY = b"-"


def open_cipher(key_file: Path, folder: Path) -> Fernet:
    """Return the cipher of the passages in `folder`. Raises OSError.

    What waits there and was written with a key that is lost cannot be read any more: it is deleted, and the alarm says
    so. An empty key file is what a power cut left of an earlier one.
    """
    key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        key = _read(key_file)
        with contextlib.suppress(ValueError):
            return Fernet(key)
        waiting = list(folder.glob("*.unchecked"))
        lost = f"未核对过车的密钥丢失或损坏（{key_file.name}），{len(waiting)} 辆未核对的过车无法补查，请人工排查"
        if key:
            set_aside(key_file, lost)
        elif waiting:
            note_lost(key_file, lost)
        for path in waiting:
            path.unlink(missing_ok=True)
            path.with_suffix(".pictures").unlink(missing_ok=True)
        return Fernet(_write_new(key_file))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes that start together must not set each other's new key aside."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(key_file: Path) -> bytes:
    """Return what may be the key: nothing where there is no file, a word that is none where something else lies."""
    try:
        return read_own(key_file, MOST_KEY_BYTES)
    except FileNotFoundError:
        return b""
    except OddFileError:
        return NO_KEY


def _write_new(key_file: Path) -> bytes:
    """Make a key durably; it appears whole or not at all."""
    key = Fernet.generate_key()
    partial = key_file.with_name(f"{key_file.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(key_file)
    finally:
        partial.unlink(missing_ok=True)
    return key
