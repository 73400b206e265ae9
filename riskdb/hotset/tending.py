"""Keeps the list in Redis alive and true while time passes: heartbeat, declarations that begin, expired entries, and
whatever else has made the list differ from the record."""

import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from riskdb.clock import Clock, TimeSpan, WallClock
from riskdb.hotset.publish import Publisher, Standing
from riskdb.permit_keeper import forget_permits, show_permits
from riskdb.record.record import RiskRecord
from riskdb.rule import DAY_S
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError

RESTS = 50
"""The list is reconciled again after this many times the time that it took: small lists at every heartbeat."""
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
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._record = record
        self._publisher = publisher
        self._settings = settings
        self._on_message = on_message
        self._clock = clock or WallClock()
        self._monotonic = monotonic
        self._begun_until = 0.0
        """Declarations that began before this moment are in the list; at the start nobody knows."""
        self._reconcile_at = monotonic()
        self._was_settled = True
        self._change_seen: int | None = None
        self._time_said = (True, True)

    def tick(self) -> None:
        """Bring the list up to date and say that it is tended. Raises RiskDBError.

        While the time is not known the list is left alone and grows stale: readers then answer `unchecked`.
        """
        span = self._clock.look()
        self._say_time(span)
        if span.is_known:
            self._tend(span)

    def is_empty(self) -> bool:
        """Whether the list holds nobody. Raises RiskDBError."""
        return self._publisher.store.member_count() == 0

    def _tend(self, span: TimeSpan) -> None:
        now = span.latest
        standing, change = self._publisher.standing(), self._record.change()
        # A command that has just written publishes by itself: step in only when it did not.
        if standing is Standing.ABSENT or (standing is Standing.BEHIND and change == self._change_seen):
            published = self._publisher.publish()
            self._begun_until = now
            self._on_message(f"名单已重建：版本 {published.version}，{published.count} 条")
        elif standing is Standing.CURRENT:
            self._begin_declarations(now)
        self._change_seen = change
        show_permits(self._record, self._publisher.store.permits, span.wall)
        self._publisher.beat()
        if span.is_settled != self._was_settled or self._monotonic() >= self._reconcile_at:
            self._was_settled = span.is_settled
            self._reconcile(span)

    def _say_time(self, span: TimeSpan) -> None:
        state = (span.is_known, span.is_settled)
        if state == self._time_said:
            return
        self._time_said = state
        shown = f"{datetime.fromtimestamp(min(max(span.wall, 0), 2**33), UTC):%Y-%m-%d %H:%M} UTC"
        if not span.is_known:
            self._on_message(f"时钟不可信（{shown}，早于已知时间）：名单暂不维护，过车记为未核对；请校时（NTP）")
        elif not span.is_settled:
            self._on_message(f"时钟跳变（{shown}）：在确认前不删除任何条目；请检查校时（NTP）")
        else:
            self._on_message(f"时钟已确认（{shown}）")

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

    def _reconcile(self, span: TimeSpan) -> None:
        done = self._publisher.reconcile()
        pause_s = min(self._settings.reconcile_every_s, RESTS * done.elapsed_s)
        self._reconcile_at = self._monotonic() + pause_s
        purged = self._purge(span)
        if done.added or done.changed or done.removed or done.is_rebuilt or purged:
            self._on_message(
                f"核对名单：补回 {done.added}，修复 {done.changed}，到期或多余 {done.removed}；清除旧行程 {purged}"
            )

    def _purge(self, span: TimeSpan) -> int:
        if span.deletable <= KEPT_DAYS * DAY_S:
            return 0
        forget_permits(self._record, span.deletable)
        return self._record.purge_visits(int(span.deletable) - KEPT_DAYS * DAY_S)


def tend(
    tender: ListTender,
    every_s: float,
    stop: threading.Event,
    on_error: Callable[[Exception], None],
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Tick until `stop` is set; a Redis or a disk that fails for a while is reported and tried again."""
    while True:
        on_turn()
        try:
            tender.tick()
        except (RiskDBError, sqlite3.Error) as error:
            on_error(error)
        if stop.wait(every_s):
            return
