"""What the sizes of a camera's packets tell of its pictures before anybody decodes them: whether something moves.

Nothing is taken for granted: a camera's sizes count for something once they have told of one movement after another
that its pictures showed, and not of one less.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

KEPT = 600
"""Of each kind: 24 s at 25 frames a second."""
LEAST = 75
"""Before anything is said."""
QUANTILE = 0.99
"""One packet in 25 may hold the next second of a running clock: that is usual; one in 100 is not."""
MARGIN, SLACK_BYTES = 1.15, 100.0
SUMMED = 6
"""So many packets in a row are looked at together, too: what moves makes all of them larger, a clock only one."""
BEFORE_MS, AFTER_MS = 700.0, 300.0
"""A movement was told of by a packet that came this long before it was seen, or this long after."""
FORGOTTEN_MS = 5000.0
"""Pictures that had waited show their movement after the packets that followed."""
STRONGLY = 1.5
"""By packets that were larger than a usual one may be by this factor: smaller vehicles must be told of, too."""
FIRST_NEEDED, MOST_NEEDED = 3, 48
"""Movements in a row that must have been told of; twice as many after each that was not."""


@dataclass
class _Usual:
    """How large packets of one kind are while nothing moves."""

    sizes: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    limit: float = float("inf")

    def learn(self, sizes: Iterable[int]) -> None:
        self.sizes.extend(sizes)
        if len(self.sizes) >= LEAST:
            self.limit = float(np.quantile(np.fromiter(self.sizes, np.float64), QUANTILE)) * MARGIN + SLACK_BYTES


class PacketSizes:
    """Holds each packet's size against those of groups in which nothing moved. One connection each."""

    def __init__(self) -> None:
        self._usual = {"reference": _Usual(), "disposable": _Usual(), "sum": _Usual()}
        self._group: dict[str, deque[int]] = {kind: deque(maxlen=KEPT) for kind in self._usual}
        self._last: deque[int] = deque(maxlen=SUMMED)

    @property
    def are_known(self) -> bool:
        return self._usual["sum"].limit < float("inf")

    def level(self, size: int, *, is_disposable: bool) -> float:
        """Take the next packet of a group, its first picture not counted; above 1 it is larger than usual."""
        self._last.append(size)
        seen = {"disposable" if is_disposable else "reference": size}
        if len(self._last) == SUMMED:
            seen["sum"] = sum(self._last)
        for kind, value in seen.items():
            self._group[kind].append(value)
        return max(value / self._usual[kind].limit for kind, value in seen.items())

    def end_group(self, *, was_still: bool) -> None:
        """Learn what a group had if nothing moved in it; the next one begins."""
        for kind, values in self._group.items():
            if was_still:
                self._usual[kind].learn(values)
            values.clear()
        self._last.clear()


class Foretelling:
    """Counts the movements that sizes told of. Offsets in ms, of frames or packets; one connection each."""

    def __init__(self) -> None:
        self._alarms: deque[float] = deque()
        self._moved_ms: float | None = None
        self._told = 0
        self._needed = FIRST_NEEDED

    @property
    def is_proven(self) -> bool:
        """Whether sizes told of every one of the last movements."""
        return self._told >= self._needed

    def packet(self, offset_ms: float, level: float) -> None:
        if level >= STRONGLY:
            self._alarms.append(offset_ms)
        if self._moved_ms is not None and offset_ms > self._moved_ms + AFTER_MS:
            self._judge(self._moved_ms)
            self._moved_ms = None
        while self._alarms and self._alarms[0] < offset_ms - FORGOTTEN_MS:
            self._alarms.popleft()

    def movement(self, offset_ms: float) -> None:
        """Note that pictures show the beginning of a movement."""
        self._moved_ms = offset_ms

    def _judge(self, moved_ms: float) -> None:
        if any(moved_ms - BEFORE_MS <= offset_ms <= moved_ms + AFTER_MS for offset_ms in self._alarms):
            self._told += 1
        else:
            self._told, self._needed = 0, min(2 * self._needed, MOST_NEEDED)
