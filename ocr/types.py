"""What a picture holds and what was read from it."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BgrImage: TypeAlias = NDArray[np.uint8]
"""An OpenCV image: shape (height, width, 3), channel order blue, green, red."""

Corners: TypeAlias = NDArray[np.float32]
"""Shape (4, 2), x and y in pixels: top-left, top-right, bottom-right, bottom-left of the plate as it is read."""

Probabilities: TypeAlias = NDArray[np.float32]
"""Each row sums to 1."""


class OcrError(Exception):
    """A model or an image could not be used; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A file's picture."""

    image: BgrImage
    shrunk_by: int = 1
    """1 for the whole size; else 2, 4 or 8: so much smaller than the file's it is."""
    unseen: str | None = None
    """What of the file is not in it, for people; None where all is."""


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """An axis-aligned rectangle in pixels; x2 and y2 are exclusive."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def center(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def moved(self, x: float, y: float) -> "BoundingBox":
        return BoundingBox(self.x1 + x, self.y1 + y, self.x2 + x, self.y2 + y)

    def scaled(self, x: float, y: float) -> "BoundingBox":
        return BoundingBox(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)

    def iou(self, other: "BoundingBox") -> float:
        """Return intersection over union, 0.0 to 1.0."""
        shared = self._shared(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def covered(self, other: "BoundingBox") -> float:
        """Return which share of the smaller of the two the other one covers, 0.0 to 1.0."""
        smaller = min(self.area, other.area)
        return self._shared(other) / smaller if smaller > 0 else 0.0

    def _shared(self, other: "BoundingBox") -> float:
        overlap_x = max(0.0, min(self.x2, other.x2) - max(self.x1, other.x1))
        overlap_y = max(0.0, min(self.y2, other.y2) - max(self.y1, other.y1))
        return overlap_x * overlap_y

    def within(self, size: tuple[int, int]) -> "BoundingBox":
        """Return the part that lies in a picture of (height, width)."""
        height, width = size
        x1, x2 = (min(max(x, 0.0), float(width)) for x in (self.x1, self.x2))
        y1, y2 = (min(max(y, 0.0), float(height)) for y in (self.y1, self.y2))
        return BoundingBox(x1, y1, x2, y2)

    def as_list(self) -> list[float]:
        return [self.x1, self.y1, self.x2, self.y2]


@dataclass(frozen=True, slots=True)
class PlateDistribution:
    """All that the recogniser believes about one plate."""

    alphabet: str
    """One code point a class; the last one is the pad character."""
    char_probs: Probabilities
    """Shape (slots, len(alphabet)), calibrated; slots after the text say pad."""
    styles: tuple[str, ...]
    """Names of the plate styles (colour and layout), such as "blue" or "yellow_two_line"."""
    style_probs: Probabilities
    """Shape (len(styles),)."""


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One plate as read on one frame."""

    text: str
    """The most probable text that a plate of this style can carry; empty when none can be made out."""
    plate_class: str
    """Plate class code of GA/T 16.7, such as "02" (small car) or "52" (small new-energy car)."""
    box: BoundingBox
    corners: Corners
    distribution: PlateDistribution
    char_probs: tuple[float, ...]
    """Probability of each character of `text`, in order."""
    confidence: float
    """Probability of the weakest character of `text`, 0.0 to 1.0."""
    detection_score: float
    """The detector's score, 0.0 to 1.0."""
    sharpness: float
    """Variance of the Laplacian of the rectified crop: larger is sharper; comparable within one camera only."""


@dataclass(frozen=True, slots=True)
class PictureReads:
    """What was read on a picture, best detection first."""

    plates: tuple[PlateRead, ...]
    is_complete: bool
    """False where more looked like plates than there is time for."""
