"""The tar inside a sealed file: written and read in one go, each member with its hash."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from kakou.backup.errors import BackupDamagedError
from kakou.backup.manifest import Kept
from kakou.backup.sealed import PIECE_BYTES, Header, SealedReader, SealedWriter

OnBytes = Callable[[int], None]
"""Told how many bytes have just been done."""


@dataclass(slots=True)
class ArchiveWriter:
    """Takes files, and knows what went in."""

    tar: tarfile.TarFile
    on_bytes: OnBytes
    kept: list[Kept] = field(default_factory=list)

    def add(self, name: str, file: BinaryIO, rows: dict[str, int] | None = None) -> bool:
        """Add a file as long as it is now; return False where it became shorter, and zeros were put in its place.

        Raises OSError.
        """
        size = os.fstat(file.fileno()).st_size
        reader = _Exactly(file, size, self.on_bytes)
        self._put(name, size, cast(IO[bytes], reader))  # tarfile only reads
        self.kept.append(Kept(path=name, size=size, sha256=reader.digest.hexdigest(), rows=rows))
        return not reader.is_short

    def add_bytes(self, name: str, content: bytes) -> None:
        self._put(name, len(content), io.BytesIO(content))

    def _put(self, name: str, size: int, reader: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        self.tar.addfile(entry, reader)


class _Exactly(io.RawIOBase):
    """So many bytes of a file, whatever becomes of it."""

    def __init__(self, file: BinaryIO, size: int, on_bytes: OnBytes) -> None:
        self._file = file
        self._left = size
        self._on_bytes = on_bytes
        self.digest = hashlib.sha256()
        self.is_short = False

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        found = self._file.read(wanted)
        self.is_short = self.is_short or len(found) < wanted
        found = found.ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(found)
        self._on_bytes(wanted)
        return found


@contextmanager
def writing(file: BinaryIO, header: Header, key: bytes, on_bytes: OnBytes) -> Iterator[ArchiveWriter]:
    """Yield an archive that is sealed into `file`; it is whole once the context closes without an error."""
    sealed = SealedWriter(file, header, key)
    with tarfile.open(fileobj=sealed, mode="w|", bufsize=PIECE_BYTES, format=tarfile.PAX_FORMAT) as tar:
        yield ArchiveWriter(tar, on_bytes)
    sealed.finish()


def take_members(file: BinaryIO, seen: bytes, key: bytes, take: Callable[[str, IO[bytes]], None]) -> None:
    """Give name and content of each file to `take`. Raises BackupDamagedError, which names the file it is in."""
    name = "第一个文件"
    sealed = SealedReader(file, seen, key)
    try:
        with tarfile.open(fileobj=sealed, mode="r|", bufsize=PIECE_BYTES) as tar:
            for entry in tar:
                name = _inside(entry)
                content = tar.extractfile(entry)
                assert content is not None  # only regular files are inside
                take(name, content)
        while sealed.read(PIECE_BYTES):
            pass  # what stands behind the tar is held against its seal, too
    except tarfile.TarError as error:
        raise BackupDamagedError(f"{name} 之后的内容不是备份：{error}") from error
    except BackupDamagedError as error:
        raise BackupDamagedError(f"{error}，从 {name} 开始") from error


def _inside(entry: tarfile.TarInfo) -> str:
    path = PurePosixPath(entry.name)
    if not entry.isreg() or path.is_absolute() or ".." in path.parts:
        raise BackupDamagedError(f"{entry.name} 不是状态文件夹中的文件")
    return entry.name
