"""What processes use, by what the kernel says of them."""

import contextlib
from dataclasses import dataclass
from itertools import pairwise

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used so far."""

    cpu_s: float
    rss_kib: int
    file_kib: int
    """The part of `rss_kib` that is pages of files (libraries, models) and shared memory: read, not allocated."""
    descriptors: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What a box's processes used at one moment."""

    at_s: float
    processes: dict[int, tuple[str, Usage]]
    """By process id: what it runs, and what it has used."""

    @property
    def rss_kib(self) -> int:
        return sum(usage.rss_kib for _, usage in self.processes.values())

    @property
    def descriptors(self) -> int:
        return sum(usage.descriptors for _, usage in self.processes.values())


def processes_below(pid: int) -> dict[int, tuple[str, Usage]]:
    """Return a process and all its descendants."""
    found: dict[int, tuple[str, Usage]] = {}
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for one in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                found[one.pid] = (_module_of(one), usage_of(one))
    return found


def usage_of(process: psutil.Process) -> Usage:
    """Raises psutil.Error when it has gone."""
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        return Usage(times.user + times.system, memory.rss // 1024, memory.shared // 1024, process.num_fds())


def _module_of(process: psutil.Process) -> str:
    words = process.cmdline()
    return next((after for word, after in pairwise(words) if word == "-m"), words[0] if words else "")
