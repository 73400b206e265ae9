"""Everything that may befall the processes of a history."""

import math
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import redis

from bench.history_rig import ON_A_CLOCK, PARTS, HistoryRig
from kakou.exit_codes import ExitCode
from kakou.installing.services import RESTART_AFTER_S

JUMPS_S = (-8 * 3600, -60, 3600, 86_400, 20 * 86_400, -30 * 86_400)
FAULTS = ("kill", "partition", "clock", "full disk", "flush", "replica alone", "replica empty")
WEIGHTS = (8, 3, 3, 2, 1, 1, 1)
NEEDS = {"serve": ("redis",), "deliverer": ("redis",), "console": ("redis",), "box": ("replica", "disk")}
"""What a service cannot start without: while it is away, the service ends with `ExitCode.UNAVAILABLE`."""
RESTARTED = "restarted by its unit"
ENDS_WITHIN_S = 20.0
"""A start on a full machine takes so long until it has found out."""


class Faults:
    """Each lasts for a while, so that they meet; what is under one already is left alone. For one thread: the
    processes that it starts die with it."""

    def __init__(self, rig: HistoryRig, dice: random.Random, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._rig = rig
        self._dice = dice
        self._ends: dict[str, tuple[float, Callable[[], None]]] = {}
        self._ended_s: dict[str, float] = {}
        self.count: Counter[str] = Counter()
        self.disturbed_s: list[float] = [self._now()]

    def strike(self) -> str:
        """Begin a fault; return what, in words."""
        kind = self._dice.choices(FAULTS, WEIGHTS)[0]
        lasts_s = self._dice.uniform(1, 8)
        part = self._dice.choice(PARTS)
        jump_s = self._dice.choice(JUMPS_S)
        works: dict[str, tuple[str, Callable[[], None], Callable[[], None]]] = {
            "kill": (part, lambda: self._kill(part), lambda: self._start(part)),
            "partition": ("line", self._rig.proxy.cut, self._rig.proxy.mend),
            "full disk": ("disk", self._rig.fill_disk, self._rig.free_disk),
            "flush": ("list", self._flush, lambda: None),
            "replica alone": ("replica", self._leave_centre, self._follow_centre),
            "replica empty": ("replica", self._lose_replica, lambda: self._start("replica")),
        }
        if kind == "clock":
            part = self._dice.choice(ON_A_CLOCK)
            works[kind] = (f"clock-{part}", lambda: self._jump(part, jump_s), lambda: self._jump(part, 0))
        if kind == "full disk" and not self._rig.has_small_disk:
            return "no disk to fill: mounting needs root"
        what, begin, end = works[kind]
        if what in self._ends:
            return f"{kind}: {what} has enough to bear"
        self.count[kind] += 1
        begin()
        self.hold(what, lasts_s, end)
        return f"{kind} of {what}" + (f" by {jump_s} s" if kind == "clock" else "") + f" for {lasts_s:.1f} s"

    def hold(self, what: str, lasts_s: float, end: Callable[[], None]) -> None:
        """Let something be at fault for a while."""
        self._ends[what] = (self._now() + lasts_s, end)

    def end_due(self) -> None:
        """End what has lasted long enough."""
        for what, (ends_at, end) in list(self._ends.items()):
            if self._now() >= ends_at:
                end()
                del self._ends[what]
                self._ended_s[what] = self._now()

    def heal(self) -> list[str]:
        """Wait for every fault's end; return what ended by itself meanwhile."""
        problems: list[str] = []
        while self._ends:
            threading.Event().wait(0.2)
            self.end_due()
            problems += self.unexpected_ends()
        return problems

    def unexpected_ends(self) -> list[str]:
        """Return which parts ended without being killed, in words; they are started again, as systemd does.

        A service that ends because what it needs is away is no such: its unit starts it again, too.
        """
        problems = []
        for part, code in self._rig.died():
            if code == ExitCode.UNAVAILABLE and any(self.is_away(what) for what in NEEDS.get(part, ())):
                self.count[RESTARTED] += 1
            else:
                problems.append(f"{part} ended by itself with exit code {code}")
            if part == "box":
                self.disturbed_s.append(self._now())
            self.hold(part, RESTART_AFTER_S, partial(self._start, part))
        return problems

    def is_away(self, what: str) -> bool:
        """Return whether something is under a fault, or was until a moment ago."""
        return what in self._ends or self._now() - self._ended_s.get(what, -math.inf) < ENDS_WITHIN_S

    def _kill(self, part: str) -> None:
        if part == "box":
            self.disturbed_s.append(self._now())
        self._rig.kill(part)

    def _start(self, part: str) -> None:
        if part == "box":
            self.disturbed_s.append(self._now())
        self._rig.start(part)

    def _jump(self, part: str, offset_s: float) -> None:
        if part == "box":
            self.disturbed_s.append(self._now())
        self._rig.set_clock(part, offset_s)

    def _flush(self) -> None:
        with suppress(redis.RedisError), self._rig.client() as client:
            client.flushall()

    def _leave_centre(self) -> None:
        self._rig.on_replica(lambda client: client.replicaof("NO", "ONE"))

    def _follow_centre(self) -> None:
        self._rig.on_replica(lambda client: client.replicaof("127.0.0.1", str(self._rig.proxy.port)))

    def _lose_replica(self) -> None:
        self._rig.kill("replica")
        shutil.rmtree(self._rig.folder / "replica")
        (self._rig.folder / "replica").mkdir(mode=0o700)
