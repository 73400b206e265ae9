"""Decoding a still road roughly: no loop filter, until something moves; then again from the group's beginning on."""

import av

from pipeline.video.ffmpeg import VideoStream
from pipeline.video.live_packets import Arrived
from pipeline.video.still_groups import StillGroups


class RoughWatch:
    """One connection each; `groups` holds the packets that were decoded roughly since one that stands by itself."""

    def __init__(self, stream: VideoStream, groups: StillGroups) -> None:
        self._stream = stream
        self._groups = groups
        self._is_on = self._is_over = False
        self._later: dict[int | None, av.VideoFrame] = {}
        """As they are: those that were decoded after the one that was exchanged."""

    @property
    def is_on(self) -> bool:
        return self._is_on

    def turn(self, *, is_on: bool) -> None:
        """Decode roughly from the next packet on, or no more; it must stand by itself."""
        self._is_on = is_on
        self._later = {}
        self._stream.begin_anew(roughly=is_on)

    def begin(self, first: Arrived) -> None:
        self._is_over = False
        self._groups.keep(first)

    def finish(self) -> list[av.VideoFrame]:
        """Return the frames of the group that the decoder still holds; the next one begins."""
        self._is_over = True
        return self._stream.finish()

    def see_as_it_is(self) -> float:
        """Decode what is kept again, as it is, the frame that was taken last among it; return when its end came."""
        kept, rough = self._groups.released(), self._stream.frame
        self.turn(is_on=False)
        is_past = False
        for each in kept:
            is_past = self._exchange(rough, self._stream.decoded(each.packet), is_past=is_past)
        if self._is_over:
            self._exchange(rough, self._stream.finish(), is_past=is_past)
        return kept[-1].captured_s

    def as_it_is(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return one that was decoded together with the last rough one, as it is."""
        return self._later.pop(frame.pts, frame)

    def _exchange(self, rough: av.VideoFrame | None, whole: list[av.VideoFrame], *, is_past: bool) -> bool:
        """Keep what follows the rough one, and none of those before it; return whether it has come."""
        for each in whole:
            if is_past:
                self._later[each.pts] = each
            elif rough is not None and each.pts == rough.pts:
                self._stream.exchange(each)
                is_past = True
        return is_past
