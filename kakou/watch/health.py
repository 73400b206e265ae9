"""Is it alive, is it ready? Said from the work that was done, never from a thread that exists."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.types import ScreeningCounts

STUCK_S = 60.0
"""A camera that is not known to be lost and brings no frame for so long is not screened."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong, in words; nothing where all is well."""

    dead: tuple[str, ...] = ()
    """The work itself stands still: a new start is the remedy."""
    unready: tuple[str, ...] = ()
    """Something it depends on is away: a new start is none."""

    @property
    def is_alive(self) -> bool:
        return not self.dead

    @property
    def is_ready(self) -> bool:
        return not self.dead and not self.unready


@dataclass(slots=True)
class Pulse:
    """Beats with every turn of some work; it may be asked from another thread."""

    name: str
    patience_s: float
    clock: Callable[[], float] = time.monotonic
    _beat_at: float = 0.0

    def __post_init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        self._beat_at = self.clock()

    def fault(self) -> str:
        """Return what stands still, "" while it beats."""
        silent_s = self.clock() - self._beat_at
        return f"{self.name}: {silent_s:.0f} s" if silent_s > self.patience_s else ""


@dataclass(slots=True)
class WalkHealth:
    """Looks at what the cameras' walks last counted."""

    counts: Callable[[], Mapping[str, ScreeningCounts]]
    cameras: tuple[str, ...]
    """Live ones: footage ends by itself."""
    clock: Callable[[], float] = time.monotonic
    _moved: dict[str, tuple[tuple[int, bool], float]] = field(default_factory=dict)

    def look(self) -> tuple[str, ...]:
        """Return the cameras whose walk stands still."""
        now, counts = self.clock(), self.counts()
        stuck = []
        for name in self.cameras:
            one = counts.get(name)
            # A camera that is lost, or sends what nobody can decode, is a notice; its walk waits as it should.
            is_away = one is not None and (one.damage is not None or one.quality == "undecodable")
            seen = (one.frames if one else 0, is_away)
            before, since = self._moved.get(name, (None, now))
            if seen != before:
                self._moved[name] = (seen, now)
            elif not is_away and now - since > STUCK_S:
                stuck.append(f"{name}: {now - since:.0f} s")
        return tuple(stuck)
