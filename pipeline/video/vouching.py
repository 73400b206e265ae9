"""What a live stream's decoder asks its sub-stream about the group whose packets it keeps, if it has a sub-stream."""

import time

from pipeline.sub_stream_state import SubStreamState
from pipeline.video.live_packets import LivePackets
from pipeline.video.sub_stream import Scene, SubStream


class Vouching:
    """One connection each. Moments are monotonic seconds."""

    def __init__(self, sub_stream: SubStream | None, arrivals: LivePackets) -> None:
        self._sub_stream = sub_stream
        self._arrivals = arrivals
        self._kept_since_s = 0.0
        self._waited_s = 0.0
        self.is_awaiting = False
        """Whether packets come that nobody takes, for nothing is known yet of those before them."""

    @property
    def state(self) -> SubStreamState | None:
        return None if self._sub_stream is None else self._sub_stream.state

    @property
    def reason(self) -> str | None:
        return None if self._sub_stream is None else self._sub_stream.reason

    def may_stand_in(self, main_scene: Scene | None, at_s: float) -> bool:
        """Return whether the main stream's pictures from this moment on may wait."""
        return self._sub_stream is not None and self._sub_stream.may_stand_in(main_scene, at_s)

    def begin(self, at_s: float) -> None:
        """Take note that packets are kept from this moment on."""
        self._kept_since_s = at_s

    def wakes(self) -> bool:
        """Return whether something has moved since packets are kept, or it cannot be known."""
        return self._sub_stream is None or self._sub_stream.wakes(self._kept_since_s)

    def is_still_until(self, at_s: float) -> bool:
        """Wait until the sub-stream has shown what moved before this moment; return whether nothing has."""
        if self._sub_stream is None:
            return False
        awaited_s = time.monotonic()
        self.is_awaiting = True
        is_still = self._sub_stream.is_still_until(at_s, self._kept_since_s)
        self.is_awaiting = False
        now_s = time.monotonic()
        self._waited_s = now_s - awaited_s
        self._arrivals.catch_up(now_s - at_s)
        return is_still

    def take_waited_s(self) -> float:
        """Return how long was waited since this was asked last."""
        waited_s, self._waited_s = self._waited_s, 0.0
        return waited_s

    def main_moved(self, at_s: float) -> None:
        """Take note that something begins to move in the main stream."""
        if self._sub_stream is not None:
            self._sub_stream.main_moved(at_s)
