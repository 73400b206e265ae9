"""Whether a camera's plates can be read, judged by its last vehicles: dirt, bad light or a lens that lost its focus
show there before they show in the picture as a whole."""

from collections import deque
from collections.abc import Iterator

from pipeline.types import PlateTrack, ScreeningCounts
from pipeline.walk.fusion import style_probability

LAST = 30
"""Vehicles: a quarter of an hour at a quiet checkpoint, and no lorry convoy or single bad plate."""
SURE_CHARACTER = 0.8
MAX_UNSURE = 1
"""Characters that may be unsure, the province among them, before a plate counts as hardly read."""
POOR_SHARE, GOOD_SHARE = 0.6, 0.4
"""Of LAST: above the first it is said, below the second no more."""
MAX_NOT_PLATE = 0.5


class ReadQuality:
    """Judges one camera; stands between its tracks and their decision."""

    def __init__(self, counts: ScreeningCounts) -> None:
        self._counts = counts
        self._hardly_read: deque[bool] = deque(maxlen=LAST)

    def judged(self, tracks: Iterator[PlateTrack]) -> Iterator[PlateTrack]:
        """Pass the tracks on, and keep `reads_poorly` of the counts up to date."""
        for track in tracks:
            if (
                track.is_final
                and not track.is_doubted
                and style_probability(track.distribution, "not_plate") <= MAX_NOT_PLATE
            ):
                self._note(track)
            yield track

    def _note(self, track: PlateTrack) -> None:
        sure = track.distribution.char_probs.max(axis=1) >= SURE_CHARACTER
        self._hardly_read.append(int((~sure).sum()) > MAX_UNSURE)
        share = sum(self._hardly_read) / LAST
        limit = GOOD_SHARE if self._counts.reads_poorly else POOR_SHARE
        self._counts.reads_poorly = len(self._hardly_read) == LAST and share > limit
