"""Passages that could not be checked: kept encrypted for a day at most, checked again, then deleted.

One file a passage and one for its pictures; their name says only when they were written, and whether that is sure. The
key lies in a file of its own (0600).
"""

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, ValidationError

from pipeline.errors import SpoolKeyError
from pipeline.types import Passage
from pipeline.walk.spool_record import SpooledPictures, SpoolRecord
from riskdb.clock import NEVER, RELEASED_AT, Clock, TimeSpan

SUFFIX = ".unchecked"
PICTURES = ".pictures"
UNDATED = ".undated"
"""Written while the clock was in doubt: what its name says is not its age."""
DATED = ".dated"
"""Was undated; its name says when the time was known again, and nobody knows when it passed."""
STAMP = "%Y%m%dT%H%M%S%f"
_CLOCKS_DIFFER = timedelta(hours=1)
_LAST_MOMENT = 2.0**37

log = logging.getLogger(__name__)


class Spool:
    """The folder of unchecked passages; several processes may write to it."""

    def __init__(self, folder: Path, key_file: Path, clock: Clock, max_age: timedelta, max_bytes: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        try:
            self._cipher = Fernet(_load_or_create_key(key_file))
        except ValueError as error:
            raise SpoolKeyError(f"{key_file} is no key; delete it (what waits in {folder} is lost)") from error
        self._clock = clock
        self._max_age = max_age
        self._max_bytes = max_bytes

    def keep(self, passage: Passage) -> None:
        """Write a passage and its pictures. Raises OSError.

        A full spool gives up pictures, oldest first, and where no pictures are left the passages that wait longest:
        they are the first to expire.
        """
        record = self._encrypted(SpoolRecord.of(passage))
        pictures = self._encrypted(SpooledPictures.of(passage.track.evidence))
        target = self._folder / _name(self._clock.look())
        if self._make_room(PICTURES, len(record) + len(pictures)):
            # A disk without room for them may still have it for what the check needs.
            with contextlib.suppress(OSError):
                _write(target.with_suffix(PICTURES), pictures)
        elif not self._make_room(SUFFIX, len(record)):
            raise OSError(errno.EFBIG, "a passage is larger than pipeline.spool_max_mb")
        try:
            _write(target, record)
        except OSError:
            self.remove(target)
            raise

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
            except (InvalidToken, ValidationError) as error:
                log.error("a spooled passage cannot be read and is deleted: %s", type(error).__name__)
                self.remove(path)

    def remove(self, path: Path) -> None:
        """Delete a passage and its pictures."""
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
        except (FileNotFoundError, InvalidToken, ValidationError):
            return SpooledPictures()

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
        return self._cipher.encrypt(record.model_dump_json().encode())

    def _decrypted(self, path: Path) -> bytes:
        return self._cipher.decrypt(path.read_bytes())

    def _files(self, suffix: str = SUFFIX) -> list[Path]:
        return sorted(self._folder.glob(f"*{suffix}"))


def _write(target: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all. Raises OSError."""
    partial = target.with_suffix(".part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


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


def _load_or_create_key(path: Path) -> bytes:
    """Return the key, made durably on first use; an empty file is what a power cut left of an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not path.stat().st_size:
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not path.stat().st_size:
            path.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
        partial.unlink(missing_ok=True)
    return path.read_bytes()
