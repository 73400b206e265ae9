"""Several messages of one vehicle are one passage: told again and again, or seen by the front and the rear camera."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import eq

from pipeline.reads.arrival import Arrival
from pipeline.reads.looking import Seen
from pipeline.types import PlateTrack, Reading
from pipeline.walk.fusion import UNSURE, SureSlots, agreement_of, pooled, surely_shown

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


@dataclass(slots=True, eq=False)
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
    shown: SureSlots = ()
    """What `latest` surely shows, of an alphabet of so many `columns`."""
    columns: int = 0


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
        self._of_lane: dict[tuple[str, str], list[_Open]] = {}
        self._told: dict[tuple[str, str], _Open] = {}
        """By device and the camera's own number of the passage."""
        self._count = 0

    def take(self, seq: int, arrival: Arrival, seen: Seen, place: Place, now_s: float) -> PlateTrack:
        """Return the vehicle as it is known now, not final."""
        passage = self._passage_of(arrival, seen, place)
        if passage is None:
            passage = self._begin(arrival, place, now_s)
        self._add(passage, seq, arrival, seen, now_s)
        track = passage.latest = _track(passage, is_final=False)
        passage.shown, passage.columns = surely_shown(track.distribution), len(track.distribution.alphabet)
        return track

    def ended(self, now_s: float) -> Iterator[Ended]:
        """Yield the passages whose time is over."""
        over = [passage for passage in self._open if passage.until_s <= now_s]
        self._open = [passage for passage in self._open if passage.until_s > now_s]
        for passage in over:
            self._forget(passage)
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
        self._of_lane.setdefault(place.lane, []).append(passage)
        return passage

    def _forget(self, passage: _Open) -> None:
        lane = self._of_lane[passage.place.lane]
        lane.remove(passage)
        if not lane:
            del self._of_lane[passage.place.lane]
        for told_as in passage.told_as:
            self._told.pop(told_as, None)

    def _passage_of(self, arrival: Arrival, seen: Seen, place: Place) -> _Open | None:
        if (told := self._told.get((arrival.device_id, arrival.sent.read.passage_id or ""))) is not None:
            return told
        shown, columns = surely_shown(seen.distribution), len(seen.distribution.alphabet)
        for passage in self._of_lane.get(place.lane, ()):
            if sum(map(eq, passage.shown, shown)) < SAME_SLOTS or passage.columns != columns:
                continue  # most of a busy lane, so before all else
            if self._is_near(passage, arrival) and _is_same_vehicle(passage, arrival, shown):
                return passage
        return None

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
            if read.passage_id:
                self._told.setdefault((device, read.passage_id), passage)
            if read.stage in ("new", "update"):
                passage.until_s = now_s + TOLD_TO_THE_END_S


def _is_same_vehicle(passage: _Open, arrival: Arrival, shown: SureSlots) -> bool:
    """Return whether a read in the same lane at the same time is of the same vehicle.

    Of one camera only where all that is sure agrees: two vehicles of a fleet differ in one character.
    """
    if len(passage.shown) != len(shown):
        return False
    is_own = arrival.device_id in passage.lane_told
    if is_own and passage.lane_told[arrival.device_id] != arrival.sent.read.lane:
        return False
    if is_own and UNSURE not in shown and UNSURE not in passage.shown:
        return shown == passage.shown
    agreement = agreement_of(passage.shown, shown)
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
