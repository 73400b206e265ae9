"""What a camera usually shows where, learnt slowly, and whether a large part of it has gone although it is light.

Night, fog and snow come over minutes and are learnt on the way. What hides one part between two samples, and leaves
the rest as it was, is in front of the lens.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
KNOWN_AFTER = 300
"""Samples: ten minutes, in which a queue moves on and shows the road under it."""
FALLS_IN, RISES_IN = 30, 1800
"""Samples in which what is remembered of a block follows what is seen: down in a minute, up in an hour. So only what
is nearly always there counts, and a queue that dissolves leaves a road that was seen between its vehicles."""
DETAIL = 12.0
"""Grey levels of the steepest step in a block, above the noise, that are worth remembering."""
MIN_BLOCKS = 120
GONE, DIMMED = 0.25, 0.6
"""Shares of what is remembered: below the first it is gone, from the second on it is as it was."""
AROUND, SOLID = 6, 0.85
"""In a square of a sixth of the rows nearly all must have gone: what a cloud takes of the shadows lies here and
there."""
GONE_SHARE, STILL_SHARE = 0.25, 0.1
"""Of all that is remembered. Of half a picture, its lower one included, covers took 0.25 to 0.5."""
KEPT_SHARE, DIMMED_SHARE, AS_IT_WAS = 0.015, 0.3, 0.8
"""What is left: at least so much, few of it dimmed, and half of it nearly as it was. In a bank of fog most is dimmed or
the median 0.78; covers left 0.83 and more."""
ALIKE = 0.7
"""Correlation of the levels of what is left with what they were: a camera that was panned shows other things there."""
DARK_LEVEL, CLIPPED_LEVEL = 40.0, 225.0
AT_ONCE, LONGEST = 10, 60
"""Samples in which it must have become clear; after a minute in a bank of fog what it dimmed counts as usual."""


class PictureMemory:
    """One connection's memory. What is in front of the lens when it begins is never told."""

    def __init__(self) -> None:
        self._details: Map | None = None
        self._levels: Map | None = None
        self._learnt = 0
        self._gone: Mask | None = None
        """What has been gone ever since it went."""
        self._unclear = 0
        """For how many samples so much has been gone without looking like a cover; it wears off as fast."""

    def is_part_hidden(self, levels: Map, details: Map) -> bool:
        """Take a good picture's blocks, 0 where nobody looks; nothing is learnt while a part of it is hidden."""
        if self._details is None or self._levels is None or self._details.shape != details.shape:
            self._details, self._levels, self._learnt, self._gone = details.copy(), levels.copy(), 0, None
        unclear = self._unclear
        if self._learnt >= KNOWN_AFTER:
            self._gone = self._hidden(self._details, self._levels, levels, details)
        if self._gone is not None:
            return True
        if unclear < self._unclear <= AT_ONCE:
            # What fog has dimmed must not pass for usual yet.
            return False
        self._learnt += 1
        rises = np.float32(1 / min(self._learnt, RISES_IN))
        self._details += np.where(details < self._details, np.float32(1 / FALLS_IN), rises) * (details - self._details)
        self._levels += (levels - self._levels) / FALLS_IN
        return False

    def _hidden(self, usual: Map, usual_levels: Map, levels: Map, details: Map) -> Mask | None:
        known = usual >= DETAIL
        count = int(known.sum())
        if count < MIN_BLOCKS:
            return None
        share = np.asarray(details / np.maximum(usual, 1.0), np.float32)
        gone = known & (share < GONE)
        if self._gone is not None:
            # Night may have come since.
            still = self._gone & gone
            return still if still.sum() >= STILL_SHARE * count else None
        # What lies in the dark or in glare may be there all the same.
        solid = _solid(gone & (levels > DARK_LEVEL) & (levels < CLIPPED_LEVEL), known)
        if solid.sum() < GONE_SHARE * count:
            self._unclear = max(0, self._unclear - 1)
            return None
        kept = known & (share >= DIMMED)
        is_clear = kept.sum() >= max(2, KEPT_SHARE * count, (1.0 - DIMMED_SHARE) * (known & ~gone).sum())
        if is_clear and self._unclear <= AT_ONCE and _is_as_it_was(share[kept], levels[kept], usual_levels[kept]):
            return solid
        self._unclear = min(LONGEST, self._unclear + 1)
        return None


def _solid(gone: Mask, known: Mask) -> Mask:
    side, nearly = known.shape[0] // AROUND | 1, np.float32(SOLID)
    near = (side, side)
    return gone & (cv2.blur(gone.astype(np.float32), near) >= nearly * cv2.blur(known.astype(np.float32), near))


def _is_as_it_was(share: Map, levels: Map, usual: Map) -> bool:
    spread = float(levels.std() * usual.std())
    alike = float(((levels - levels.mean()) * (usual - usual.mean())).mean())
    return spread > 0.0 and alike >= ALIKE * spread and float(np.median(share)) >= AS_IT_WAS
