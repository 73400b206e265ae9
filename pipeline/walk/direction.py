"""Which way a vehicle drives, from how its plate grows in the picture."""

from alerts.flagged import Direction
from ocr.types import BoundingBox

GROWN = 1.12
"""A plate that is so much wider at last has come nearer; widths of one place differ by a few hundredths."""


def direction_of(first: BoundingBox, last: BoundingBox) -> Direction | None:
    """Return which way a plate went between two looks; None where it stayed."""
    if last.width >= first.width * GROWN:
        return "approaching"
    return "leaving" if first.width >= last.width * GROWN else None
