"""Invented events, and waiting for what another thread or process does."""

import threading
import time
from collections.abc import Callable

from bench.fault_events import ID_KEY, INVENTED_PLATE, NOON, event, events

__all__ = ["ID_KEY", "INVENTED_PLATE", "NOON", "event", "events", "wait_until"]


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 10.0, what: str = "the condition") -> None:
    """Return as soon as `holds()`; fail when it does not within the deadline."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not hold within {timeout_s} s"
        pause.wait(0.01)
