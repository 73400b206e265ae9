"""The loop of whoever moves things to a far end that may be away: it waits the outage out and goes on."""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    poll_s: float
    """Where there was nothing to move."""
    first_pause_s: float
    """After a first failure; doubled with each that follows..."""
    longest_pause_s: float
    """...up to this."""


def move_until(
    stop: threading.Event, step: Callable[[], int], outages: tuple[type[Exception], ...], patience: Patience, waits: str
) -> None:
    """Call `step`, which returns how many things it moved, until `stop` is set; `waits` says who waits, in the log."""
    pause_s = patience.first_pause_s
    while not stop.is_set():
        try:
            moved = step()
        except outages as error:
            log.warning("%s: %s", waits, error)
            # Jitter: fifty boxes that lost the same Redis must not come back in step.
            stop.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, patience.longest_pause_s)
            continue
        pause_s = patience.first_pause_s
        if not moved:
            stop.wait(patience.poll_s)
