"""What the console does with events: one row a kind. A kind without a row is passed over: it is for others."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from alerts.canary import CanaryEvent
from alerts.canary_marks import CanaryMarks
from alerts.crossing import CrossingEvent
from alerts.envelope import Event
from alerts.flagged import FlaggedEvent
from alerts.handled import HandledEvent
from alerts.proposal import ProposalEvent
from console.cases.booth import BoothWords
from console.cases.crossings import CrossingIntake
from console.cases.intake import CaseIntake

EventReader: TypeAlias = Callable[[Sequence[Event], datetime], Iterable[int]]
"""Stores events of one kind, at a moment, all or none; returns the cases that screens show anew. The same events may
come again.
"""
EventReaders: TypeAlias = Mapping[str, EventReader]
"""By `Event.kind`."""


def event_readers(
    intake: CaseIntake,
    booth_words: BoothWords | None = None,
    marks: CanaryMarks | None = None,
    crossings: CrossingIntake | None = None,
    proposals: Callable[[Sequence[ProposalEvent], datetime], None] | None = None,
) -> EventReaders:
    """Return the table; without one of the others its kind is passed over.

    Of one batch, the kinds are taken in this order: what was done with a vehicle comes after the vehicle.
    """
    readers: dict[str, EventReader] = {FlaggedEvent.kind: partial(_into_cases, intake)}
    if booth_words is not None:
        readers[HandledEvent.kind] = partial(_from_booths, booth_words)
    if crossings is not None:
        readers[CrossingEvent.kind] = partial(_from_doors, crossings)
    if proposals is not None:
        readers[ProposalEvent.kind] = partial(_from_platforms, proposals)
    if marks is not None:
        readers[CanaryEvent.kind] = partial(_mark_canaries, marks)
    return readers


def _into_cases(intake: CaseIntake, events: Sequence[Event], now: datetime) -> Iterable[int]:
    taken = intake.take([event for event in events if isinstance(event, FlaggedEvent)], now)
    return {*taken.opened, *taken.attached} - set(taken.held)


def _from_booths(booth_words: BoothWords, events: Sequence[Event], now: datetime) -> Iterable[int]:
    return booth_words.take([event for event in events if isinstance(event, HandledEvent)], now)


def _from_doors(crossings: CrossingIntake, events: Sequence[Event], now: datetime) -> Iterable[int]:
    return crossings.take([event for event in events if isinstance(event, CrossingEvent)], now)


def _from_platforms(
    keep: Callable[[Sequence[ProposalEvent], datetime], None], events: Sequence[Event], now: datetime
) -> Iterable[int]:
    keep([event for event in events if isinstance(event, ProposalEvent)], now)
    return ()


def _mark_canaries(marks: CanaryMarks, events: Sequence[Event], _now: datetime) -> Iterable[int]:
    """A canary opens no case and is counted nowhere: that it came is all. Raises StreamError."""
    for event in events:
        if isinstance(event, CanaryEvent):
            marks.came_out("console", event)
    return ()
