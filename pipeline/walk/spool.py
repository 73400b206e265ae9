"""Passages that could not be checked: kept encrypted for a day at most, checked again, then deleted.

One file a passage and one for its pictures; their name says only when they were written, and whether that is sure. The
key lies in a file of its own (0600). Room for passages is set aside: where the disk is full they use it, and pictures
are not written.
"""

import contextlib
import errno
import logging
import shutil
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import InvalidToken
from pydantic import BaseModel, ValidationError

from alerts.set_aside import say_lost
from pipeline.types import Passage
from pipeline.walk.spool_key import open_cipher
from pipeline.walk.spool_record import SpooledPictures, SpoolRecord
from pipeline.walk.spool_slots import SpoolSlots
from pipeline.walk.spool_writing import OUT_OF_ROOM, write_in_place, write_new, write_whole
from riskdb.clock import NEVER, RELEASED_AT, Clock, TimeSpan
from riskdb.own_file import own_folder, read_own

SUFFIX = ".unchecked"
PICTURES = ".pictures"
UNDATED = ".undated"
"""Written while the clock was in doubt: what its name says is not its age."""
DATED = ".dated"
"""Was undated; its name says when the time was known again, and nobody knows when it passed."""
LOST = "未核对过车的文件夹被别的东西顶替，其中等待补查的过车已丢失，请人工排查"
STAMP = "%Y%m%dT%H%M%S%f"
_CLOCKS_DIFFER = timedelta(hours=1)
_LAST_MOMENT = 2.0**37
PICTURES_NEED_FREE_BYTES = 256 * 1024**2
"""Below this much free disk, passages are kept without their pictures, as the outbox does."""

log = logging.getLogger(__name__)


class Spool:
    """The folder of unchecked passages; several processes may write to it."""

    def __init__(
        self,
        folder: Path,
        key_file: Path,
        clock: Clock,
        max_age: timedelta,
        max_bytes: int,
        reserve_bytes: int = 0,
    ) -> None:
        """Raises OSError."""
        if (odd := own_folder(folder)) is not None:
            say_lost(odd, LOST)
        self._folder = folder
        self._cipher = open_cipher(key_file, folder)
        folder.with_suffix(".reserve").unlink(missing_ok=True)  # of an earlier kakou
        self._slots = SpoolSlots(folder.with_suffix(".slots"), reserve_bytes)
        self.restore_reserve()
        self._clock = clock
        self._max_age = max_age
        self._max_bytes = max_bytes

    def keep(self, passage: Passage) -> Path:
        """Write a passage and its pictures; return its file. Raises OSError.

        A full spool gives up pictures, oldest first, and where no pictures are left the passages that wait longest:
        they are the first to expire. A full disk takes what the check needs into the reserved room, then into that of
        pictures.
        """
        record = self._encrypted(SpoolRecord.of(passage))
        pictures = self._encrypted(SpooledPictures.of(passage.track.evidence))
        target = self._folder / _name(self._clock.look())
        has_room = self._make_room(PICTURES, len(record) + len(pictures))
        if not has_room and not self._make_room(SUFFIX, len(record)):
            raise OSError(errno.EFBIG, "一次过车超过 pipeline.spool_max_mb：调大它")
        written = target.with_suffix(".part")
        try:
            self._write_on_a_full_disk_too(written, record)
            if has_room and self._disk_takes_pictures():
                with contextlib.suppress(OSError):
                    write_whole(target.with_suffix(PICTURES), pictures)
            written.rename(target)  # Last: whoever checks the passage finds its pictures.
        except OSError:
            self.remove(target)
            written.unlink(missing_ok=True)
            raise
        return target

    def restore_reserve(self) -> bool:
        """Set room aside for passages, again after a full disk; return whether all of it is there."""
        return self._slots.hold()

    def waiting(self) -> int:
        """Return how many passages wait for a check."""
        return len(self._files())

    def oldest_first(self) -> Iterator[tuple[Path, SpoolRecord, SpooledPictures]]:
        """Yield what waits, each with its file, to `remove` after the check; what cannot be read is deleted."""
        for path in self._files():
            try:
                yield path, SpoolRecord.model_validate_json(self._decrypted(path)), self._pictures(path)
            except FileNotFoundError:
                continue
            except (InvalidToken, ValidationError, zlib.error) as error:
                log.error("a spooled passage cannot be read and is deleted: %s", type(error).__name__)
                self.remove(path)

    def remove(self, path: Path) -> None:
        """Delete a passage and its pictures."""
        if not self._slots.take_back(path):
            path.unlink(missing_ok=True)
        path.with_suffix(PICTURES).unlink(missing_ok=True)

    def purge(self) -> int:
        """Delete what is older than allowed, unread; return how many passages that were.

        Age is told by trusted time. What was written while the clock was in doubt has no age yet: it gets one as
        soon as the time is known, and is kept from then on no longer than anything else.
        """
        span = self._clock.look()
        if _is_sure(span):
            self._date_anew(span)
        limit = f"{_moment(span.deletable) - self._max_age:{STAMP}}" if span.deletable > NEVER else ""
        expired = [path for path in self._files() if path.name < limit and not _has_no_age(path)]
        beside = [path for suffix in (PICTURES, ".part") for path in self._files(suffix)]
        torn = [path for path in beside if path.name < limit and not _has_no_age(path)]
        for path in (*expired, *torn):
            self.remove(path)
        return len(expired)

    def look_at_the_time(self) -> None:
        """Let the clock see that time goes on; one that is not looked at cannot tell a jump from a day."""
        self._clock.look()

    def passed_at(self, path: Path, record: SpoolRecord) -> datetime:
        """Return the moment whose list counts for a passage: when it passed, or now where that is not known."""
        now = _moment(self._clock.look().latest)
        is_known = not _has_no_age(path) and f"{DATED}." not in path.name
        return min(record.arrived_at, now) if is_known else now

    def _date_anew(self, span: TimeSpan) -> None:
        oldest, latest = f"{_moment(RELEASED_AT):{STAMP}}", f"{_moment(span.wall) + _CLOCKS_DIFFER:{STAMP}}"
        for path in self._files():
            if _has_no_age(path) or not oldest <= path.name <= latest:
                target = self._folder / _name(span, DATED)
                with contextlib.suppress(FileNotFoundError):  # it has no pictures, or another process has checked it
                    path.with_suffix(PICTURES).rename(target.with_suffix(PICTURES))
                with contextlib.suppress(FileNotFoundError):
                    path.rename(target)

    def _pictures(self, path: Path) -> SpooledPictures:
        """Return a passage's pictures: none where they were given up or cannot be read."""
        try:
            return SpooledPictures.model_validate_json(self._decrypted(path.with_suffix(PICTURES)))
        except (FileNotFoundError, InvalidToken, ValidationError, zlib.error):
            return SpooledPictures()

    def _disk_takes_pictures(self) -> bool:
        return shutil.disk_usage(self._folder).free >= PICTURES_NEED_FREE_BYTES and self._slots.is_held()

    def _write_on_a_full_disk_too(self, path: Path, content: bytes) -> None:
        """Write a file; on a full disk over the blocks of a slot, or of pictures, until none are left."""
        try:
            return write_new(path, content)
        except OSError as error:
            if error.errno not in OUT_OF_ROOM:
                raise
            reason = error
        while self._slots.take(path) or self._take_pictures_place(path):
            try:
                self._write_over(path, content)
            except OSError as error:
                if error.errno not in OUT_OF_ROOM:
                    raise
            else:
                log.error("disk full: an unchecked passage uses reserved room")
                return None
        raise reason

    def _write_over(self, path: Path, content: bytes) -> None:
        """Write over a file's blocks; what is longer than they are takes room that is given up for it."""
        while True:
            try:
                return write_in_place(path, content)
            except OSError as error:
                if error.errno not in OUT_OF_ROOM or not (self._slots.give_up_one() or self._give_up_a_picture()):
                    raise

    def _take_pictures_place(self, path: Path) -> bool:
        for pictures in self._files(PICTURES):
            with contextlib.suppress(FileNotFoundError):  # their passage was checked meanwhile
                pictures.rename(path)
                return True
        return False

    def _give_up_a_picture(self) -> bool:
        for path in self._files(PICTURES)[:1]:
            path.unlink(missing_ok=True)
            return True
        return False

    def _make_room(self, suffix: str, needed: int) -> bool:
        """Delete files of this kind, oldest first, until so many bytes fit in; return whether they do."""
        room = self._max_bytes - sum(_size(path) for path in (*self._files(), *self._files(PICTURES))) - needed
        given_up = 0
        for path in self._files(suffix) if room < 0 else ():
            room += _size(path)
            path.unlink(missing_ok=True)
            given_up += 1
            if room >= 0:
                break
        if given_up and suffix == SUFFIX:
            log.error("the spool is full (pipeline.spool_max_mb): %d unchecked passages were given up", given_up)
        return room >= 0

    def _encrypted(self, record: BaseModel) -> bytes:
        return self._cipher.encrypt(zlib.compress(record.model_dump_json().encode()))

    def _decrypted(self, path: Path) -> bytes:
        content = self._cipher.decrypt(read_own(path).rstrip(b"\0"))  # a slot is filled up with zeros
        return content if content.startswith(b"{") else zlib.decompress(content)  # "{": of an earlier kakou

    def _files(self, suffix: str = SUFFIX) -> list[Path]:
        return sorted(self._folder.glob(f"*{suffix}"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just checked it
        return 0


def _name(span: TimeSpan, kind: str = "") -> str:
    kind = kind or ("" if _is_sure(span) else UNDATED)
    return f"{_moment(span.wall):{STAMP}}-{uuid4().hex}{kind}{SUFFIX}"


def _is_sure(span: TimeSpan) -> bool:
    return span.is_known and span.is_settled and span.deletable > NEVER


def _has_no_age(path: Path) -> bool:
    return path.stem.endswith(UNDATED)


def _moment(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(min(max(epoch_s, 0.0), _LAST_MOMENT), UTC)
