"""What there is to replay: files and folders become units of work."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ocr.folders import files_below
from ocr.images import IMAGE_SUFFIXES, is_utf8, shown_name
from pipeline.errors import SourceError
from pipeline.video.capture_time import ContainerTime
from riskdb.system_words import system_words

PIECE_MS = 600_000.0
"""Pieces of a long video are at least this long: each has to look at the minute before it, too."""
MIN_BYTES_TO_SPLIT = 32 * 1024 * 1024
VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".mpe",
        ".m2v",
        ".vob",
        ".flv",
        ".f4v",
        ".asf",
        ".wmv",
        ".3gp",
        ".3g2",
        ".ogv",
        ".mxf",
        ".rm",
        ".rmvb",
        ".divx",
        ".dv",
        ".dav",
        ".ps",
        ".h264",
        ".264",
        ".h265",
        ".265",
        ".hevc",
        ".mjpg",
        ".mjpeg",
        ".ivf",
    ]
)
"""What recorders, phones and players call their files. Those that cannot be read are named, never passed over."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A neighbouring file of the same recording."""

    path: Path
    length_ms: float


@dataclass(frozen=True, slots=True)
class ReplayUnit:
    """One piece of footage that one worker screens by itself."""

    path: Path
    video: str
    """Its name in the records: the path below the folder that was given."""
    start: datetime | None
    """Capture time of the file's first frame, when it was given."""
    from_ms: float = 0.0
    """The unit is about passages whose first look is at or after this presentation time..."""
    until_ms: float | None = None
    """...and before this one; None is the end of the file."""
    before: tuple[Segment, ...] = ()
    """Files of the same recording that end where this one begins, oldest first; looked at, not counted."""
    after: tuple[Segment, ...] = ()
    """Files that go on where this one ends."""
    length_ms: float = 0.0
    """Of the file; only known where another one goes on after it."""
    container_time: ContainerTime = "utc"
    """What a time in the file's header is taken for, where its name tells none."""

    @property
    def label(self) -> str:
        """Tells pieces of one file apart."""
        return f"{self.video} @ {self.from_ms / 1000:.0f} s" if self.from_ms else self.video

    def share_of(self, offset_ms: float, file_ms: float) -> tuple[float, float]:
        """Return how much of this unit is done at a presentation time, and its length; 0.0 when unknown."""
        length_ms = (file_ms if self.until_ms is None else self.until_ms) - self.from_ms
        return max(0.0, min(offset_ms - self.from_ms, max(length_ms, 0.0))), max(length_ms, 0.0)


def find_units(
    paths: Iterable[Path], start: datetime | None, container_time: ContainerTime = "utc"
) -> tuple[list[ReplayUnit], list[str]]:
    """Return the units below the paths in a fixed order, and a message for each path or folder that cannot be read.

    A file that was named is taken whatever it is called; in folders the suffix decides. A folder that holds images
    and no videos is one unit.
    """
    units: list[ReplayUnit] = []
    problems: list[str] = []
    for path in paths:
        try:
            found = [
                ReplayUnit(p, _name(p, path), start, container_time=container_time) for p in _footage(path, problems)
            ]
        except (OSError, SourceError) as error:
            why = system_words(error)
            problems.append(why if isinstance(error, SourceError) else f"{path}：读不了（{why}）")
            continue
        units += [unit for unit in found if is_utf8(unit.path)]
        problems += [
            f"{shown_name(unit.path)}：文件名不是 UTF-8 编码（老录像机、压缩包常用 GBK）；请改名后再试"
            for unit in found
            if not is_utf8(unit.path)
        ]
    doubled = {name for name, count in Counter(unit.video for unit in units).items() if count > 1}
    # Recorders name files by the time: cam1/20261124_080000.mp4 and cam2/20261124_080000.mp4 are two videos.
    return [replace(u, video=u.path.as_posix()) if u.video in doubled else u for u in units], problems


def split_long(
    units: Iterable[ReplayUnit], length_ms_of: Callable[[Path], float], piece_ms: float = PIECE_MS
) -> list[ReplayUnit]:
    """Cut long videos into pieces of equal length, so that one file can keep several workers busy.

    Where the cuts are depends on the file alone. `length_ms_of` is asked for large files only; 0.0 means unknown.
    """
    pieces: list[ReplayUnit] = []
    for unit in units:
        is_large = unit.path.is_file() and unit.path.stat().st_size >= MIN_BYTES_TO_SPLIT
        length_ms = length_ms_of(unit.path) if is_large else 0.0
        count = max(1, int(length_ms / piece_ms))
        starts = [length_ms * i / count for i in range(count)]
        ends: list[float | None] = [*starts[1:], None]
        cut = [replace(unit, from_ms=a, until_ms=b) for a, b in zip(starts, ends, strict=True)]
        # Only the last piece goes on into the next file; how far the others reach back, their window says.
        pieces += [replace(each, after=()) for each in cut[:-1]] + cut[-1:]
    return pieces


def find_videos(folder: Path) -> list[Path]:
    """Return the videos below a folder in name order; none for a file."""
    return files_below(folder, VIDEO_SUFFIXES)[0]


def cannot_be_opened(error: OSError) -> str:
    """Say what is wrong with something below a folder that somebody named."""
    path = Path(error.filename)
    return f"{shown_name(path)}：{'这个链接打不开：' if path.is_symlink() else ''}{system_words(error)}"


def pictures_beside(units: Iterable[ReplayUnit], named: Collection[Path]) -> dict[Path, int]:
    """Return how many pictures lie beside the videos of each folder: they are no recording and are left out.

    `named`: what was asked for; who names a video asks for no picture.
    """
    folders = sorted({unit.path.parent for unit in units if unit.path not in named and unit.path.is_file()})
    counts = {folder: sum(p.suffix.lower() in IMAGE_SUFFIXES for p in folder.iterdir()) for folder in folders}
    return {folder: count for folder, count in counts.items() if count}


def footage_state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what differs once a file, or an image of a folder, is written on. Raises OSError."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def footage_sha256(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, of its images' names and contents. Raises OSError."""
    if path.is_file():
        return _file_sha256(path)
    total = hashlib.sha256()
    for image in sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES):
        total.update(f"{image.name}\0{_file_sha256(image)}\n".encode())
    return total.hexdigest()


def _footage(path: Path, problems: list[str]) -> Iterator[Path]:
    if not path.exists():
        raise SourceError(f"{path}：没有这个文件或文件夹")
    if not path.is_dir():
        yield path
        return
    entries, unreadable = files_below(path, VIDEO_SUFFIXES | IMAGE_SUFFIXES)
    problems += map(cannot_be_opened, unreadable)
    videos = [p for p in entries if p.suffix.lower() in VIDEO_SUFFIXES]
    folders = {p.parent for p in entries if p.suffix.lower() in IMAGE_SUFFIXES}
    image_folders = sorted(folders - {video.parent for video in videos})
    if not videos and not image_folders and not unreadable:
        raise SourceError(f"{path}：这个文件夹里没有录像或图片")
    yield from videos
    yield from image_folders


def _name(path: Path, given: Path) -> str:
    return path.relative_to(given).as_posix() if given.is_dir() and path != given else path.name


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
