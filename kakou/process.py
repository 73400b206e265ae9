"""What every long-running process of ours does: end in order when asked, and never outlive its parent."""

import logging
import os
import signal
import sys
import threading

from pipeline import parent_death

BEHIND_READERS = 5
"""Priority (nice value) of the list's upkeep."""


def stop_on_signals() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; a second signal ends the process at once."""
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop


def die_with_parent(parent_id: int) -> None:
    """Ask Linux for SIGTERM when the parent ends, whatever ends it; exit at once if it has ended already."""
    parent_death.die_with_parent(signal.SIGTERM)
    if sys.platform == "linux" and os.getppid() != parent_id:
        raise SystemExit(0)


def give_way() -> None:
    """Put this thread behind those that serve readers: while a large list is rebuilt, lookups must not wait for a core.

    Child processes started later inherit it; start servers first.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(BEHIND_READERS, os.getpriority(os.PRIO_PROCESS, thread)))


def log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "fast_plate_ocr"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
