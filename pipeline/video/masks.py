"""Which parts of a camera's picture count: what is masked is neither looked at nor shown."""

from typing import TYPE_CHECKING, TypeAlias

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:  # the settings of every process are made of these polygons, and few processes have pictures
    import numpy as np
    from numpy.typing import NDArray

    from ocr.types import BgrImage

Polygon: TypeAlias = tuple[tuple[float, float], ...]
"""Corners as shares of the picture's width and height: (0, 0) is its upper left, (1, 1) its lower right."""
MIN_CORNERS = 3
GREY = (90, 90, 90)


class Regions(BaseModel):
    """What to leave out of one camera's picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mask: tuple[Polygon, ...] = ()
    roi: tuple[Polygon, ...] = ()
    """Where there is one, all outside is left out."""

    def hidden(self, height: int, width: int) -> "NDArray[np.bool_] | None":
        """Return which points are left out, shape (height, width); None where all of them count."""
        if not self.mask and not self.roi:
            return None
        import cv2
        import numpy as np

        hidden = np.full((height, width), bool(self.roi), np.uint8)
        for polygons, value in ((self.roi, 0), (self.mask, 1)):
            for polygon in polygons:
                corners = np.round(np.array(polygon) * (width - 1, height - 1)).astype(np.int32)
                cv2.fillPoly(hidden, [corners], value)
        return hidden.astype(np.bool_)

    def hide(self, picture: "BgrImage") -> None:
        """Paint over what is left out, in place."""
        hidden = self.hidden(*picture.shape[:2])
        if hidden is not None:
            picture[hidden] = GREY


def polygon_fault(polygon: Polygon) -> str | None:
    """Say what is wrong with a polygon, or None."""
    if len(polygon) < MIN_CORNERS:
        return f"多边形只有 {len(polygon)} 个点，至少要三个 ({len(polygon)} points; it needs three or more)"
    outside = next((corner for corner in polygon if not all(0.0 <= each <= 1.0 for each in corner)), None)
    if outside is not None:
        return f"{list(outside)} 在画面之外：写画面宽高的比例，0 到 1 (lies outside the picture)"
    return None
