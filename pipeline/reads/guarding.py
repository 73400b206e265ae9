"""A guard camera at an isolation door: a crossing becomes an event only while a recorded consent holds."""

from collections.abc import Callable
from datetime import datetime, timedelta

from alerts.crossing import CrossingEvent
from alerts.envelope import Event, deterministic_id
from pipeline.reads.adapter import SentCrossing
from pipeline.reads.settings import DeviceSettings

AGAIN_AFTER = timedelta(seconds=60)
"""A camera says the same crossing every second while somebody stands in its field."""
BELIEVED = timedelta(minutes=5)


class Guarding:
    """The doors of one box."""

    def __init__(self, append: Callable[[Event], bool], id_key: Callable[[], bytes]) -> None:
        """`append` keeps an event for good before it returns; both may raise what the outbox and the key raise."""
        self._append = append
        self._id_key = id_key
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
        )
        self._append(event)
        self._told[device.device_id] = now
        return True
