"""Feeds the lane alert straight from the box's outbox: it must sound with Redis and the uplink down."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from alerts.canary import CanaryEvent
from alerts.channels.base import DeliveryError
from alerts.channels.lane import LaneChannel, LaneSettings
from alerts.delivery.metrics import DeliveryMetrics
from alerts.envelope import Event
from alerts.errors import EventError
from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox, OutboxError, OutboxRow

POLL_S = 0.05
TRY_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class LaneWorker:
    """Goes through the outbox by itself, independent of the relay; its place is kept in the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        channel: LaneChannel,
        settings: LaneSettings,
        metrics: DeliveryMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._reader = f"lane:{settings.name}"

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                wait_s = self.step()
            except OutboxError as error:
                log.warning("lane alert %s waits: %s", self._settings.name, error)
                wait_s = TRY_AGAIN_S
            stop.wait(wait_s)

    def close(self) -> None:
        self._channel.close()

    def step(self) -> float:
        """Announce the next event; return how many seconds to wait before the next step makes sense."""
        rows = self._outbox.after(self._outbox.place(self._reader), 1)
        if not rows:
            return POLL_S
        event, outcome = self._wanted(rows[0])
        if event is not None:
            try:
                self._channel.probe() if isinstance(event, CanaryEvent) else self._channel.deliver([event])
            except DeliveryError as error:
                log.warning("lane alert %s: event %s: %s", self._settings.name, event.event_id, error)
                self._count("failed")
                return TRY_AGAIN_S  # Until it is too old.
        self._count(outcome)
        self._outbox.move_place(self._reader, rows[0].seq)
        return 0.0

    def _wanted(self, row: OutboxRow) -> tuple[Event | None, str]:
        """Return what to announce, and what becomes of the row when that succeeded."""
        if self._now().timestamp() - row.appended_ms / 1000 > self._settings.max_age_s:
            return None, "skipped"
        try:
            event = from_cloudevent(row.body)
        except EventError as error:
            log.error("lane alert %s: row %d of the outbox is no event: %s", self._settings.name, row.seq, error)
            return None, "dead"
        if isinstance(event, CanaryEvent):
            return event, "skipped"
        return (event, "delivered") if self._settings.wants(event) else (None, "skipped")

    def _count(self, outcome: str) -> None:
        self._metrics.outcomes.labels(self._settings.name, outcome).inc()
