"""Opens files of the state folder, whatever lies in their place.

A pipe would hold the process for ever, a folder or a link to nowhere end it, a file without end fill its memory. Like
`whole_file`, it stands here because everything that opens such files stands on top of this package.
"""

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

MARK = ".damaged-"
STAMP = "%Y%m%dT%H%M%S%f"
MOST_BYTES = 16 * 1024**2
"""No file that is read at once is as large: keys, marks, counts, pictures."""
_KINDS = {
    stat.S_IFREG: "文件",
    stat.S_IFDIR: "文件夹",
    stat.S_IFIFO: "命名管道",
    stat.S_IFSOCK: "套接字",
    stat.S_IFCHR: "设备",
    stat.S_IFBLK: "设备",
    stat.S_IFLNK: "指向别处的链接",
}

log = logging.getLogger(__name__)


class OddFileError(OSError):
    """Something else lies where a file of ours should be; the message says what, where, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(errno.EINVAL, sentence)

    def __str__(self) -> str:
        return self.strerror or super().__str__()


def read_own(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return a file's content, without ever waiting. Raises FileNotFoundError, OddFileError, OSError."""
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OddFileError(f"{path} 大于 {most_bytes >> 10} KiB，不是本系统写的文件：移走它，或从备份放回")
    return content


def read_own_text(path: Path) -> str:
    """Raises as `read_own`, or UnicodeDecodeError."""
    return read_own(path).decode("utf-8")


def open_plain(path: str | Path, flags: int) -> int:
    """Return a descriptor of a plain file (new: 0600); also the `opener` of `open`. Raises as `read_own`."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if is_plain(Path(path)):  # or nothing is there
            raise
        raise OddFileError(_sentence(Path(path))) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OddFileError(_sentence(Path(path)))
    return descriptor


def open_lock(path: Path) -> IO[str]:
    """Open a lock file, made where it is missing; what else lies there is set aside: a lock holds nothing."""
    make_way(path)
    return open(path, "a", opener=open_plain)


def is_plain(path: Path, *, may_be_link: bool = True) -> bool:
    """Return whether a plain file, or nothing at all, lies at `path`; where links may be, what they lead to counts."""
    try:
        found = path.stat(follow_symlinks=False)
        if may_be_link and stat.S_ISLNK(found.st_mode):
            found = path.stat()
    except OSError:
        return not path.is_symlink()
    return stat.S_ISREG(found.st_mode)


def make_way(path: Path, *, may_be_link: bool = True) -> Path | None:
    """Set aside what is no plain file; return its new path, or None where nothing had to go. Raises OSError."""
    return _set_aside_unless(partial(is_plain, path, may_be_link=may_be_link), path, "普通文件")


def own_folder(path: Path) -> Path | None:
    """Make a folder (0700) where none is; what else lies there is set aside. Returns as `make_way`. Raises OSError."""
    kept = _set_aside_unless(lambda: path.is_dir() or not os.path.lexists(path), path, "文件夹")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return kept


def _set_aside_unless(is_right: Callable[[], bool], path: Path, wanted: str) -> Path | None:
    if is_right():
        return None
    with _alone(path.parent):  # of two processes, the second must not set the first one's new file aside
        if is_right():
            return None
        said, kept = _sentence(path, wanted), aside_name(path)
        path.rename(kept)
    log.error("%s; set aside as %s", said, kept.name)
    return kept


def aside_name(path: Path) -> Path:
    """Return the dated name under which a damaged file is kept."""
    return path.with_name(f"{path.name}{MARK}{datetime.now(UTC):{STAMP}}")


def _sentence(path: Path, wanted: str = "普通文件") -> str:
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        kind = 0
    return f"{path} 应为{wanted}，现在是{_KINDS.get(kind, '别的东西')}：移走它，或从备份放回原来的"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
