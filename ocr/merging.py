"""What several looks at one picture read, put together."""

from collections.abc import Sequence

from ocr.types import PlateRead

SAME_PLATE_IOU = 0.3
READABLE = 0.5


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
