"""Tells the console what a camera does, and keeps the hour's counters."""

import contextlib
import logging
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime

import redis

from alerts.box_status import BoxStatus, LanePassage, SendingDevice, StatusBoard
from alerts.outbox import Outbox
from alerts.set_aside import losses
from kakou.box.monitor import BoxHealth, CameraMonitor, HourCounter, WatchedCamera
from kakou.utc import utc_now
from kakou.wiring.box import Box
from kakou.wiring.matching import open_hot_set
from pipeline.types import Passage, ScreeningCounts
from riskdb.types import RiskDBError

STATUS_EVERY_S = 2.0
MIN_BACK_OFF_S = 5.0
LANE_WAITING = 20

log = logging.getLogger(__name__)


class CameraReporter:
    """Tells the console what one camera does, and keeps the hour's counters."""

    def __init__(self, box: Box, source: WatchedCamera, counts: ScreeningCounts) -> None:
        self._state_dir = box.settings.state_dir
        self._hours = HourCounter(box.settings.state_dir / "counters.sqlite")
        self._monitor = CameraMonitor(source.camera_id, source.checkpoint, socket.gethostname(), counts, self._hours)
        self._client = redis.Redis.from_url(box.stream_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._board = StatusBoard(self._client)
        self._hot_set = open_hot_set(box.settings, box.redis_url)
        self._spool = box.spool()
        self._silent_until = 0.0
        self._lane: queue.Queue[LanePassage | None] = queue.Queue(LANE_WAITING)
        self._announcer = threading.Thread(target=self._announce, name=f"lane-{source.camera_id}", daemon=True)
        self._announcer.start()

    def passed(self, passage: Passage) -> None:
        """Show a passage on the lane strip for a moment. The walk never waits: strips are for a glance.

        And they show who is there: not a vehicle that was sent, or decided, long after it had gone.
        """
        shown = self._monitor.passed(passage)
        if not passage.track.is_late:
            with contextlib.suppress(queue.Full):
                self._lane.put_nowait(shown)

    def report(self, outbox: Outbox, device: SendingDevice | None = None) -> BoxStatus:
        """Save the counters and publish the camera's status; returns it. `device`: of one that sends reads."""
        now = utc_now()
        try:
            self._monitor.save_counts(now)
        except (sqlite3.Error, OSError) as error:
            log.warning("hour counters cannot be saved: %s", error)
        status = self._monitor.status(now, self._health(outbox, now), device)
        if time.monotonic() >= self._silent_until:
            self._try(lambda: self._board.report(status))
        return status

    def close(self) -> None:
        with contextlib.suppress(queue.Full):
            self._lane.put_nowait(None)
        self._announcer.join(timeout=1.0)
        self._hours.close()
        self._client.close()

    def _announce(self) -> None:
        """Publish what passes: finding the centre's name can take a resolver many seconds, whatever our time-out is."""
        while (lane := self._lane.get()) is not None:
            if time.monotonic() >= self._silent_until:
                self._try(lambda passage=lane: self._board.announce(passage))  # type: ignore[misc]  # mypy does not see through a default that binds

    def _health(self, outbox: Outbox, now: datetime) -> BoxHealth:
        try:
            state = self._hot_set.state()
            version, age_s, count, redis_ok = state.version, state.age_s(now.timestamp()), state.count, True
        except RiskDBError as error:
            # A list that is not valid is no fault of Redis: the tile says which of the two it is.
            is_away = isinstance(error.__cause__, (redis.RedisError, OSError))
            version, age_s, count, redis_ok = None, None, None, not is_away
        lost = losses(self._state_dir)
        return BoxHealth(version, age_s, count, self._spool.waiting(), outbox.pending_count(), redis_ok, lost)

    def _try(self, send: Callable[[], None]) -> None:
        try:
            send()
        except redis.RedisError as error:
            log.warning("status cannot be published: %s", error)
            self._silent_until = time.monotonic() + MIN_BACK_OFF_S
