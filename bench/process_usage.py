"""What processes use, by what the kernel says of them."""

import contextlib
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used so far."""

    cpu_s: float
    rss_kib: int
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
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError):
                parents.setdefault(int(stat_fields(int(entry.name))[1]), []).append(int(entry.name))
    found: dict[int, tuple[str, Usage]] = {}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError, ValueError):
            found[one] = (_module_of(one), usage_of(one))
        waiting += parents.get(one, [])
    return found


def stat_fields(pid: int) -> list[str]:
    """Return /proc/PID/stat from its third field on (proc(5)); the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def usage_of(pid: int) -> Usage:
    fields = stat_fields(pid)
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    rss_kib = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return Usage(cpu_s, rss_kib, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def _module_of(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return next((after for word, after in pairwise(words) if word == "-m"), words[0])
