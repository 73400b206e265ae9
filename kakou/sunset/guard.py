"""Ends every process of ours on the day, and then destroys. A clock that is not trusted stops matching, and destroys
nothing.
"""

import contextlib
import fcntl
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from kakou.settings import Settings
from kakou.sunset.state import SunsetError, SunsetState, SunsetWatch, begin_if_new, load_state, mark_begun
from kakou.utc import utc_now
from kakou.wiring.clock import trusted_clock
from riskdb.own_file import open_lock

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
_WAIT_FOR_OTHERS_S = 45.0
"""A console or a box ends within seconds; whoever hangs for longer finds its files gone."""


@contextlib.contextmanager
def until_sunset(settings: Settings, stop: threading.Event) -> Iterator[None]:
    """Set `stop` on the day, and destroy everything once the work in the context has ended.

    The first start sets the day. Raises SunsetError when the time was over before, or is over now.
    """
    begin_if_new(settings.state_dir, settings.sunset_days, utc_now())
    _await_start(settings, stop)
    if stop.is_set():
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(settings, stop, ended), name="sunset", daemon=True)
    thread.start()
    try:
        with at_work(settings.state_dir):
            yield
    finally:
        ended.set()
        thread.join(timeout=10)
        state = load_state(settings.state_dir)
        if state and state.begun_at and not state.destroyed_at:
            finish(settings)
    SunsetWatch(settings.state_dir, utc_now).require_open()


def finish(settings: Settings) -> None:
    """Destroy, once all others have ended; whoever comes second finds it done."""
    from kakou.sunset.carrying_out import (
        carry_out,
    )  # the console's libraries take longer to load than all of `kakou run`

    with _alone(settings.state_dir):
        state = load_state(settings.state_dir)
        if state and not state.destroyed_at:
            carry_out(settings, state, utc_now)


@contextlib.contextmanager
def at_work(state_dir: Path) -> Iterator[None]:
    """Tell the destruction that somebody is still at work here."""
    with open_lock(state_dir / "sunset.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    deadline = time.monotonic() + _WAIT_FOR_OTHERS_S
    with open_lock(state_dir / "sunset.lock") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    log.error("a process of kakou does not end; its files are destroyed all the same")
                    break
                time.sleep(0.1)
        yield


def _await_start(settings: Settings, stop: threading.Event) -> None:
    """Go on where the time is not over; where it seems to be, wait until the clock is trusted, and destroy."""
    watch = SunsetWatch(settings.state_dir, utc_now)
    clock = None
    while not stop.is_set():
        state = watch.state()
        if state is None or not state.is_over(utc_now()):
            return
        if state.destroyed_at:
            watch.require_open()
        if clock is None:
            clock = trusted_clock(settings)
            log.error("the authorised time is over: nothing is matched; waiting until the clock is trusted to destroy")
        if state.begun_at or clock.look().deletable >= state.ends_at.timestamp():
            _begin(settings, state)
            finish(settings)
            watch.require_open()
        stop.wait(LOOK_EVERY_S)


def _watch(settings: Settings, stop: threading.Event, ended: threading.Event) -> None:
    watch, clock = SunsetWatch(settings.state_dir, utc_now), trusted_clock(settings, is_keeping=False)
    while not ended.wait(LOOK_EVERY_S):
        try:
            state = watch.state()
        except SunsetError as error:
            log.error("%s", error)
            continue
        if state is None:
            continue
        if state.begun_at or clock.look().deletable >= state.ends_at.timestamp():
            log.error("the authorised time is over (sunset): stopping, everything is destroyed")
            _begin(settings, state)
            stop.set()
            return


def _begin(settings: Settings, state: SunsetState) -> None:
    if not state.begun_at:
        mark_begun(settings.state_dir, state, utc_now())
