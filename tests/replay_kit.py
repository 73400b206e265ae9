"""Footage of coloured blocks that drive by, and a reader that takes colours for plates."""

from collections.abc import Iterator

import cv2
import numpy as np

from ocr.types import BgrImage, PlateRead
from pipeline.replay.worker import ReplayParts
from pipeline.settings import PipelineSettings
from tests.pipeline_kit import ID_KEY, NOON, KeptEvents, ListedPlates, box_at, nursery
from tests.plates import make_read

BLUE, YELLOW = (200, 60, 20), (20, 190, 240)
PLATE_OF_COLOR = {BLUE: "京A12345", YELLOW: "沪B67890"}


def near(image: BgrImage, color: tuple[int, int, int]) -> BgrImage:
    """Return a mask of the pixels that differ by less than 60 from the colour in each channel."""
    return np.asarray(cv2.inRange(image, np.array(color) - 59, np.array(color) + 59), np.uint8)


class ColorReader:
    """Reads a coloured block as the plate of that colour: a real function of the picture."""

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        reads = []
        for color, text in PLATE_OF_COLOR.items():
            rows, columns = np.nonzero(near(image, color))
            if rows.size > 200:
                box = box_at(float(columns.min()), float(rows.min()), float(columns.max() - columns.min() + 1))
                reads.append(make_read(text, box))
        return reads


def build_parts(*listed: str, outbox: KeptEvents | None = None) -> ReplayParts:
    return ReplayParts(
        reader=ColorReader(),
        match=ListedPlates(*listed),
        list_at=NOON,
        settings=PipelineSettings(),
        id_key=ID_KEY,
        models={"recogniser": "0" * 64},
        checkpoint="回放",
        outbox=outbox,
        evidence_folder=None,
        nursery=nursery(),
    )


def street_with(color: tuple[int, int, int], frames: int = 60, first: int = 15, last: int = 40) -> Iterator[BgrImage]:
    """Yield a street on which one coloured block drives by between two frames."""
    for index in range(frames):
        picture = np.full((240, 320, 3), 90, np.uint8)
        if first <= index < last:
            x = 10 + 8 * (index - first)
            picture[100:130, x : x + 80] = color
        yield picture
