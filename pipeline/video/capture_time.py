"""When a recording began: from its name, its container, or the file's own time."""

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from riskdb.types import BEIJING

StartSource: TypeAlias = Literal["given", "name", "container", "container local", "file time"]
ContainerTime: TypeAlias = Literal["utc", "local"]
"""The standard says UTC; recorders made in China often write their local time there, and nothing in the file tells."""

_NAME = re.compile(
    r"(?<!\d)(20\d{2})[-_.]?([01]\d)[-_.]?([0-3]\d)[-_T. ]?([0-2]\d)[-_.:]?([0-5]\d)[-_.:]?([0-5]\d)(?!\d)"
)
"""Recorders write 20200131_235959, 2020-01-31-23-59-59, ch01_20200131235959 and the like."""
QUICKTIME_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
MAX_BOXES = 10_000
MOVIE_HEADER_BYTES = 32


def capture_start(
    path: Path, given: datetime | None = None, container_time: ContainerTime = "utc"
) -> tuple[datetime, StartSource]:
    """Return the capture time of the first frame, aware UTC, and where it was found.

    A file's own time is a last resort: copying without `cp -p` changes it. Raises OSError when the file is absent.
    """
    if given is not None:
        return given.astimezone(UTC), "given"
    if (named := _time_in_name(path.stem)) is not None:
        return named, "name"
    if path.is_file() and (created := _container_time(path)) is not None:
        if container_time == "local":
            return created.replace(tzinfo=BEIJING).astimezone(UTC), "container local"
        return created, "container"
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC), "file time"


def _time_in_name(stem: str) -> datetime | None:
    match = _NAME.search(stem)
    if match is None:
        return None
    try:
        local = datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
    except ValueError:
        return None
    return local.astimezone(UTC)


def told_length_ms(path: Path) -> float | None:
    """Return the length in an MP4 or MOV header, or None: read without opening the video."""
    header = _movie_header(path)
    if header is None:
        return None
    scale, length = struct.unpack_from(">I", header, 20)[0], struct.unpack_from(">Q", header, 24)[0]
    if header[0] != 1:
        scale, length = struct.unpack_from(">II", header, 12)
    return 1000.0 * length / scale if scale and length else None


def _container_time(path: Path) -> datetime | None:
    """Return the creation time in an MP4 or MOV header, or None."""
    header = _movie_header(path)
    if header is None:
        return None
    (seconds,) = struct.unpack_from(">Q" if header[0] == 1 else ">I", header, 4)
    try:
        created = QUICKTIME_EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    # Zero, and times before such files existed, mean that the recorder did not know.
    return created if created.year >= 2000 else None


def _movie_header(path: Path) -> bytes | None:
    """Return the first bytes of `moov/mvhd` (ISO 14496-12, 8.2.2), or None."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            moov = next((span for name, span in _boxes(file, 0, size) if name == b"moov"), None)
            if moov is None:
                return None
            mvhd = next((span for name, span in _boxes(file, *moov) if name == b"mvhd"), None)
            if mvhd is None:
                return None
            file.seek(mvhd[0])
            header = file.read(MOVIE_HEADER_BYTES)
    except (OSError, struct.error):
        return None
    return header.ljust(MOVIE_HEADER_BYTES, b"\0") if len(header) >= 8 else None


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield each box between two offsets: its name and the span of its content."""
    position = start
    for _ in range(MAX_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            header = 16
        elif size == 0:
            size = end - position
        if size < header:
            return
        yield name, (position + header, min(position + size, end))
        position += size
