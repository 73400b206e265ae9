"""The box's own queue of flagged events: on disk before the frame is released, kept until the stream has them.

SQLite in WAL mode with synchronous=FULL: with NORMAL, or in a Redis with `appendfsync everysec`, a power cut loses
events that were already acknowledged (measured).
"""

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from alerts.aging import FIRST_RIGHT_TIME
from alerts.envelope import MAX_EVENT_BYTES, Event, to_cloudevent
from alerts.errors import OutboxError
from alerts.outbox_file import KEEP, OutboxFile
from alerts.set_aside import forget_aside

__all__ = ["Outbox", "OutboxError", "OutboxRow"]
PICTURES_NEED_FREE_BYTES = 256 * 1024**2
"""Below this much free disk, pictures are dropped so that events and the rest of the box go on."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    seq: int
    """Grows in commit order, never reused; gaps are possible."""
    event_id: str
    appended_ms: int
    """Unix milliseconds."""
    body: bytes
    """CloudEvents JSON."""


class Outbox:
    """One connection to the outbox; processes and threads may each open their own on the same path."""

    def __init__(
        self, path: Path, *, reserve_bytes: int = 0, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Open or create the outbox. Raises OutboxError."""
        self._path = path
        self._now = now
        self._file = OutboxFile(path, reserve_bytes)
        self._write("INSERT INTO outbox VALUES ('outbox_id', ?) ON CONFLICT (name) DO NOTHING", (uuid.uuid4().hex,))
        self._dropping_pictures = False

    @property
    def outbox_id(self) -> str:
        """Names this outbox to the stream; a new file is a new outbox."""
        return str(self._read("SELECT value FROM outbox WHERE name = 'outbox_id'")[0][0])

    def rename(self, known_as: str) -> None:
        """Take a new name where it still is `known_as`: that one belongs to another outbox, or to a later state."""
        sql = "UPDATE outbox SET value = ? WHERE name = 'outbox_id' AND value = ?"
        self._write(sql, (uuid.uuid4().hex, known_as))

    def could_have_sent(self, seq: int, event_id: str) -> bool:
        """Return whether row `seq` was ever given here, and to this event as far as is known ("" is not known)."""
        if seq > self._count("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'"):
            return False
        here = self._read("SELECT event_id FROM event WHERE seq = ?", (seq,))
        return not here or not event_id or here[0][0] == event_id

    def append(self, event: Event) -> bool:
        """Keep an event; return True when it is new. It is on disk when this returns.

        The same event id again changes nothing. Raises OutboxError, and then it is not kept.
        """
        body = to_cloudevent(event)
        if len(body) > MAX_EVENT_BYTES:
            raise OutboxError(f"事件 {event.event_id} 有 {len(body)} 字节，发件箱最多存 {MAX_EVENT_BYTES}")
        row = (event.event_id, _milliseconds(self._now()), body)
        is_new = self._write(KEEP, row) == 1
        self._file.follow()  # Had it been set aside as damaged just then, the row goes over to the new one.
        return is_new

    def after(self, seq: int, limit: int) -> list[OutboxRow]:
        """Return the oldest rows whose number is above `seq`, in order."""
        sql = "SELECT seq, event_id, appended_ms, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
        return [OutboxRow(*values) for values in self._read(sql, (seq, limit))]

    def pending(self, limit: int = 100) -> list[OutboxRow]:
        """Return the oldest rows that the stream does not have yet."""
        return self.after(self.sent_seq(), limit)

    def pending_count(self) -> int:
        return self._count("SELECT count(*) FROM event WHERE seq > ?", (self.sent_seq(),))

    def oldest_pending_s(self) -> float:
        """Return the age of the oldest row that the stream does not have, 0.0 when it has all."""
        rows = self.pending(1)
        return max(0.0, self._now().timestamp() - rows[0].appended_ms / 1000) if rows else 0.0

    def last_seq(self) -> int:
        return self._count("SELECT coalesce(max(seq), 0) FROM event")

    def sent_seq(self) -> int:
        """Return the number of the last row that the stream has taken."""
        return self.place("sent_seq")

    def mark_sent(self, seq: int) -> None:
        """Note that the stream has every row up to and including `seq`; a lower number takes the note back."""
        self.move_place("sent_seq", seq)

    def place(self, reader: str) -> int:
        """Return the number of the last row that `reader` is done with, 0 for none."""
        return self._count("SELECT value FROM outbox WHERE name = ? UNION ALL SELECT '0' LIMIT 1", (reader,))

    def move_place(self, reader: str, seq: int) -> None:
        sql = "INSERT INTO outbox VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        self._write(sql, (reader, str(seq)))

    def forget_sent(self, older_than: datetime, now: datetime | None = None) -> int:
        """Delete rows that were sent and are older; return how many. Rows not sent are never deleted.

        Nothing of them can be read afterwards, in no file. A row that was written while the clock did not know the time
        is as old as the first call that finds it: of `now`, where a better clock than ours tells it.
        """
        forget_aside(self._path, older_than)
        stamps = (_milliseconds(now or self._now()), _milliseconds(FIRST_RIGHT_TIME))
        self._write("UPDATE event SET appended_ms = ? WHERE appended_ms < ?", stamps)
        forgotten = self._write(
            "DELETE FROM event WHERE appended_ms < ? AND seq <= ?", (_milliseconds(older_than), self.sent_seq())
        )
        if forgotten:
            self._file.overwrite_log()
        return forgotten

    def restore_reserve(self) -> bool:
        """Set the reserved space aside again after a full disk; return whether all of it is there."""
        return self._file.restore_reserve()

    def is_reserve_held(self) -> bool:
        return self._file.is_reserve_held()

    def has_room_for_pictures(self) -> bool:
        """Return whether evidence pictures may be written; events come first. A change is logged."""
        is_short = shutil.disk_usage(self._path.parent).free < PICTURES_NEED_FREE_BYTES or not self.is_reserve_held()
        if is_short != self._dropping_pictures:
            self._dropping_pictures = is_short
            log.warning(
                "disk nearly full: pictures are dropped, events are kept" if is_short else "disk has room again"
            )
        return not is_short

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, sql: str, values: tuple[object, ...]) -> int:
        return self._file.run("写入", lambda connection: connection.execute(sql, values).rowcount)

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        return self._file.run("读取", lambda connection: connection.execute(sql, values).fetchall())

    def _count(self, sql: str, values: tuple[object, ...] = ()) -> int:
        return int(self._read(sql, values)[0][0])


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
