"""Work that goes on while nobody clicks: events come in, timers run out, boxes report."""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import redis
from sqlalchemy.exc import SQLAlchemyError

from alerts.redis_link import StreamError
from console.parts import Console
from riskdb.clock import NEVER, TimeSpan

_log = logging.getLogger(__name__)
_PAUSE_AFTER_TROUBLE_S = 1.0
_GATHER_EVENTS_S = 0.05
"""What comes so soon after the last event is stored together: a transaction costs as much as ten events in it, and
screens are told every 0.15 s at most."""
_LANE_TIMEOUT_S = 0.5
_LOOK_AT_TIME_S = 5.0
_WRITE_HOURS_S = 10.0
_TELL_TROUBLE_S = 0.2
_LOOK_AT_OTHERS_S = 1.0
"""How soon another console of the same database goes on for one that died."""
_KEEP_HOUSE_S = 3600.0
_LEAP_S = 12 * 3600.0
"""A clock that is in doubt by more than this must not let cases expire."""


class Background:
    """One thread per kind of work; each goes on after an error, and says so in the log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stop = threading.Event()
        self._keep_house_at = time.monotonic()
        self._write_hours_at = time.monotonic()
        self._is_time_in_doubt = False
        self._told_trouble = ""
        self._look_at_time()
        console.precedence.look()
        jobs: list[tuple[str, float, Callable[[], object]]] = [
            ("feed", 0.0, self._take_events),
            ("trouble", _TELL_TROUBLE_S, self._tell_trouble),
            ("lanes", _PAUSE_AFTER_TROUBLE_S, self._show_lanes),
            ("clock", 1.0, self._once(self._act_on_overdue)),
            ("boxes", 2.0, self._show_state),
            ("corrections", 3.0, self._once(lambda: console.corrections.step(console.now()))),
            ("messages", 0.5, self._once(lambda: console.dispatch.step(console.now()))),
            ("sessions", 1.0, self._end_streams),
            ("pictures", 0.5, self._take_pictures),
            ("database", 1.0, console.database.write_back),
            ("retention", _LOOK_AT_TIME_S, self._once(self._keep_house)),
        ]
        if console.database.is_shared:
            jobs += [("pulse", _LOOK_AT_OTHERS_S, console.pulse.ask)]
            jobs += [("precedence", _LOOK_AT_OTHERS_S, self._look_at_others), ("neighbours", 0.0, self._hear_others)]
        self._threads = [
            threading.Thread(target=self._run, args=job, name=f"console-{job[0]}", daemon=True) for job in jobs
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5)
        with contextlib.suppress(SQLAlchemyError):  # the boxes report the same hours again
            self._console.hours.write()
        self._console.dispatch.close()
        self._console.precedence.close()
        self._console.pulse.close()
        self._console.neighbours.close()

    def _once(self, work: Callable[[], object]) -> Callable[[], object]:
        """Of several consoles on one database the first does it."""
        return lambda: work() if self._console.precedence.is_first else None

    def _look_at_others(self) -> None:
        if self._console.precedence.look():
            self._console.feed.begin_anew()
            self._console.hub.begin_anew()  # who was the first may have died with news that nobody was told of

    def _hear_others(self) -> None:
        for change in self._console.neighbours.heard(_LOOK_AT_OTHERS_S):
            if change is None:
                self._console.hub.begin_anew()
            else:
                self._console.hub.hear(change.case_ids, may_have_left=change.may_have_left)

    def _run(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001  the outermost loop of this thread: report and go on
                _log.exception("console: %s failed, trying again", name)
                self._stop.wait(_PAUSE_AFTER_TROUBLE_S)
            if every_s:
                self._stop.wait(every_s)

    def _take_events(self) -> None:
        feed, taken = self._console.feed, 0
        is_first = self._console.precedence.is_first
        if is_first:
            taken = feed.step()
        else:
            feed.look_on()
        if feed.trouble or not is_first:
            self._stop.wait(_PAUSE_AFTER_TROUBLE_S)
        elif taken:
            self._stop.wait(_GATHER_EVENTS_S)

    def _tell_trouble(self) -> None:
        """Asks nothing and nobody itself, so that nothing that is frozen keeps it from telling."""
        trouble = self._console.feed.trouble
        if trouble != self._told_trouble:
            self._told_trouble = trouble
            self._console.hub.announce("trouble", json.dumps({"text": trouble}))

    def _act_on_overdue(self) -> None:
        if not self._is_time_in_doubt:
            self._console.hub.touch(self._console.desk.act_on_overdue(self._console.now()))

    def _show_lanes(self) -> None:
        try:
            for passage in self._console.board.passages(_LANE_TIMEOUT_S):
                if self._stop.is_set():
                    return
                if passage is not None:
                    place = self._console.intake.grid_of(passage.checkpoint)
                    self._console.hub.announce("lane", passage.model_dump_json(), grid_code=place)
        except redis.RedisError:
            return  # the feed tells the screens; the next round connects again

    def _end_streams(self) -> None:
        if digests := self._console.hub.sessions():
            for digest in self._console.sessions.ended(digests, self._console.now()):
                self._console.hub.end_session(digest)

    def _take_pictures(self) -> None:
        try:
            while not self._stop.is_set() and self._console.pictures.take_arrived():
                pass
        except StreamError:
            return  # the feed tells the screens; the pictures stay on the shelf

    def _show_state(self) -> None:
        console = self._console
        statuses = console.boxes.refresh()
        console.notices.refresh()
        if (tiles := console.state.changed_tiles()) is not None:
            console.hub.announce("tiles", tiles)
        console.hours.note(statuses)
        for scope, changed in console.state.turn(console.hub.scopes()):
            console.hub.announce("state", changed, scope=scope)
        if time.monotonic() >= self._write_hours_at:
            self._write_hours_at = time.monotonic() + _WRITE_HOURS_S
            console.hours.write()

    def _look_at_time(self) -> TimeSpan:
        span = self._console.clock.look()
        is_in_doubt = not span.is_known or span.latest - span.earliest > _LEAP_S
        if is_in_doubt and not self._is_time_in_doubt:
            _log.error("console: the clock jumped or is behind: nothing is erased and no case expires; check NTP")
        self._is_time_in_doubt = is_in_doubt
        return span

    def _keep_house(self) -> None:
        """Erase what is old enough by time that is trusted: a clock that jumped ahead would erase what is new."""
        span = self._look_at_time()
        if time.monotonic() < self._keep_house_at:
            return
        self._keep_house_at = time.monotonic() + _KEEP_HOUSE_S
        if span.deletable > NEVER:
            self._erase(datetime.fromtimestamp(span.deletable, UTC))
        with self._console.database.writing() as session:
            self._console.audit.anchor(session, self._console.anchors, self._console.now())

    def _erase(self, now: datetime) -> None:
        while self._console.retention.step(now):
            pass
        self._console.database.forget_deleted()
        self._console.retention.forget_stray_pictures(now)
        self._console.list_changes.forget_old(now)
        self._console.lists.objections.forget_old(now)
        self._console.lists.proposals.forget_old(now)
        self._console.sessions.forget_expired(now)
