"""What is freed goes back to the system: pictures are large, and a heap keeps two of them for later."""

import ctypes
import threading

M_MMAP_THRESHOLD = -3
"""Of malloc.h: what is larger is mapped by itself. Set, it no longer grows with what is freed (mallopt(3))."""
PICTURE_BYTES = 2**20
GIVEN_BACK_EVERY_S = 600.0
"""A heap of 70 MiB of which a third is free takes some milliseconds, and its owner new pages afterwards."""


def return_freed_memory() -> None:
    """From now on, in this process, give memory of a picture's size back as soon as it is freed.

    For processes that make a few pictures a second: the pages of each are new ones (1 ms at 1080p).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc's alone
        mallopt(M_MMAP_THRESHOLD, PICTURE_BYTES)


def give_back_freed_memory() -> None:
    """Give what this process has freed so far back to the system, what lies between things still in use included.

    For a process that computes for a second and then rests for minutes: reading one picture leaves 40 MiB in its heap.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc's alone
        trim(0)


def give_back_now_and_then(stop: threading.Event, every_s: float = GIVEN_BACK_EVERY_S) -> None:
    """Give back what was freed meanwhile, until `stop` is set: for a process that works on for weeks.

    What is freed between things in use stays with the process else, a little more with each larger moment.
    """
    while not stop.wait(every_s):
        give_back_freed_memory()
