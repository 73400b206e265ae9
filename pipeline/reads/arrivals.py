"""From the journal to decided passages: the way of camera reads, up to where video's tracks are decided, too."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipeline.reads.arrival import Arrival
from pipeline.reads.journal import Journal
from pipeline.reads.looking import SURE_TEXT, Looking, Seen
from pipeline.reads.passages import Ended, Passages, Place
from pipeline.reads.settings import DeviceSettings, ReadsSettings
from pipeline.reads.waiting import Waiting
from pipeline.types import Passage, ScreeningCounts
from pipeline.walk.deciding import Decider

AT_ONCE = 32
PUT_OFF_AT_ONCE = 8
"""Of those that have time: each may need its picture read, and whatever comes meanwhile waits for them."""
AGED_AT_ONCE = 10_000
"""Put off by their numbers alone before a fresh one is looked for, in some 20 ms; opening them takes 25 times that."""
FRESH_S = 5.0
"""A read that waited for longer, or came late, is decided when no fresh one waits: its vehicle stands there no more.
Of a passage with messages on both sides of this line, which only an overloaded box has, two are counted."""
CAUGHT_UP_S = 1.0
"""Those that come after it, too, until one has waited no longer than this: else each would be 5 s late for ever."""

log = logging.getLogger(__name__)


def place_of(device: DeviceSettings) -> Place:
    lane = (device.checkpoint, device.lane) if device.lane is not None else ("", device.device_id)
    return Place(device.camera_id, lane)


class Arrivals:
    """Takes reads out of the journal and decides them. A read is done with once its passage is over. One thread.

    Every call raises OutboxError where an event cannot be kept, and sqlite3.Error, OSError where the journal fails:
    what was not done with comes again.
    """

    def __init__(
        self,
        journal: Journal,
        looking: Looking,
        settings: ReadsSettings,
        deciders: Mapping[str, Decider],
        counts: Mapping[str, ScreeningCounts],
        testers: Mapping[str, Decider] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`deciders` and `counts`: by camera. `testers`: what decides test reads."""
        self._now = now
        self._journal = journal
        self._looking = looking
        self._settings = settings
        self._deciders = deciders
        self._counts = counts
        self._testers = testers or {}
        self._places = {device.device_id: place_of(device) for device in settings.devices}
        self._passages = Passages(settings.together_s)
        self._taken = 0
        """Number of the last read that was taken out."""
        self._told_taken = 0
        self._later: deque[int] = deque()
        """Numbers of the reads that were put off, in order."""
        self._is_catching_up = False
        self._late_after = timedelta(seconds=settings.late_after_s)

    def step(self, now_s: float) -> tuple[int, list[Passage]]:
        """Take some reads; return how many, and the passages that were decided. `now_s` is monotonic."""
        skipped = self._put_off_aged() if self._is_catching_up else 0
        found = self._journal.said(self._taken, AT_ONCE)
        has_more = len(found) == AT_ONCE
        is_choosing = has_more or bool(self._later)
        self._is_catching_up = self._is_catching_up and is_choosing
        fresh = [waiting for waiting in found if not (is_choosing and self._puts_off(waiting))]
        if found:
            self._taken = found[-1].seq
        due = self._put_off() if not has_more else []
        is_behind = has_more and self._journal.waits_more(self._taken, self._settings.picture_backlog)
        is_behind = is_behind or len(self._later) > self._settings.picture_backlog
        passages: list[Passage] = []
        useless: list[int] = []
        for waiting in (*fresh, *due):
            passages += self._take(waiting, useless, now_s, is_behind=is_behind)
        passages += self._end(self._passages.ended(now_s), useless)
        return skipped + len(found) + len(due), passages

    @property
    def is_catching_up(self) -> bool:
        """Whether more comes than is decided, or came."""
        return self._is_catching_up

    def finish(self) -> list[Passage]:
        """Decide what is still open: nobody will add to it."""
        return list(self._end(self._passages.finish(), []))

    def note_progress(self) -> None:
        """Say in the journal how far this has come: a watch sees what waits, also where this hangs or is killed."""
        taken = self._later[0] - 1 if self._later else self._taken
        if taken != self._told_taken:
            self._journal.note_taken(taken)
            self._told_taken = taken

    def tidy(self, forget_before: datetime | None) -> None:
        self._journal.tidy(forget_before)

    def _puts_off(self, waiting: Waiting) -> bool:
        """Return whether a read has time, and note it where it has: fresh ones wait behind it."""
        arrival = waiting.arrival
        if arrival is None:
            return False
        waited_s = (self._now() - arrival.arrived_at).total_seconds()
        self._is_catching_up = waited_s > (CAUGHT_UP_S if self._is_catching_up else FRESH_S)
        if arrival.is_late or self._is_catching_up:
            self._later.append(waiting.seq)
            return True
        return False

    def _put_off_aged(self) -> int:
        """Put off what has waited for long, unopened; return how many reads."""
        moment = self._now() - timedelta(seconds=CAUGHT_UP_S)
        aged = self._journal.arrived_before(moment, self._taken, AGED_AT_ONCE)
        self._later.extend(aged)
        self._taken = aged[-1] if aged else self._taken
        return len(aged)

    def _put_off(self) -> list[Waiting]:
        """Return some of the reads that were put off, the oldest."""
        numbers = [self._later.popleft() for _ in range(min(PUT_OFF_AT_ONCE, len(self._later)))]
        return self._journal.said_among(numbers) if numbers else []

    def _take(self, waiting: Waiting, useless: list[int], now_s: float, *, is_behind: bool) -> Iterator[Passage]:
        arrival, place = waiting.arrival, self._places.get(waiting.device_id)
        if arrival is None:
            self._give_up(waiting, place)
            return
        if place is None:
            log.error("a read of the journal cannot be decided: no device %s", waiting.device_id)
            useless.append(waiting.seq)
            return
        if self._now() - arrival.arrived_at > self._late_after:  # it waited here for so long: the vehicle has gone
            arrival = replace(arrival, is_late=True)
        seen = (self._clear(arrival, place) if is_behind else None) or self._look(waiting, arrival)
        if seen is None:
            self._counts[place.camera_id].unread += 1
            useless.append(waiting.seq)
            return
        if arrival.is_test:
            useless.append(waiting.seq)
            self._try_way(arrival, seen, place)
            return
        track = self._passages.take(waiting.seq, arrival, seen, place, now_s)
        if (passage := self._deciders[place.camera_id].decide(track)) is not None:
            yield passage

    def _give_up(self, waiting: Waiting, place: Place | None) -> None:
        """A vehicle passed, and its read is lost: it is counted, and the watch tells of it."""
        log.error("a read of %s cannot be read back from the journal: its vehicle is unread", waiting.device_id)
        if place is not None:
            self._counts[place.camera_id].unread += 1
        self._journal.lost(waiting.seq, self._now())

    def _look(self, waiting: Waiting, arrival: Arrival) -> Seen | None:
        """Return what a message tells; a picture that is damaged or too much for us leaves the camera's text."""
        whole = self._journal.whole(waiting)
        if whole is None:
            log.error("the pictures of a read of %s cannot be read back from the journal", waiting.device_id)
            return self._looking.look(arrival, with_pictures=False)
        try:
            return self._looking.look(replace(arrival, sent=whole.sent), with_pictures=True)
        except Exception as error:  # noqa: BLE001  the outermost loop of a read: else it would come again for ever
            log.error("a picture of %s cannot be used: %s", arrival.device_id, type(error).__name__)
        return self._looking.look(arrival, with_pictures=False)

    def _try_way(self, arrival: Arrival, seen: Seen, place: Place) -> None:
        """Flag a test read, alone and without counting it."""
        alone = Passages(together_s=0.0)
        track = alone.take(0, arrival, seen, place, now_s=0.0)
        self._testers[place.camera_id].decide(replace(track, is_final=True))

    def _clear(self, arrival: Arrival, place: Place) -> Seen | None:
        """Return what a text tells that is so sure, and so far from the list, that nobody needs its picture."""
        seen = self._looking.look(arrival, with_pictures=False)
        decider = self._deciders[place.camera_id]
        return seen if seen is not None and decider.is_surely_unlisted(seen.distribution, SURE_TEXT) else None

    def _end(self, ended: Iterator[Ended], useless: list[int]) -> Iterator[Passage]:
        done = useless
        for each in ended:
            if (passage := self._deciders[each.track.camera_id].decide(each.track)) is not None:
                yield passage
            done.extend(each.sequence)
        if done:
            self._journal.done(done)
