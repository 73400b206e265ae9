"""Keeps a box's processes alive: starts each, starts it again when it dies or falls silent, ends all together."""

import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

HEARTBEAT_VARIABLE = "KAKOU_HEARTBEAT_FD"
TICK_S = 0.2
STOP_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """A process to keep alive."""

    name: str
    command: Sequence[str]
    final_codes: frozenset[int] = frozenset({0})
    """A child that exits with one of these is done and not started again."""
    silence_timeout_s: float | None = 60.0
    """A child that beats (see `Heartbeat`) and then is silent for this long is killed; None never kills."""


@dataclass
class _Child:
    spec: ChildCommand
    process: subprocess.Popen[bytes] | None = None
    heartbeats: int = -1
    beat_at: float | None = None
    start_at: float = 0.0
    wait_s: float = 1.0
    started_at: float = 0.0
    exit_code: int | None = field(default=None)


class Heartbeat:
    """A child's side: `beat` whenever work went on. Without a supervisor it does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        number = environment.get(HEARTBEAT_VARIABLE, "")
        self._descriptor = int(number) if number.isdecimal() else None

    def beat(self) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, b".")
        except BlockingIOError:
            return
        except OSError:
            self._descriptor = None


class Supervisor:
    """Runs until every child is done or `stop` is set."""

    def __init__(self, children: Sequence[ChildCommand], max_wait_s: float = 30.0) -> None:
        self._children = [_Child(spec) for spec in children]
        self._max_wait_s = max_wait_s
        self._selector = selectors.DefaultSelector()

    def run(self, stop: Event) -> dict[str, int]:
        """Return the exit code of each child that is done; those that `stop` ended have -15 or what they chose."""
        try:
            while not stop.is_set() and any(child.exit_code is None for child in self._children):
                for child in self._children:
                    self._look_after(child)
                self._listen()
                stop.wait(TICK_S)
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
            return
        self._forget(child)
        if code in child.spec.final_codes:
            child.exit_code = code
            return
        # A child that ran for a while earns a quick restart; one that dies at once waits longer each time.
        child.wait_s = 1.0 if now - child.started_at > self._max_wait_s else min(2 * child.wait_s, self._max_wait_s)
        child.start_at = now + child.wait_s
        log.error("%s ended with %d, starting it again in %.0f s", child.spec.name, code, child.wait_s)

    def _start(self, child: _Child) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        child.process = subprocess.Popen(
            child.spec.command,
            pass_fds=(writing,),
            env={**os.environ, HEARTBEAT_VARIABLE: str(writing)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops its children in order.
        )
        os.close(writing)
        child.heartbeats, child.beat_at, child.started_at = reading, None, time.monotonic()
        self._selector.register(reading, selectors.EVENT_READ, child)

    def _listen(self) -> None:
        for key, _ in self._selector.select(timeout=0):
            child: _Child = key.data
            if os.read(child.heartbeats, 65536):
                child.beat_at = time.monotonic()
            else:
                self._selector.unregister(child.heartbeats)

    def _forget(self, child: _Child) -> None:
        if child.heartbeats in self._selector.get_map():
            self._selector.unregister(child.heartbeats)
        os.close(child.heartbeats)
        child.process, child.heartbeats = None, -1

    def _stop_all(self) -> None:
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
