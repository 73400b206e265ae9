"""Decoding a still road roughly: no loop filter, until something moves; then again from the group's beginning on."""

from pipeline.video.ffmpeg import VideoStream
from pipeline.video.still_groups import StillGroups


class RoughWatch:
    """One connection each; `groups` holds the packets that were decoded roughly since one that stands by itself."""

    def __init__(self, stream: VideoStream, groups: StillGroups) -> None:
        self._stream = stream
        self._groups = groups
        self._is_on = False

    @property
    def is_on(self) -> bool:
        return self._is_on

    def turn(self, *, is_on: bool) -> None:
        """Decode roughly from the next packet on, or no more; it must stand by itself."""
        self._is_on = is_on
        self._stream.begin_anew(roughly=is_on)

    def see_as_it_is(self) -> float:
        """Decode what is kept again, as it is, the frame that was taken last among it; return when its end came."""
        kept, rough = self._groups.released(), self._stream.frame
        self.turn(is_on=False)
        for each in kept:
            for frame in self._stream.decoded(each.packet):
                if rough is not None and frame.pts == rough.pts:
                    self._stream.exchange(frame)
        return kept[-1].captured_s
