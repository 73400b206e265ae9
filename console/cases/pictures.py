"""Evidence pictures of cases, and photos that workers add."""

import contextlib
import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path

import cv2
from sqlalchemy import select

from alerts.envelope import MAX_PICTURE_BYTES
from alerts.pictures import PICTURE_NAME, PictureShelf
from alerts.redis_link import StreamError
from console.cases.rights import is_in_hand_of, is_out_of_hand, may_see
from console.people.audit import AuditLog
from console.people.keys import new_token
from console.settings import ConsoleSettings
from console.store.database import Database
from console.store.tables import CaseRow, PhotoRow
from console.types import Actor, ConsoleError, NotFoundError, Role
from ocr.decoding import PictureDecoder
from ocr.types import OcrError
from riskdb.whole_file import whole_file

_MAX_PIXELS = 40_000_000
_LONGEST_SIDE = 1600
_MAX_DECODED_PIXELS = (2 * _LONGEST_SIDE) ** 2
_MAX_PHOTOS = 6
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that carry the size of the picture (ITU-T T.81, table B.1)."""

_log = logging.getLogger(__name__)


class Pictures:
    def __init__(
        self, database: Database, audit: AuditLog, state_dir: Path, settings: ConsoleSettings, shelf: PictureShelf
    ) -> None:
        self._database = database
        self._audit = audit
        self._shelf = shelf
        self._arrived = (state_dir / "pictures").resolve()
        self._folders = (self._arrived, (state_dir / "evidence").resolve())
        """Pictures that boxes sent, and those of a box that works in the same state folder."""
        self._photos = state_dir / "photos"
        self._max_bytes = int(settings.photo_megabytes * 1024 * 1024)
        self.max_megabytes = settings.photo_megabytes
        self._decoding = threading.Lock()

    def evidence(self, relative: str | None) -> Path:
        """Return the file of an evidence picture, fetching it where a box has just sent it.

        Raises NotFoundError, also for a path that leads out.
        """
        for path in self._places(relative):
            if path.is_file():
                return path
        if relative and PICTURE_NAME.fullmatch(relative):
            with contextlib.suppress(StreamError):  # the feed tells the screens
                if self._keep(relative):
                    return self._arrived / relative
        raise NotFoundError("没有这张图片：尚未送达，或已按规定删除。")

    def take_arrived(self) -> bool:
        """Store one picture that a box sent; False where none waits. Raises StreamError, OSError."""
        name = self._shelf.next_name()
        if name is None:
            return False
        if PICTURE_NAME.fullmatch(name):
            self._keep(name)
        else:
            _log.error("a picture with an impossible name was sent, and left")
        return True

    def forget_old(self, now: datetime, kept_for: timedelta) -> None:
        """Delete what boxes sent longer ago than `kept_for`, whatever became of its event."""
        for path in self._arrived.glob("*/*.jpg"):
            if path.stat().st_mtime < (now - kept_for).timestamp():
                path.unlink(missing_ok=True)

    def _places(self, relative: str | None) -> list[Path]:
        paths = [(folder / relative).resolve() for folder in self._folders] if relative else []
        return [path for path, folder in zip(paths, self._folders, strict=False) if path.is_relative_to(folder)]

    def _keep(self, name: str) -> bool:
        jpeg = self._shelf.take(name)
        if jpeg is None:
            return False
        if len(jpeg) > MAX_PICTURE_BYTES or picture_size(jpeg) is None:
            _log.error("what came as a picture is none, and was left")
            return False
        target = self._arrived / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(target) as partial:
            partial.write_bytes(jpeg)
        return True

    def photo(self, actor: Actor, case_id: int, photo_id: int) -> Path:
        """Return the file of a photo of this case. Raises NotFoundError."""
        with self._database.reading() as session:
            row = session.get(PhotoRow, photo_id)
            case = session.get(CaseRow, row.case_id) if row else None
            if row is None or case is None or row.case_id != case_id or not _may_see_pictures(case, actor):
                raise NotFoundError("没有这张照片。")
        return self._photos / row.file_name

    def add_photo(self, actor: Actor, case_id: int, original_name: str, content: bytes, now: datetime) -> int:
        """Keep a photo, made smaller and without its metadata, and return its number. Raises ConsoleError.

        The same photo again, from a phone that never heard the answer, is kept once.
        """
        jpeg = self._as_small_jpeg(content)
        self._photos.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._database.writing() as session:
            case = session.get(CaseRow, case_id)
            is_late = case is not None and is_out_of_hand(session, case, actor)
            if case is None or not (is_late or _may_see_pictures(case, actor)):
                raise NotFoundError("没有这个事件单，或不在您的辖区，或您还没有接单。")
            kept = session.scalars(select(PhotoRow).where(PhotoRow.case_id == case_id)).all()
            for one in kept:
                if self._holds(one.file_name, jpeg):
                    return one.photo_id
            if len(kept) >= _MAX_PHOTOS:
                raise ConsoleError(f"每个事件单最多 {_MAX_PHOTOS} 张照片。")
            name = f"{new_token()}.jpg"
            row = PhotoRow(
                case_id=case_id,
                file_name=name,
                original_name=original_name[:200],
                added_by=actor.name,
                added_at=now,
                is_late=is_late,
            )
            session.add(row)
            session.flush()
            (self._photos / name).write_bytes(jpeg)
            self._audit.append(session, actor, "photo.add", f"case:{case_id}", now, f"photo:{row.photo_id}")
        return row.photo_id

    def erase(self, evidence: list[str], photos: list[str]) -> None:
        """Delete the files of an erased case."""
        for relative in evidence:
            for path in self._places(relative):
                path.unlink(missing_ok=True)
        for name in photos:
            (self._photos / name).unlink(missing_ok=True)

    def _holds(self, file_name: str, jpeg: bytes) -> bool:
        try:
            return (self._photos / file_name).read_bytes() == jpeg
        except FileNotFoundError:
            return False

    def _as_small_jpeg(self, content: bytes) -> bytes:
        if len(content) > self._max_bytes:
            raise ConsoleError(f"照片太大，最多 {self.max_megabytes:g} MB。请降低相机分辨率后重拍。")
        size = picture_size(content)
        if size is None or not 0 < size[0] * size[1] <= _MAX_PIXELS:
            raise ConsoleError("这不是照片文件（只收 JPEG 和 PNG）。文字内容已保留，可以不带照片提交。")
        try:
            # One at a time: each may take half a gigabyte for a moment.
            with self._decoding, PictureDecoder(_MAX_DECODED_PIXELS) as decoder:
                image = decoder.decode(content, "photo").image
        except OcrError as error:
            raise ConsoleError("照片文件已损坏，请重拍。文字内容已保留。") from error
        factor = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else image
        return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _may_see_pictures(case: CaseRow, actor: Actor) -> bool:
    return may_see(case, actor) and (actor.role is not Role.WORKER or is_in_hand_of(case, actor))


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height from the header of a JPEG or PNG, None for anything else.

    Asked before decoding: a picture of a few kilobytes can claim gigabytes.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    return _jpeg_size(content) if content.startswith(b"\xff\xd8\xff") else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker in _JPEG_FRAMES:
            height, width = content[position + 5 : position + 7], content[position + 7 : position + 9]
            return int.from_bytes(width), int.from_bytes(height)
        position += 2 + int.from_bytes(content[position + 2 : position + 4])
    return None
