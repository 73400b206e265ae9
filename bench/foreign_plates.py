"""Are foreign plates taken for Chinese ones? `python -m bench.foreign_plates [--data DIR]`

Drawn plates of many places, Hong Kong and Macao among them, 70 to 220 pixels wide on places of real photos: which of
them give a Chinese text with a confidence of 0.5 or more.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.development_sets import DEFAULT_FOLDER
from bench.false_plates import second_half
from bench.report import Report, bench_options, require_data
from bench.small_plates import SIZE
from ocr.models_folder import MODELS_FOLDER, shipped_models
from ocr.reader import PlateReader
from ocr.types import BgrImage
from training.plates.foreign import FOREIGN_FORMS, render_foreign

SHOWN_CONFIDENCE = 0.5
MOST_PERCENT = 2.0
"""The bar of the issue on reading."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="development data (default %(default)s)")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="model folder (default: the shipped one)")
    parser.add_argument("--count", type=int, default=14, help="plates of each place (default %(default)s)")
    options = parser.parse_args(arguments)
    require_data(parser, options.data)
    cv2.setNumThreads(1)
    reader = PlateReader.from_models(shipped_models(options.models))
    streets = [
        np.asarray(cv2.resize(frame, SIZE), np.uint8)
        for _, frame in second_half(options.data / "videos" / "udacity_test.mp4")
    ]
    rng = np.random.default_rng(77)
    report = Report("Foreign plates that give a Chinese text of 0.5 and more")
    taken = 0
    for place in FOREIGN_FORMS:
        pictures = [_picture(render_foreign(rng, place), streets, rng) for _ in range(options.count)]
        sure = sum(any(read.confidence >= SHOWN_CONFIDENCE for read in reader.read(each)) for each in pictures)
        report.add_row("by place", place=place, plates=options.count, chinese=sure)
        taken += sure
    share = 100 * taken / (options.count * len(FOREIGN_FORMS))
    report.add_bar("Chinese text of 0.5 and more, %", share, MOST_PERCENT, "at most")
    report.finish(options)


def _picture(plate: BgrImage, streets: Sequence[BgrImage], rng: np.random.Generator) -> BgrImage:
    """Put a plate into the middle of a part of a street, two plates wide."""
    width = int(rng.integers(70, 220))
    height = max(8, round(plate.shape[0] * width / plate.shape[1]))
    street = streets[int(rng.integers(len(streets)))]
    x, y = int(rng.integers(0, SIZE[0] - 2 * width)), int(rng.integers(300, SIZE[1] - 3 * height))
    part: BgrImage = street[y : y + 3 * height, x : x + 2 * width].copy()
    small = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    part[height : 2 * height, width // 2 : width // 2 + width] = small
    return np.asarray(cv2.GaussianBlur(part, (0, 0), float(rng.uniform(0.4, 1.2))), np.uint8)


if __name__ == "__main__":
    main()
