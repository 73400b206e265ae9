"""What a live source sent and nobody has decoded yet: taken off the line at once, so that its age is known."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.video.disposable import begins_group, is_disposable
from pipeline.video.ffmpeg import VideoPacket, VideoStream
from pipeline.video.live_clock import LiveClock

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""A minute of 4 Mb/s; more is given up up to the next picture that stands by itself."""
SKIP_AFTER_S = 0.5
"""A packet that is later than the line made it by this much is passed over undecoded where nothing refers to it..."""
JUMP_AFTER_S = 1.5
"""...and by this much, everything up to the newest picture that stands by itself."""
CATCH_UP_PACE = 1.0
"""Seconds that a second works off of what moved while it was kept undecoded: who is slower cannot keep up anyway."""
NTP_EPOCH_S = 2_208_988_800
"""From 1900, where RTCP counts from (RFC 3550, 4), to 1970."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet, and when it was taken and came (monotonic seconds)."""

    packet: VideoPacket
    captured_s: float
    arrived_s: float
    is_disposable: bool
    """No other packet refers to it."""
    begins_group: bool = False
    """Nothing from here on refers to what came before."""


class LivePackets:
    """Reads a stream in a thread of its own; one consumer takes what arrived, in order."""

    def __init__(self, stream: VideoStream, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now_s = now_s
        self._clock = LiveClock()
        self._changed = threading.Condition()
        self._waiting: deque[Arrived] = deque()
        self._waiting_bytes = 0
        self._awaits_key = False
        self._has_ended = False
        self._behind_s = self._behind_at_s = 0.0
        self.undecoded = 0
        """Packets that were passed over because they were too late."""
        self.clock_offset_s: float | None = None
        """Camera's clock minus ours, as its last RTCP sender report has it; good to the line's delay."""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def lateness_s(self) -> float:
        """How late frames are for a reason: the length of the line's bursts, and what moved while it was kept."""
        behind_s = self._behind_s - CATCH_UP_PACE * (self._now_s() - self._behind_at_s)
        return self._clock.lateness_s + max(0.0, behind_s)

    @property
    def count(self) -> int:
        """How many packets nobody has taken yet."""
        return len(self._waiting)

    def catch_up(self, behind_s: float) -> None:
        """Have patience with frames that are late by so much, and with less from moment to moment."""
        self._behind_s, self._behind_at_s = behind_s, self._now_s()

    def in_order(self) -> Iterator[Arrived]:
        """Yield every packet that is worth decoding, until the stream ends."""
        while (arrived := self._next()) is not None:
            late_s = self._now_s() - arrived.captured_s - self.lateness_s
            if late_s > JUMP_AFTER_S and (newest := self._newest_key()) is not None:
                yield newest
            elif late_s > SKIP_AFTER_S and arrived.is_disposable:
                self.undecoded += 1
            else:
                yield arrived

    def _read(self) -> None:
        for packet in self._stream.packets():
            if not packet.size:
                continue
            now_s = self._now_s()
            if packet.has_sidedata("rtcp_sr"):
                self._note_camera_clock(bytes(packet.get_sidedata("rtcp_sr")))
            captured_s = self._clock.captured_s(self._stream.presented_s(packet), now_s)
            codec, content = self._stream.codec, memoryview(packet)
            is_spare = is_disposable(codec, content)
            is_first = packet.is_keyframe and begins_group(codec, content)
            self._keep(Arrived(packet, captured_s, now_s, is_spare, is_first))
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def _keep(self, arrived: Arrived) -> None:
        with self._changed:
            if self._waiting_bytes > MAX_WAITING_BYTES:
                self._give_up(len(self._waiting))
                self._awaits_key = True
            if self._awaits_key and not arrived.packet.is_keyframe:
                self.undecoded += 1
                return
            self._awaits_key = False
            self._waiting.append(arrived)
            self._waiting_bytes += arrived.packet.size
            self._changed.notify()

    def _next(self) -> Arrived | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._has_ended)
            return self._take() if self._waiting else None

    def _newest_key(self) -> Arrived | None:
        """Pass over what comes before the newest picture that stands by itself; None where none waits."""
        with self._changed:
            keys = [place for place, each in enumerate(self._waiting) if each.packet.is_keyframe]
            if not keys:
                return None
            self.undecoded += 1
            self._give_up(keys[-1])
            return self._take()

    def _take(self) -> Arrived:
        arrived = self._waiting.popleft()
        self._waiting_bytes -= arrived.packet.size
        return arrived

    def _give_up(self, count: int) -> None:
        for _ in range(count):
            self._take()
        self.undecoded += count

    def _note_camera_clock(self, report: bytes) -> None:
        """Take over a sender report: FFmpeg's AVRTCPSenderReport, whose second field is the camera's time."""
        ntp = int.from_bytes(report[8:16], "little")
        if ntp >> 32:
            self.clock_offset_s = ntp / 2**32 - NTP_EPOCH_S - time.time()
