"""When a live camera's pictures may wait undecoded, and when not any longer.

While nothing moves, of each group of pictures (one that stands by itself and those that follow it) only the first is
decoded and compared with the one before; the packets of the others are kept. As soon as one is larger than usual (with
a sub-stream: as soon as something moves there), or the first picture of the next group shows that something moved, all
that was kept is decoded: then every picture has been seen, a part of a group later than else. What is kept is given
up only for a next group that begins with the same still picture.

Where neither sizes nor a sub-stream tell, and nothing has moved for longer, every picture is decoded, but roughly; the
packets are kept, and decoded again as they are when something moves.
"""

from pipeline.video.live_packets import Arrived
from pipeline.video.packet_sizes import Foretelling, PacketSizes

STILL_FOR_MS = 3000.0
"""Nothing has moved for this long before packets are kept."""
SHORTEST_MS, LONGEST_MS = 500.0, 2200.0
"""From one picture that stands by itself to the next. In longer groups a vehicle would be seen too late."""
LONGEST_VOUCHED_MS = 4400.0
"""The same where a sub-stream tells of a vehicle at once: half a second of decoding."""
WATCHED_AFTER_MS = 10_000.0
"""Decoding half a group again costs as much as four seconds of rough decoding save."""
MOST_WATCHED_AFTER_MS = 600_000.0
"""The wait is twice as long after each time that rough pictures showed what was not there."""
LATE_MS = 300.0
"""A group that goes on for so much longer than it may is decoded."""
MOST_BYTES = 8 * 1024 * 1024
FIRST_AFTER_MS = 1500.0
"""What moves after so long a rest is a movement of its own."""


class StillGroups:
    """One connection each. Offsets in ms, as the motion gate has them."""

    def __init__(self) -> None:
        self._sizes = PacketSizes()
        self._foretelling = Foretelling()
        self._kept: list[Arrived] = []
        self._kept_bytes = 0
        self._began_ms = float("-inf")
        self._lasted_ms = 0.0
        self._is_vouched = False
        self._longest_ms = LONGEST_MS
        self._watched_after_ms = WATCHED_AFTER_MS

    @property
    def waiting(self) -> int:
        """How many packets have not been decoded so far."""
        return max(0, len(self._kept) - 1)

    @property
    def is_keeping(self) -> bool:
        return bool(self._kept)

    @property
    def lasted_ms(self) -> float:
        """How long the last group was."""
        return self._lasted_ms

    def begins(self, offset_ms: float, moved_ms: float) -> None:
        """Take note of a picture that stands by itself; `moved_ms`: when something moved last."""
        self._sizes.end_group(was_still=moved_ms < self._began_ms - FIRST_AFTER_MS)
        self._lasted_ms, self._began_ms = offset_ms - self._began_ms, offset_ms

    def may_keep(self, moved_ms: float, *, is_vouched: bool) -> bool:
        """Return whether the group that has just begun may wait; `is_vouched`: a sub-stream tells of what moves."""
        is_told = is_vouched or (self._sizes.are_known and self._foretelling.is_proven)
        self._is_vouched = is_vouched
        self._longest_ms = LONGEST_VOUCHED_MS if is_vouched else LONGEST_MS
        return is_told and self._is_steady and self._began_ms - moved_ms > STILL_FOR_MS

    def may_watch(self, moved_ms: float) -> bool:
        """Return whether the group that has just begun may be decoded roughly, and its packets kept."""
        self._is_vouched = False
        self._longest_ms = LONGEST_VOUCHED_MS
        return self._is_steady and self._began_ms - moved_ms > self._watched_after_ms

    def was_misled(self, *, is_misled: bool) -> None:
        """Take note whether what rough pictures showed to move was not there when they were decoded as they are."""
        longer_ms = min(2 * self._watched_after_ms, MOST_WATCHED_AFTER_MS)
        self._watched_after_ms = longer_ms if is_misled else WATCHED_AFTER_MS

    @property
    def _is_steady(self) -> bool:
        return SHORTEST_MS <= self._lasted_ms <= self._longest_ms

    @property
    def is_vouched(self) -> bool:
        """Whether a sub-stream tells of what moves in the group that is kept."""
        return self._is_vouched

    def is_unusual(self, arrived: Arrived, offset_ms: float) -> bool:
        """Take note of a packet that does not stand by itself; return whether it is larger than while nothing moves."""
        level = self._sizes.level(arrived.packet.size, is_disposable=arrived.is_disposable)
        self._foretelling.packet(offset_ms, level)
        return level > 1.0

    def moved(self, offset_ms: float, moved_before_ms: float) -> None:
        """Take note that a picture shows movement."""
        if float("-inf") < moved_before_ms < offset_ms - FIRST_AFTER_MS and self._sizes.are_known:
            self._foretelling.movement(offset_ms)

    def keep(self, arrived: Arrived) -> None:
        self._kept.append(arrived)
        self._kept_bytes += arrived.packet.size

    def is_full(self, offset_ms: float) -> bool:
        return self._kept_bytes > MOST_BYTES or offset_ms > self._began_ms + self._longest_ms + LATE_MS

    def released(self) -> list[Arrived]:
        """Return what was kept, its first picture too, and keep nothing more."""
        kept, self._kept, self._kept_bytes = self._kept, [], 0
        return kept
