"""What each passage of a history should have come to, and where the system said otherwise.

Moments are seconds of the kernel's monotonic clock, which no fault of a history touches.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

NEAR_S = 8.0
"""A vehicle that was in view when the box was killed, or its clock jumped, may be seen as none, one or two."""

State = Literal["listed", "free", "either"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A passage as the box itself told of it."""

    text: str
    begun_s: float
    """When its vehicle came into view."""
    ended_s: float
    outcome: str
    event_id: str
    """The id that its event has, or would have."""


@dataclass(slots=True)
class ListModel:
    """Since when the box's own list holds a plate, or no longer does."""

    _changes: dict[str, list[tuple[float, State]]] = field(default_factory=dict)

    def change(self, texts: Iterable[str], at_s: float, state: State) -> None:
        for text in texts:
            self._changes.setdefault(text, []).append((at_s, state))

    def state(self, text: str, since_s: float, until_s: float) -> State:
        """Return what the plate was all the time, "either" where it changed or was about to."""
        before: State = "free"
        within: set[State] = set()
        for at_s, state in self._changes.get(text, []):
            if at_s <= since_s:
                before = state
            elif at_s <= until_s:
                within.add(state)
        states = {before} | within
        return states.pop() if len(states) == 1 else "either"

    def at_end(self, state: State) -> set[str]:
        return {text for text, changes in self._changes.items() if changes[-1][1] == state}


@dataclass(frozen=True, slots=True)
class History:
    """What was seen, and what arrived."""

    begun: list[tuple[str, float]]
    """Plate and moment of each vehicle that came into view."""
    seen: list[Seen]
    disturbed_s: list[float]
    """When the box was killed or started, or its clock jumped."""
    webhook: list[str]
    """Ids of the events that the receiver applied, each as often as it did."""
    console: list[str]
    """Ids of the events at the console."""

    def should_be(self, model: ListModel, seen: Seen) -> State:
        """An unchecked passage is checked again, with the list of that moment."""
        until_s = math.inf if seen.outcome == "unchecked" else seen.ended_s
        return model.state(seen.text, seen.begun_s, until_s)


def violations(history: History, model: ListModel) -> Iterator[str]:
    """Yield every promise that was broken, in words."""
    yield from _wrong_outcomes(history, model)
    yield from _lost_passages(history)
    wanted = {seen.event_id: seen for seen in history.seen if history.should_be(model, seen) == "listed"}
    allowed = {seen.event_id for seen in history.seen if history.should_be(model, seen) != "free"}
    for place, arrived in (("webhook", history.webhook), ("console", history.console)):
        for event_id in wanted.keys() - set(arrived):
            yield f"{place}: the event of {_told(wanted[event_id])} never came"
        for event_id, count in Counter(arrived).items():
            if count > 1:
                yield f"{place}: event {event_id} came {count} times"
        for event_id in set(arrived) & ({seen.event_id for seen in history.seen} - allowed):
            yield f"{place}: an event of a vehicle that is not listed: {event_id}"


def _wrong_outcomes(history: History, model: ListModel) -> Iterator[str]:
    for seen in history.seen:
        should_be = history.should_be(model, seen)
        if should_be == "listed" and seen.outcome == "clear":
            yield f"a listed vehicle ended clear: {_told(seen)}"
        if should_be == "free" and seen.outcome == "flagged":
            yield f"a vehicle that is not listed was flagged: {_told(seen)}"


def _lost_passages(history: History) -> Iterator[str]:
    """Yield vehicles that came into view in quiet times and were never decided, or twice."""
    ends = Counter((seen.text, seen.begun_s) for seen in history.seen)
    for text, begun_s in history.begun:
        if all(abs(begun_s - at_s) > NEAR_S for at_s in history.disturbed_s) and ends[(text, begun_s)] != 1:
            yield f"{text} came into view at {begun_s:.1f} s and was decided {ends[(text, begun_s)]} times"


def _told(seen: Seen) -> str:
    return f"{seen.text}, in view at {seen.begun_s:.1f} s, {seen.outcome} at {seen.ended_s:.1f} s"
