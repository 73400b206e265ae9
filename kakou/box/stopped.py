"""Tells the console of cameras whose process was given up: their tile says so, and does not only fall silent."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator, Sequence

import redis

from alerts.box_status import BoxStatus, StatusBoard
from kakou.box.monitor import WatchedCamera
from kakou.box.reporter import STATUS_EVERY_S
from kakou.process import beside
from kakou.utc import utc_now

log = logging.getLogger(__name__)


class StoppedCameras:
    """Publishes the status of each, as long as the rest of the box works. `add` may come from any thread."""

    def __init__(self, client: "redis.Redis") -> None:
        self._board = StatusBoard(client)
        self._reasons: dict[str, tuple[WatchedCamera, str]] = {}

    def reasons(self) -> dict[str, str]:
        """Return why each of them is not screened, by camera."""
        return {camera_id: reason for camera_id, (_, reason) in list(self._reasons.items())}

    def add(self, sources: Sequence[WatchedCamera], reason: str) -> None:
        self._reasons |= {source.camera_id: (source, reason) for source in sources}

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Publish in a thread while the context is open, and once more at its end."""
        with beside(self._tell_until, "stopped-cameras"):
            yield

    def _tell_until(self, stop: threading.Event) -> None:
        is_ending = False
        while not is_ending:
            is_ending = stop.wait(STATUS_EVERY_S)
            try:
                for source, reason in list(self._reasons.values()):
                    self._board.report(stopped_status(source, reason))
            except redis.RedisError as error:
                log.warning("the status of stopped cameras cannot be published: %s", error)


def stopped_status(source: WatchedCamera, reason: str) -> BoxStatus:
    """Return what the console is told of a camera that nobody screens."""
    return BoxStatus(
        camera_id=source.camera_id, checkpoint=source.checkpoint, box=socket.gethostname(), reported_at=utc_now(),
        fps=0.0, last_read_at=None, list_version=None, list_age_s=None, unchecked_waiting=0, outbox_pending=0,
        redis_ok=True, clock_offset_s=None, stopped=reason,
    )  # fmt: skip
