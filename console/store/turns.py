"""Taking turns in the order of asking."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class TurnTimeoutError(Exception):
    """The turn did not come in time."""


class Turns:
    """One at a time, first come, first served, among the threads of this process.

    SQLite's own waiting is a poll that sleeps up to 100 ms between two tries: a person's step that polls beside a feed
    that writes without a pause finds the database taken again and again (thirteen turns of the feed, in a test).
    `threading.Lock` keeps no order either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextlib.contextmanager
    def turn(self, timeout_s: float) -> Iterator[None]:
        """Raises TurnTimeoutError."""
        self._take(timeout_s)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, timeout_s: float) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(timeout_s):
            return
        with self._lock:
            if not mine.is_set():
                self._waiting.remove(mine)
                raise TurnTimeoutError(f"no turn in {timeout_s:g} s")

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()  # still taken: by whom waited longest
            else:
                self._is_taken = False
