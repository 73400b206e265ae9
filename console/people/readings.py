"""Writes down who looked at what: that a person read a case or its pictures is a row of the audit log."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from console.people.audit import AuditLog
from console.settings import ConsoleSettings
from console.store.database import Database
from console.types import Actor

_MAX_REMEMBERED = 20_000
_Reading: TypeAlias = tuple[Actor, str, str]
"""Who, which action, of what (subject)."""


class ReadingLog:
    """One row per person, action and subject in `audit_reading_minutes`: a screen asks for the same many times."""

    def __init__(self, database: Database, audit: AuditLog, settings: ConsoleSettings) -> None:
        self._database = database
        self._audit = audit
        self._once_in = timedelta(minutes=settings.audit_reading_minutes)
        self._noted: dict[_Reading, datetime] = {}
        self._lock = threading.Lock()

    def note(self, actor: Actor, action: str, subjects: Iterable[str], now: datetime, reason: str = "") -> None:
        """Write the rows before what they tell of is shown; what cannot be written down is not shown either."""
        news = [subject for subject in subjects if self._is_new((actor, action, subject), now)]
        if not news:
            return
        with self._database.writing() as session:
            for subject in news:
                self._audit.append(session, actor, action, subject, now, reason)
        with self._lock:
            self._noted |= {(actor, action, subject): now for subject in news}
            if len(self._noted) > _MAX_REMEMBERED:
                self._noted = {key: at for key, at in self._noted.items() if self._is_recent(at, now)}

    def _is_new(self, reading: _Reading, now: datetime) -> bool:
        with self._lock:
            at = self._noted.get(reading)
        return at is None or not self._is_recent(at, now)

    def _is_recent(self, at: datetime, now: datetime) -> bool:
        # A clock that was set back does not keep anybody's reading out of the log.
        return timedelta(0) <= now - at < self._once_in
