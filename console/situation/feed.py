"""Takes events from the stream to what the console does with their kind."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from alerts.entries import StreamEntry
from alerts.envelope import Event
from alerts.stream import GroupReader, StreamError
from console.situation.event_readers import EventReaders

GROUP = "console"
_BATCH = 50
"""One transaction, for which a person's step waits at most."""
_BLOCK_MS = 500
_CLAIM_AFTER_MS = 30_000
_STREAM_AWAY = "预警通道（Redis）连接中断，恢复后会自动补齐，不会丢失。"
_STORE_SILENT = (
    "数据库没有应答：画面可能不是最新的，操作存不下。"
    "新的预警保留在队列中，恢复后会自动补齐；几分钟不恢复，请管理员检查数据库。"
)

_log = logging.getLogger(__name__)

_WRONG_CONTENT = (ValueError, TypeError, ArithmeticError, LookupError)
"""What code says of a value that it cannot work with."""


class EventFeed:
    """Reads, stores, then acks: what was read and not stored is read again after a restart."""

    def __init__(
        self,
        reader: GroupReader,
        readers: EventReaders,
        touch: Callable[[Iterable[int]], None],
        now: Callable[[], datetime],
        accept_replayed: bool,
        count_dead: Callable[[], int],
        is_store_silent: Callable[[], bool] = lambda: False,
    ) -> None:
        """`count_dead` tells how many dead letters wait in the stream for somebody to look; raises StreamError."""
        self._reader = reader
        self._readers = readers
        self._touch = touch
        self._now = now
        self._accept_replayed = accept_replayed
        self._has_backlog = True
        self._is_store_silent = is_store_silent
        self._trouble = ""
        self.dead_letters = 0
        """Events that could not be read or delivered, and that nobody has dealt with yet."""
        self._count_dead = count_dead
        self.turned_at = time.monotonic()
        """When it last took a turn, whatever came of it."""

    @property
    def trouble(self) -> str:
        """What keeps events from coming in, in Chinese; "" while all is well.

        A database that is frozen keeps whoever asks it, the taker of events too: it cannot say so itself.
        """
        return _STORE_SILENT if self._is_store_silent() else self._trouble

    @property
    def said(self) -> str:
        """What a command screen has to say of the events, in Chinese; "" while all is well."""
        if (trouble := self.trouble) or not self.dead_letters:
            return trouble
        return f"有 {self.dead_letters} 条预警无法读取或未能送达（死信），请管理员用 kakou events dead 查看原因。"

    def step(self) -> int:
        """Take one batch; returns how many events it had.

        A failure is told by `trouble`, and the events stay in the stream: none is lost.
        """
        self.turned_at = time.monotonic()
        try:
            entries = self._next()
            self.dead_letters = self._count_dead()
        except StreamError:
            self._trouble = _STREAM_AWAY
            return 0
        try:
            self._store_or_bury(entries)
        except SQLAlchemyError as error:
            _log.error("cannot store %d events: %s", len(entries), type(error).__name__)
            self._has_backlog = True
            self._trouble = "数据库暂时无法写入，新的预警保留在队列中，恢复后会自动补齐。"
            return 0
        except StreamError:
            self._has_backlog = True
            return 0
        self._trouble = ""
        return len(entries)

    def look_on(self) -> None:
        """Look whether events can come, where another console takes them."""
        self.turned_at = time.monotonic()
        try:
            self.dead_letters = self._count_dead()
            self._trouble = ""
        except StreamError:
            self._trouble = _STREAM_AWAY

    def begin_anew(self) -> None:
        """Take over from a console that went away: first what it had read and not stored."""
        self._has_backlog = True

    def _next(self) -> list[StreamEntry]:
        if self._has_backlog:
            backlog = self._reader.unacked(count=_BATCH)
            self._has_backlog = bool(backlog)
            if backlog:
                return backlog
        return self._reader.read(count=_BATCH, block_ms=_BLOCK_MS) or self._reader.claim(
            min_idle_ms=_CLAIM_AFTER_MS, count=_BATCH
        )

    def _store_or_bury(self, entries: list[StreamEntry]) -> None:
        """Store what can be stored: what is wrong with one event must not keep those behind it waiting."""
        try:
            self._store(entries)
        except (SQLAlchemyError, *_WRONG_CONTENT) as error:
            if _is_outage(error):
                raise
            if len(entries) > 1:
                for entry in entries:
                    self._store_or_bury([entry])
                return
            _log.error("event %s cannot be stored: %s", entries[0].event.event_id, type(error).__name__)
            self._reader.bury(entries[0], f"the console cannot store it: {type(error).__name__}")

    def _store(self, entries: list[StreamEntry]) -> None:
        of_kind: defaultdict[str, list[Event]] = defaultdict(list)
        for entry in entries:
            if self._accept_replayed or not entry.event.is_replay:
                of_kind[entry.event.kind].append(entry.event)
        for kind in (kind for kind in self._readers if kind in of_kind):  # in the table's order
            self._touch(self._readers[kind](of_kind[kind], self._now()))
        self._reader.ack(*entries)


def _is_outage(error: Exception) -> bool:
    """Return whether the database itself is in trouble; what it refuses because of what is in it, is the event's."""
    if isinstance(error, DBAPIError):
        return not isinstance(error, DataError | IntegrityError)
    return isinstance(error, SQLAlchemyError) and not isinstance(error, StatementError)
