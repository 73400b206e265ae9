"""Several messages of one vehicle are one passage: told again and again, or seen by the front and the rear camera."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.reads.arrival import Arrival
from pipeline.reads.looking import Seen
from pipeline.types import PlateTrack, Reading
from pipeline.walk.fusion import pooled, slot_agreement

SAME_SLOTS = 5
"""So many slots that surely agree, and at most one that surely differs: the same plate, once misread."""
TOLD_TO_THE_END_S = 30.0
"""A passage that the camera tells in several messages is over when it says so, or after this long."""
LANE_CHARACTERS = 16
PER_CAMERA = 0.75
"""How much each of several cameras counts: they look at one vehicle in one light."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands, for deciding which reads may be of one vehicle."""

    camera_id: str
    lane: tuple[str, str]
    """Devices of one lane see the same vehicles: (checkpoint, lane), or ("", device) for one that stands alone."""


@dataclass(slots=True)
class _Open:
    """A passage that may still be told more of."""

    number: int
    place: Place
    started_at: datetime
    ended_at: datetime
    until_s: float
    seen: dict[str, Seen] = field(default_factory=dict)
    told_as: set[tuple[str, str]] = field(default_factory=set)
    sequence: list[int] = field(default_factory=list)
    message_count: int = 0
    lane_told: dict[str, str | None] = field(default_factory=dict)
    is_late: bool = False
    latest: PlateTrack | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A passage that nothing is added to any more."""

    track: PlateTrack
    sequence: tuple[int, ...]
    """Numbers in the journal of the reads that it is made of."""


class Passages:
    """The open passages of all lanes. `now_s` is monotonic."""

    def __init__(self, together_s: float) -> None:
        self._together = timedelta(seconds=together_s)
        self._open: list[_Open] = []
        self._count = 0

    def take(self, seq: int, arrival: Arrival, seen: Seen, place: Place, now_s: float) -> PlateTrack:
        """Return the vehicle as it is known now, not final."""
        passage = self._passage_of(arrival, seen, place)
        if passage is None:
            passage = self._begin(arrival, place, now_s)
        self._add(passage, seq, arrival, seen, now_s)
        passage.latest = _track(passage, is_final=False)
        return passage.latest

    def ended(self, now_s: float) -> Iterator[Ended]:
        """Yield the passages whose time is over."""
        over = [passage for passage in self._open if passage.until_s <= now_s]
        self._open = [passage for passage in self._open if passage.until_s > now_s]
        for passage in over:
            yield Ended(_track(passage, is_final=True), tuple(passage.sequence))

    def finish(self) -> Iterator[Ended]:
        """Yield all that are open."""
        return self.ended(float("inf"))

    def _begin(self, arrival: Arrival, place: Place, now_s: float) -> _Open:
        self._count += 1
        moment = arrival.passed_at
        passage = _Open(self._count, place, moment, moment, now_s)
        self._open.append(passage)
        return passage

    def _passage_of(self, arrival: Arrival, seen: Seen, place: Place) -> _Open | None:
        told_as = (arrival.device_id, arrival.sent.read.passage_id or "")
        for passage in self._open:
            if told_as[1] and told_as in passage.told_as:
                return passage
        near = [
            passage for passage in self._open if passage.place.lane == place.lane and self._is_near(passage, arrival)
        ]
        return next((passage for passage in near if _is_same_vehicle(passage, arrival, seen)), None)

    def _is_near(self, passage: _Open, arrival: Arrival) -> bool:
        return passage.started_at - self._together <= arrival.passed_at <= passage.ended_at + self._together

    def _add(self, passage: _Open, seq: int, arrival: Arrival, seen: Seen, now_s: float) -> None:
        read, device = arrival.sent.read, arrival.device_id
        earlier = passage.seen.get(device)
        # Told step by step, the last word counts; else the surer one of a device's messages.
        is_told = read.passage_id is not None and read.stage != "whole"
        if earlier is None or is_told or _certainty(seen) >= _certainty(earlier):
            passage.seen[device] = seen
        passage.sequence.append(seq)
        passage.message_count += 1
        passage.lane_told.setdefault(device, read.lane)
        passage.ended_at = max(passage.ended_at, arrival.passed_at)
        passage.is_late = passage.is_late or arrival.is_late
        passage.until_s = now_s + self._together.total_seconds()
        if read.passage_id is not None:
            passage.told_as.add((device, read.passage_id))
            if read.stage in ("new", "update"):
                passage.until_s = now_s + TOLD_TO_THE_END_S


def _is_same_vehicle(passage: _Open, arrival: Arrival, seen: Seen) -> bool:
    """Return whether a read in the same lane at the same time is of the same vehicle.

    Of one camera only where all that is sure agrees: two vehicles of a fleet differ in one character.
    """
    if passage.latest is None:
        return False
    known, device = passage.latest.distribution, arrival.device_id
    if known.char_probs.shape != seen.distribution.char_probs.shape:
        return False
    is_own = device in passage.lane_told
    if is_own and passage.lane_told[device] != arrival.sent.read.lane:
        return False
    agreement = slot_agreement(known, seen.distribution)
    return agreement.same >= SAME_SLOTS and agreement.different <= (0 if is_own else 1)


def _track(passage: _Open, *, is_final: bool) -> PlateTrack:
    each = list(passage.seen.values())
    # Pictures first, then certainty: people look at them.
    best = max(each, key=lambda seen: (seen.evidence.vehicle_picture is not None, _certainty(seen)))
    alike = [seen for seen in each if seen.distribution.alphabet == best.distribution.alphabet]
    weight = 1.0 if len(alike) == 1 else PER_CAMERA
    readings: tuple[Reading, ...] = tuple(reading for seen in each for reading in seen.readings)
    is_one = len(alike) == 1
    return PlateTrack(
        camera_id=passage.place.camera_id,
        number=passage.number,
        started_at=passage.started_at,
        ended_at=passage.ended_at,
        look_count=len(readings) + passage.message_count - 1,
        distribution=alike[0].distribution if is_one else pooled([(seen.distribution, weight) for seen in alike]),
        evidence=best.evidence,
        is_final=is_final,
        readings=readings,
        is_late=passage.is_late,
        lane=next((lane[:LANE_CHARACTERS] for lane in passage.lane_told.values() if lane), None),
    )


def _certainty(seen: Seen) -> float:
    return float(seen.distribution.char_probs.max(axis=1).prod())
