"""What the console does with events: one row a kind. A kind without a row is passed over: it is for others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from alerts.envelope import Event
from alerts.flagged import FlaggedEvent
from console.cases.intake import CaseIntake

EventReader: TypeAlias = Callable[[Sequence[Event], datetime], Iterable[int]]
"""Stores events of one kind, at a moment, all or none; returns the cases that screens show anew. The same events may
come again.
"""
EventReaders: TypeAlias = Mapping[str, EventReader]
"""By `Event.kind`."""


def event_readers(intake: CaseIntake) -> EventReaders:
    return {FlaggedEvent.kind: partial(_into_cases, intake)}


def _into_cases(intake: CaseIntake, events: Sequence[Event], now: datetime) -> Iterable[int]:
    taken = intake.take([event for event in events if isinstance(event, FlaggedEvent)], now)
    return (*taken.opened, *taken.attached)
