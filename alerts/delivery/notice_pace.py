"""When a notice may be told on a channel: quiet hours and so many an hour. Flagged events never wait here."""

from collections import deque
from datetime import datetime, time, timedelta, timezone

from alerts.channels.base import ChannelSettings
from alerts.envelope import Event
from alerts.notice import NoticeEvent

WINDOW_S = 3600.0
LOCAL = timezone(timedelta(hours=8), "北京时间")


class NoticePace:
    """One channel's pace. One thread only."""

    def __init__(self, settings: ChannelSettings) -> None:
        self._quiet = _parsed(settings.quiet_hours)
        self._per_hour = settings.notices_per_hour
        self._told: deque[float] = deque()

    def due_at(self, event: Event, now: datetime) -> datetime | None:
        """Return when to come back with the event; None: now."""
        if not isinstance(event, NoticeEvent):
            return None
        may_wait = event.severity != "critical" or event.phase == "ended"
        if may_wait and (quiet_until := self._quiet_until(now)):
            return quiet_until
        moment = now.timestamp()
        while self._told and self._told[0] <= moment - WINDOW_S:
            self._told.popleft()
        if len(self._told) < self._per_hour:
            return None
        return now + timedelta(seconds=self._told[0] + WINDOW_S - moment)

    def note_told(self, now: datetime) -> None:
        """Count one message."""
        self._told.append(now.timestamp())

    def _quiet_until(self, now: datetime) -> datetime | None:
        if self._quiet is None:
            return None
        start, end = self._quiet
        local = now.astimezone(LOCAL)
        moment = local.time()
        is_quiet = start <= moment < end if start <= end else moment >= start or moment < end
        if not is_quiet:
            return None
        until = datetime.combine(local.date(), end, LOCAL)
        return until if until > local else until + timedelta(days=1)


def _parsed(hours: str) -> tuple[time, time] | None:
    if not hours:
        return None
    start, _, end = hours.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)
