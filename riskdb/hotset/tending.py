"""Keeps the list in Redis alive and true while time passes: heartbeat, declarations that begin, expired entries."""

import sqlite3
import threading
import time
from collections.abc import Callable

from riskdb.hotset.publish import Publisher, Standing
from riskdb.record.record import RiskRecord
from riskdb.rule import DAY_S
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError

KEPT_DAYS = 35
"""Stays are deleted from the record this long after they ended: the longest look-back is 28 days."""


class ListTender:
    """Call `tick` every heartbeat. One thread only."""

    def __init__(
        self,
        record: RiskRecord,
        publisher: Publisher,
        settings: RiskSettings,
        on_message: Callable[[str], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._record = record
        self._publisher = publisher
        self._settings = settings
        self._on_message = on_message
        self._wall_clock = wall_clock
        self._begun_until = 0.0
        """Declarations that began before this moment are in the list; at the start nobody knows."""
        self._swept_at = wall_clock()
        self._change_seen: int | None = None

    def tick(self) -> None:
        """Bring the list up to date and say that it is tended. Raises RiskDBError."""
        now = self._wall_clock()
        standing, change = self._publisher.standing(), self._record.change()
        # A command that has just written publishes by itself: step in only when it did not.
        if standing is Standing.ABSENT or (standing is Standing.BEHIND and change == self._change_seen):
            published = self._publisher.publish()
            self._begun_until = now
            self._on_message(f"名单已重建：版本 {published.version}，{published.count} 条")
        elif standing is Standing.CURRENT:
            self._begin_declarations(now)
        self._change_seen = change
        self._publisher.beat()
        if now - self._swept_at >= self._settings.sweep_every_s:
            self._sweep(now)

    def _begin_declarations(self, now: float) -> None:
        """Publish the areas whose declaration has begun since the list was last looked at.

        What had begun when it was declared was published then.
        """
        for window in self._record.windows():
            is_due = window.declared_at < window.valid_from and self._begun_until < window.valid_from <= now
            if is_due and window.is_known_at(now):
                oldest = int(now) - self._settings.lookback_days * DAY_S
                self._publisher.publish(self._record.digests_in_area(window.code, oldest))
        self._begun_until = now

    def _sweep(self, now: float) -> None:
        removed = self._publisher.sweep().removed
        self._swept_at = now
        with self._record.quiet_writing():
            purged = self._record.purge_visits(int(now) - KEPT_DAYS * DAY_S)
        if removed or purged:
            self._on_message(f"清理：过期条目 {removed}，超期行程记录 {purged}")


def tend(tender: ListTender, every_s: float, stop: threading.Event, on_error: Callable[[Exception], None]) -> None:
    """Tick until `stop` is set; a Redis or a disk that fails for a while is reported and tried again."""
    while True:
        try:
            tender.tick()
        except (RiskDBError, sqlite3.Error) as error:
            on_error(error)
        if stop.wait(every_s):
            return
