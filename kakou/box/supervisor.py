"""Keeps a box's processes alive: starts each, starts it again when it dies or falls silent, ends all together."""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

from kakou.box.started import HEARTBEAT_VARIABLE, Started, start

TICK_S = 0.1
"""How often each child is looked at; that one ends is heard at once, by the pipe of its beats."""
END_S = 0.1
"""So long at most from the end of its pipe to its own."""
STOP_TIMEOUT_S = 10.0
QUICK_WAIT_S = 0.2
"""Before a child that had worked is started again: whoever sends to it tries again meanwhile."""
FIRST_WAIT_S = 1.0
LEAST_WORK_S, WORKED_FOR_ITS_WAIT = 5.0, 10
"""A child that works for so long, and so many times its last wait, is worth starting at once."""
BEAT, WHY = b".", b"!"
MAX_WHY_BYTES = 1000
"""A pipe takes this much at once or not at all."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """A process to keep alive."""

    name: str
    command: Sequence[str]
    done_codes: frozenset[int] = frozenset({0})
    """A child that exits with one of these has done its work and is not started again."""
    hopeless_codes: frozenset[int] = frozenset()
    """A child that exits with one of these would do so again: it is given up, and said to be."""
    silence_timeout_s: float | None = 60.0
    """A child that beats (see `Heartbeat`) and then is silent for this long is killed; None never kills."""
    is_attendant: bool = False
    """It works for the others: when they are done, so is the supervisor."""
    gives_way: bool = False
    """It runs behind the others from its start on: what it loads must not hold them up either."""
    has_spare: bool = False
    """While it works a second one is loaded beside it, and waits: it takes over as soon as the first has ended."""
    given: bytes = b""
    """What every start of the child finds on its standard input."""


@dataclass
class _Child:
    spec: ChildCommand
    started: Started | None = None
    spare: Started | None = None
    spare_at: float = 0.0
    """Not before then is a spare loaded."""
    began_at: float | None = None
    """Its first beat; it was being loaded before."""
    beat_at: float | None = None
    start_at: float = 0.0
    wait_s: float = 0.0
    started_at: float = 0.0
    exit_code: int | None = field(default=None)
    why: bytes = b""

    @property
    def is_awaited(self) -> bool:
        return self.exit_code is None and not self.spec.is_attendant

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self.started.process if self.started is not None else None


class Heartbeat:
    """A child's side: `beat` whenever work went on, `say_why` before an end. Without a supervisor it does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        number = environment.get(HEARTBEAT_VARIABLE, "")
        self._descriptor = int(number) if number.isdecimal() else None

    def beat(self) -> None:
        self._write(BEAT)

    def say_why(self, reason: str) -> None:
        self._write(WHY + reason.encode()[:MAX_WHY_BYTES])

    def _write(self, message: bytes) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, message)
        except BlockingIOError:
            return
        except OSError:
            self._descriptor = None


class Supervisor:
    """Runs until every child is done or `stop` is set.

    `on_given_up` hears of a child that is not started again: its name, its exit code, and why in its own words.
    """

    def __init__(
        self,
        children: Sequence[ChildCommand],
        max_wait_s: float = 30.0,
        on_given_up: Callable[[str, int, str], None] = lambda *_: None,
    ) -> None:
        self._children = [_Child(spec) for spec in children]
        self._max_wait_s = max_wait_s
        self._on_given_up = on_given_up
        self._selector = selectors.DefaultSelector()

    def run(self, stop: Event) -> dict[str, int]:
        """Return the exit code of each child that is done; those that `stop` ended have -15 or what they chose."""
        try:
            while not stop.is_set() and any(child.is_awaited for child in self._children):
                for child in self._children:
                    self._look_after(child)
                self._listen(TICK_S)
        finally:
            self._stop_all()
            self._selector.close()
        return {c.spec.name: c.exit_code for c in self._children if c.exit_code is not None}

    def process_ids(self) -> dict[str, int]:
        """Return the process id of every child that runs."""
        return {c.spec.name: c.process.pid for c in self._children if c.process is not None}

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.exit_code is not None:
            return
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            limit_s = child.spec.silence_timeout_s
            if limit_s is not None and child.beat_at is not None and now - child.beat_at > limit_s:
                log.error("%s is silent for %.0f s and is killed", child.spec.name, limit_s)
                child.process.kill()
            self._look_after_spare(child, now)
            return
        self._listen()
        self._forget(child)
        if code in child.spec.done_codes | child.spec.hopeless_codes:
            child.exit_code = code
            self._give_back(child)
            if code in child.spec.hopeless_codes:
                self._give_up(child, code)
            return
        # Of a child that never beats nobody knows when it was loaded.
        began_at = child.began_at or child.started_at + self._max_wait_s
        child.wait_s = next_wait_s(child.wait_s, now - began_at, self._max_wait_s)
        if child.spare is not None and child.wait_s <= QUICK_WAIT_S:
            child.wait_s = 0.0
        child.start_at = now + child.wait_s
        log.error("%s ended with %d, starting it again in %.1f s", child.spec.name, code, child.wait_s)
        if not child.wait_s:
            self._start(child)

    def _give_up(self, child: _Child, code: int) -> None:
        why = child.why.decode(errors="replace")
        log.error("%s ended with %d and is not started again: %s", child.spec.name, code, why or "it did not say why")
        self._on_given_up(child.spec.name, code, why)

    def _look_after_spare(self, child: _Child, now: float) -> None:
        if child.spare is None:
            # Not at once: what is loaded while the one at work catches up holds it up.
            has_worked = child.began_at is not None and now - child.began_at >= min(LEAST_WORK_S, self._max_wait_s)
            if child.spec.has_spare and has_worked and now >= child.spare_at:
                child.spare = self._started(child, is_spare=True)
        elif child.spare.process.poll() is not None:
            log.error("the spare of %s ended with %d", child.spec.name, child.spare.process.returncode)
            self._give_back(child)
            child.spare_at = now + self._max_wait_s

    def _start(self, child: _Child) -> None:
        if child.spare is not None and child.spare.process.poll() is not None:
            self._give_back(child)
        child.started, child.spare = child.spare or self._started(child), None
        child.started.begin()
        child.began_at, child.beat_at, child.why = None, None, b""
        child.started_at = time.monotonic()
        self._selector.register(child.started.heartbeats, selectors.EVENT_READ, child)

    def _started(self, child: _Child, *, is_spare: bool = False) -> Started:
        spec = child.spec
        return start(spec.command, spec.given, gives_way=spec.gives_way, is_spare=is_spare)

    def _give_back(self, child: _Child) -> None:
        """End a spare, where there is one."""
        if child.spare is not None:
            child.spare.process.kill()
            child.spare.process.wait()
            child.spare.close()
            child.spare = None

    def _listen(self, timeout_s: float = 0.0) -> None:
        """Take the children's beats, and wait for one for so long; the end of a child is heard, too."""
        for key, _ in self._selector.select(timeout_s):
            child: _Child = key.data
            if message := os.read(key.fd, 65536):
                child.beat_at = time.monotonic()
                child.began_at = child.began_at or child.beat_at
                child.why = message.partition(WHY)[2] or child.why
            else:
                self._selector.unregister(key.fd)
                if child.process is not None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.process.wait(END_S)

    def _forget(self, child: _Child) -> None:
        if child.started is not None:
            if child.started.heartbeats in self._selector.get_map():
                self._selector.unregister(child.started.heartbeats)
            child.started.close()
            child.started = None

    def _stop_all(self) -> None:
        for child in self._children:
            self._give_back(child)
        running = [child for child in self._children if child.process is not None]
        for child in running:
            if child.process is not None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in running:
            if child.process is None:
                continue
            try:
                child.exit_code = child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.exit_code = child.process.wait()
            self._forget(child)


def next_wait_s(last_wait_s: float, worked_s: float, most_s: float) -> float:
    """Return how long to wait before a child is started again that has ended after `worked_s` of work.

    One that worked for long, compared with what its last start cost, comes again at once; one that ends soon waits
    longer each time, up to `most_s`.
    """
    enough_s = max(WORKED_FOR_ITS_WAIT * last_wait_s, LEAST_WORK_S)
    if worked_s >= min(enough_s, most_s):
        return min(QUICK_WAIT_S, most_s)
    return min(max(2 * last_wait_s, FIRST_WAIT_S), most_s)
