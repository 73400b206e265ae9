"""A guard camera at an isolation door: a crossing becomes an event only while a recorded consent holds."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from alerts.crossing import CrossingEvent
from alerts.envelope import MAX_PICTURE_BYTES, Event, deterministic_id
from pipeline.reads.adapter import SentCrossing
from pipeline.reads.settings import DeviceSettings
from riskdb.whole_file import PRIVATE, whole_file

AGAIN_AFTER = timedelta(seconds=60)
"""A camera says the same crossing every second while somebody stands in its field."""
BELIEVED = timedelta(minutes=5)
JPEG = b"\xff\xd8\xff"

log = logging.getLogger(__name__)


class Guarding:
    """The doors of one box."""

    def __init__(
        self, append: Callable[[Event], bool], id_key: Callable[[], bytes], evidence: Path | None = None
    ) -> None:
        """`append` keeps an event for good before it returns; both may raise what the outbox and the key raise.

        `evidence`: where pictures go that came along; None keeps none.
        """
        self._append = append
        self._id_key = id_key
        self._evidence = evidence
        self._told: dict[str, datetime] = {}

    def take(self, device: DeviceSettings, crossing: SentCrossing, now: datetime) -> bool:
        """Return whether the crossing became an event. Raises OutboxError, RiskDBError."""
        consent, door = device.consent, device.door
        if door is None or consent is None or not consent.given_at <= now < consent.until or device.is_quiet(now):
            return False
        told = self._told.get(device.device_id)
        if told is not None and now - told < AGAIN_AFTER:
            return False
        at = crossing.captured_at
        crossed_at = at if at is not None and abs(now - at) <= BELIEVED else now
        minute = int(now.timestamp() // AGAIN_AFTER.total_seconds())
        event_id = deterministic_id(["crossing", device.device_id, crossing.message_id or str(minute)], self._id_key())
        event = CrossingEvent(
            event_id=event_id,
            camera_id=device.camera_id,
            checkpoint=device.checkpoint,
            door=door,
            crossed_at=crossed_at,
            arrived_at=now,
            consent_by=consent.by,
            consent_until=consent.until,
            meeting_url=device.meeting_url.replace("{event_id}", event_id),
            picture=self._keep(crossing.picture, f"{now:%Y-%m-%d}/{event_id}-door.jpg"),
        )
        self._append(event)
        self._told[device.device_id] = now
        return True

    def _keep(self, picture: bytes, name: str) -> str | None:
        """Put a picture where the centre fetches it from; one that is none, or too large, is left."""
        if self._evidence is None or not picture.startswith(JPEG) or len(picture) > MAX_PICTURE_BYTES:
            return None
        target = self._evidence / name
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_file(target, mode=PRIVATE) as partial:
                partial.write_bytes(picture)
        except OSError as error:
            log.error("picture %s cannot be kept: %s", name, error)  # that somebody went out matters more
            return None
        return name
