"""A file that is there whole or not at all: it is written beside its place and then renamed.

It stands here because everything that writes files stands on top of this package.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o600


@contextmanager
def whole_file(path: Path, *, mode: int = 0o666, is_durable: bool = False, keeps_first: bool = False) -> Iterator[Path]:
    """Yield where to write; it is at `path` once the context closes without an error, else gone. Raises OSError.

    `mode`: as of `os.open`. `is_durable`: it outlives a power cut; otherwise the file may be there and empty then.
    `keeps_first`: what another process has put there meanwhile stays, and ours is given up.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode))
    try:
        yield partial
        if is_durable:
            make_durable(partial)
        if keeps_first:
            _link(partial, path)
        else:
            partial.replace(path)
        if is_durable:
            make_durable(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _link(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        return


def make_durable(path: Path) -> None:
    """Make a file's content, or a folder's names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
