"""Builds a box's walk from the settings: the same for `kakou run`, `kakou demo` and their child processes."""

import contextlib
import logging
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from alerts.box_status import LanePassage, StatusBoard
from alerts.outbox import Outbox
from kakou.box.monitor import BoxHealth, CameraMonitor, HourCounter
from kakou.settings import Settings
from kakou.wiring.matching import key_path, make_matcher, open_hot_set
from ocr.models_folder import ModelFiles, shipped_models
from ocr.reader import PlateReader, ReaderSettings
from pipeline.settings import SourceSettings
from pipeline.types import Passage, Reader, ScreeningCounts
from pipeline.walk.camera import CameraParts
from pipeline.walk.deciding import Screening
from pipeline.walk.flagging import Flagging
from pipeline.walk.spool import Spool
from riskdb.digest import load_or_create_key
from riskdb.types import RiskDBError

STATUS_EVERY_S = 2.0
MIN_BACK_OFF_S = 5.0
LANE_WAITING = 20

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Box:
    """What the cameras of one process share. `redis_url` is the box's own Redis."""

    settings: Settings
    redis_url: str
    models: ModelFiles

    @classmethod
    def build(cls, settings: Settings, redis_url: str) -> "Box":
        """Check the models and return the box. Raises OcrError."""
        return cls(settings, redis_url, shipped_models())

    @property
    def stream_url(self) -> str:
        """Where events go: the centre's Redis where this box's own is a read-only replica."""
        return self.settings.alerts.stream_url or self.redis_url

    @property
    def moves_pictures(self) -> bool:
        """Whether the console that shows this box's pictures is on another machine."""
        chosen = self.settings.alerts.moves_pictures
        return self.settings.alerts.stream_url is not None if chosen is None else chosen

    @property
    def evidence_folder(self) -> Path:
        return self.settings.state_dir / "evidence"

    def outbox(self) -> Outbox:
        """Open the outbox of the state folder. Raises OutboxError."""
        return Outbox(self.settings.state_dir / "outbox.sqlite", reserve_bytes=self.settings.alerts.reserve_mib * 2**20)

    def spool(self) -> Spool:
        pipeline = self.settings.pipeline
        return Spool(
            self.settings.state_dir / "spool",
            self.settings.state_dir / "spool.key",
            utc_now,
            timedelta(hours=pipeline.spool_hours),
            pipeline.spool_max_mb << 20,
        )

    def flagging(self, outbox: Outbox) -> Flagging:
        return Flagging(
            outbox,
            self.evidence_folder,
            load_or_create_key(key_path(self.settings)),
            self.models.sha256(),
        )

    def hours(self) -> HourCounter:
        return HourCounter(self.settings.state_dir / "counters.sqlite")

    def reader(self) -> PlateReader:
        """Load the models into a reader of one thread. Raises OcrError."""
        return PlateReader.from_models(
            self.models, ReaderSettings(second_long_side_px=0), hub_model=self.settings.ocr_model
        )

    def camera_parts(
        self, source: SourceSettings, reader: Reader, outbox: Outbox, counts: ScreeningCounts
    ) -> CameraParts:
        """Return what one camera's walk is built of; only the outbox, and a reader made for it, may be shared."""
        screening = Screening(
            match=make_matcher(self.settings, self.redis_url),
            flagging=self.flagging(outbox),
            spool=self.spool(),
            now=utc_now,
            checkpoint=source.checkpoint,
            counts=counts,
            hypothesis_count=self.settings.pipeline.hypothesis_count,
        )
        return CameraParts(reader, screening)


class CameraReporter:
    """Tells the console what one camera does, and keeps the hour's counters."""

    def __init__(self, box: Box, source: SourceSettings, counts: ScreeningCounts) -> None:
        self._hours = box.hours()
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
        """Show a passage on the lane strip for a moment. The walk never waits: strips are for a glance."""
        with contextlib.suppress(queue.Full):
            self._lane.put_nowait(self._monitor.passed(passage))

    def report(self, outbox: Outbox) -> None:
        """Save the counters and publish the camera's status."""
        now = utc_now()
        try:
            self._monitor.save_counts(now)
        except (sqlite3.Error, OSError) as error:
            log.warning("hour counters cannot be saved: %s", error)
        if time.monotonic() < self._silent_until:
            return
        status = self._monitor.status(now, self._health(outbox, now))
        self._try(lambda: self._board.report(status))

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
                self._try(lambda passage=lane: self._board.announce(passage))  # type: ignore[misc]

    def _health(self, outbox: Outbox, now: datetime) -> BoxHealth:
        try:
            state = self._hot_set.state()
            version, age_s, redis_ok = state.version, state.age_s(now.timestamp()), True
        except RiskDBError as error:
            # A list that is not valid is no fault of Redis: the tile says which of the two it is.
            is_away = isinstance(error.__cause__, (redis.RedisError, OSError))
            version, age_s, redis_ok = None, None, not is_away
        return BoxHealth(version, age_s, self._spool.waiting(), outbox.pending_count(), redis_ok)

    def _try(self, send: Callable[[], None]) -> None:
        try:
            send()
        except redis.RedisError as error:
            log.warning("status cannot be published: %s", error)
            self._silent_until = time.monotonic() + MIN_BACK_OFF_S
