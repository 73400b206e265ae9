"""Pictures of flagged passages on their way from a box to the centre, through the Redis that carries the events.

The event goes first and alone: on a bad line it must not wait for its pictures.

Keys
  events:picture:<name>   STRING  one JPEG; taken away by the console, gone after KEPT at the latest
  events:pictures         LIST    names that nobody has taken, oldest first; at most SHELF_SIZE
"""

import logging
import os
import re
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import redis

from alerts.aging import FIRST_RIGHT_TIME, DeletableAt, nothing_is_deletable
from alerts.envelope import MAX_PICTURE_BYTES
from alerts.outages import Patience, move_until
from alerts.redis_link import StreamError, redis_errors
from riskdb.own_file import make_way

PICTURE_KEY = "events:picture:"
WAITING_KEY = "events:pictures"
PICTURE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}/[\w-]{1,100}\.jpg", re.ASCII)
KEPT = timedelta(days=7)
SHELF_SIZE = 2000
"""About 150 MB. A full shelf takes no more: the box keeps its pictures until the console has taken some."""
PATIENCE = Patience(poll_s=0.5, first_pause_s=0.5, longest_pause_s=60.0)
_BATCH = 20
_EMPTY_FOR = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(hours=1)

log = logging.getLogger(__name__)


class PictureShelf:
    """Where a box puts a picture down and the console picks it up. Every call raises StreamError."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def put(self, name: str, jpeg: bytes) -> bool:
        """Put a picture down; False where the shelf is full. Again under the same name replaces it."""
        with redis_errors("发送图片"):
            if self._client.llen(WAITING_KEY) >= SHELF_SIZE:
                return False
            with self._client.pipeline(transaction=True) as together:
                together.set(PICTURE_KEY + name, jpeg, ex=KEPT)
                together.rpush(WAITING_KEY, name)
                together.execute()
        return True

    def take(self, name: str) -> bytes | None:
        """Take one picture off the shelf; None where it is not there (yet)."""
        with redis_errors("取图片"):
            return cast("bytes | None", self._client.getdel(PICTURE_KEY + name))

    def next_name(self) -> str | None:
        """Return the name of a picture that waits, and never again; None for none.

        Its picture stays until it is taken: who dies in between loses only the name.
        """
        with redis_errors("索取图片"):
            name = cast("bytes | None", self._client.lpop(WAITING_KEY))
        return None if name is None else name.decode(errors="replace")


class PictureMover:
    """Moves a box's evidence folder to the shelf: what has been sent is no longer here. One per folder."""

    def __init__(
        self,
        folder: Path,
        shelf: PictureShelf,
        kept_for: timedelta,
        deletable_at: DeletableAt = nothing_is_deletable,
    ) -> None:
        self._folder = folder
        self._shelf = shelf
        self._kept_for = kept_for
        self._deletable_at = deletable_at

    def step(self, now: datetime | None) -> int:
        """Move some pictures, the newest first, and return how many. Raises StreamError, OSError.

        What the centre has not taken in time is deleted; `now` None: nothing is, because nobody knows the time.
        """
        moved = 0
        for path in self._waiting(now)[:_BATCH]:
            if (size := path.stat().st_size) > MAX_PICTURE_BYTES:
                log.error(
                    "the picture %s has %d bytes, at most %d are sent: it is deleted",
                    path.name,
                    size,
                    MAX_PICTURE_BYTES,
                )
            elif not self._shelf.put(path.relative_to(self._folder).as_posix(), path.read_bytes()):
                break
            path.unlink(missing_ok=True)
            moved += 1
        return moved

    def run(self, stop: threading.Event) -> None:
        """Move until `stop` is set; outages are waited out."""
        move_until(stop, lambda: self.step(self._deletable_at()), (StreamError, OSError), PATIENCE, "pictures wait")

    def _waiting(self, now: datetime | None) -> list[Path]:
        """Return the pictures that wait, the newest first; delete what is too old, and empty folders."""
        waiting: list[tuple[float, Path]] = []
        for day in sorted(self._folder.glob("????-??-??")):
            pictures = [(_written(path, now), path) for path in day.glob("*.jpg") if make_way(path) is None]
            for written, path in pictures:
                if now and written < (now - self._kept_for).timestamp():
                    path.unlink(missing_ok=True)
                else:
                    waiting.append((written, path))
            if now and not pictures:
                _remove_if_unused(day, now)
        return [path for _, path in sorted(waiting, reverse=True)]


def _written(path: Path, now: datetime | None) -> float:
    """Return when a picture was written; one with a date that cannot be gets today's and is kept from now on."""
    written = path.stat().st_mtime
    if now and not FIRST_RIGHT_TIME.timestamp() <= written <= (now + _CLOCKS_DIFFER).timestamp():
        written = now.timestamp()
        os.utime(path, (written, written))
    return written


def _remove_if_unused(day: Path, now: datetime) -> None:
    # Not at once: the passage that made the folder may be about to write into it.
    if day.stat().st_mtime < (now - _EMPTY_FOR).timestamp() and not any(day.iterdir()):
        day.rmdir()
