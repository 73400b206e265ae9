"""Takes flagged events from the stream into the cases."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from alerts.entries import StreamEntry
from alerts.flagged import FlaggedEvent
from alerts.stream import GroupReader, StreamError
from console.cases.intake import CaseIntake

GROUP = "console"
_BATCH = 200
_BLOCK_MS = 500
_CLAIM_AFTER_MS = 30_000

_log = logging.getLogger(__name__)


class EventFeed:
    """Reads, stores, then acks: what was read and not stored is read again after a restart."""

    def __init__(
        self,
        reader: GroupReader,
        intake: CaseIntake,
        touch: Callable[[Iterable[int]], None],
        now: Callable[[], datetime],
        accept_replayed: bool,
    ) -> None:
        self._reader = reader
        self._intake = intake
        self._touch = touch
        self._now = now
        self._accept_replayed = accept_replayed
        self._has_backlog = True
        self.trouble = ""
        """What keeps events from coming in, in Chinese; "" while all is well."""

    def step(self) -> int:
        """Take one batch; returns how many events it had.

        A failure is kept in `trouble`, and the events stay in the stream: none is lost.
        """
        try:
            entries = self._next()
        except StreamError:
            self.trouble = "预警通道（Redis）连接中断，恢复后会自动补齐，不会丢失。"
            return 0
        try:
            self._store(entries)
        except SQLAlchemyError as error:
            _log.error("cannot store %d events: %s", len(entries), type(error).__name__)
            self._has_backlog = True
            self.trouble = "数据库暂时无法写入，新的预警保留在队列中，恢复后会自动补齐。"
            return 0
        except StreamError:
            self._has_backlog = True
            return 0
        self.trouble = ""
        return len(entries)

    def _next(self) -> list[StreamEntry]:
        if self._has_backlog:
            backlog = self._reader.unacked(count=_BATCH)
            self._has_backlog = bool(backlog)
            if backlog:
                return backlog
        return self._reader.read(count=_BATCH, block_ms=_BLOCK_MS) or self._reader.claim(
            min_idle_ms=_CLAIM_AFTER_MS, count=_BATCH
        )

    def _store(self, entries: list[StreamEntry]) -> None:
        flagged = [entry.event for entry in entries if isinstance(entry.event, FlaggedEvent)]
        events = [event for event in flagged if self._accept_replayed or not event.replayed]
        if events:
            taken = self._intake.take(events, self._now())
            self._touch((*taken.opened, *taken.attached))
        self._reader.ack(*entries)
