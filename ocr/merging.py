"""What several looks at one picture read, put together."""

from collections.abc import Sequence

from ocr.types import PlateRead

SAME_PLATE_IOU = 0.3
READABLE = 0.5
GHOST_BELOW, GHOST_SURER, GHOST_COVERED = 0.3, 2.0, 0.6
"""What is read less surely, at a place where something that is read so many times as surely covers so much of the
smaller one, is no second plate: at dusk the detector takes a plate with what is around it for one more."""


def merged(reads: Sequence[PlateRead], further: Sequence[PlateRead], least_confidence: float) -> list[PlateRead]:
    """Add what a further look found at least this surely; where both see a plate, the surer read stays."""
    together = list(reads)
    for read in further:
        if read.confidence < least_confidence:
            continue
        same = [k for k, other in enumerate(together) if read.box.iou(other.box) > SAME_PLATE_IOU]
        if all(read.confidence > together[k].confidence for k in same):
            together = [other for k, other in enumerate(together) if k not in same] + [read]
    return together


def without_parts(reads: Sequence[PlateRead], large: Sequence[PlateRead]) -> list[PlateRead]:
    """Leave out what a `large` plate was read at: from farther back its ends are seen, which a nearer look cuts off."""
    readable = [read for read in large if read.confidence >= READABLE]
    return [read for read in reads if all(read.box.iou(one.box) <= SAME_PLATE_IOU for one in readable)]


def without_ghosts(reads: Sequence[PlateRead]) -> list[PlateRead]:
    """Leave out doubtful reads over plates that are read far more surely."""
    return [
        read
        for read in reads
        if read.confidence >= GHOST_BELOW
        or all(
            other.confidence < GHOST_SURER * read.confidence or read.box.covered(other.box) < GHOST_COVERED
            for other in reads
            if other is not read
        )
    ]
