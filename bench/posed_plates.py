"""Are plates read that fill the picture, lie steep, or hang in pairs? `python -m bench.posed_plates [--data DIR]`

Rendered plates (seeds never trained on) on dark fronts before streets, coded as JPEG, read as pictures of their own.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.false_plates import second_half
from bench.report import Report
from bench.scoring import canonical
from bench.small_plates import paint_plate
from bench.special_plates import parse
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.types import BgrImage
from training.plates.draw import random_spec, render_plate
from training.plates.foreign import render_foreign
from training.plates.glyphs import GlyphSet, load_glyphs

MIN_EXACT = 90.0
MIN_EXACT_STEEP = 85.0
"""Percent: the bars of the issue on reading."""
FILLED = (0.6, 0.7, 0.8, 0.9, 0.95)
"""Share of the picture's width."""
WIDTHS_PX = (240, 480, 960, 1600)
STEEP_HEIGHTS_PX = (24, 50)
PAIR_WIDTHS_PX = (90, 220)
STYLES = ("blue", "blue", "green", "yellow", "yellow_two_line")
STREET = (720, 1280)
"""Height and width of the pictures of steep plates and pairs."""
DISTANCE = 8.0
"""From the camera to the plate's middle, in widths of the plate."""

Quad = NDArray[np.float64]
Picture = tuple[BgrImage, str]


def main() -> None:
    options = parse(__doc__ or "", None, 100)
    reader = PlateReader.from_models(shipped_models(options.models))
    glyphs = load_glyphs(options.data / "glyphs")
    scenes = Scenes(options.data / "videos" / "udacity_test.mp4", glyphs)
    kinds: dict[str, tuple[Callable[[], Picture], float]] = {
        f"fills {share:.0%} of the width": (partial(scenes.filled, share), MIN_EXACT) for share in FILLED
    }
    kinds["60° yaw"] = (partial(scenes.steep, yaw=60, roll=0), MIN_EXACT_STEEP)
    kinds["30° roll"] = (partial(scenes.steep, yaw=0, roll=30), MIN_EXACT_STEEP)
    kinds["below or above a Hong Kong or Macao plate"] = (scenes.pair, MIN_EXACT)
    report = Report("Rendered plates that fill the picture, lie steep or hang in pairs")
    for name, (draw, least) in kinds.items():
        exact, sure_wrong = _score(reader, (draw() for _ in range(options.count)))
        report.add_row(
            "exact, %", kind=name, plates=options.count, exact=100 * exact / options.count, sure_and_wrong=sure_wrong
        )
        report.add_bar(f"{name}: exact, %", 100 * exact / options.count, least, "at least")
    report.finish(options)


def _score(reader: PlateReader, pictures: Iterator[Picture]) -> tuple[int, int]:
    """Return how many plates are read exactly, and in how many pictures a wrong text is read with 0.9 and more."""
    exact = wrong = 0
    for picture, text in pictures:
        reads = reader.read(picture)
        exact += any(canonical(read.text) == canonical(text) for read in reads)
        wrong += any(read.confidence >= 0.9 and canonical(read.text) != canonical(text) for read in reads)
    return exact, wrong


class Scenes:
    """Draws pictures, each with the text of its mainland plate."""

    def __init__(self, clip: Path, glyphs: GlyphSet) -> None:
        self._streets = [frame for _, frame in second_half(clip)]
        self._glyphs = glyphs
        self._rng = np.random.default_rng(67)

    def filled(self, share: float) -> Picture:
        width = int(self._rng.choice(WIDTHS_PX))
        text, plate = self._plate()
        plate_px = share * width
        height = round(plate_px * plate.shape[0] / plate.shape[1] * self._rng.uniform(1.1, 2.5))
        roll = self._rng.normal(0, 2)
        quad = _seen(plate, plate_px, self._rng.normal(0, 8), roll)
        # A margin all round: corners that a tilt has put outside are painted, too, and cut off by the picture's edge.
        margin = width // 2
        canvas = self._street((height + 2 * margin, width + 2 * margin))
        canvas[margin // 2 : -margin // 2] = int(self._rng.integers(30, 120))
        paint_plate(canvas, plate, quad + np.array([margin + width / 2, margin + height / 2]), self._rng)
        return _coded(canvas[margin : margin + height, margin : margin + width]), text

    def steep(self, yaw: float, roll: float) -> Picture:
        text, plate = self._plate()
        width_px = self._rng.uniform(*STEEP_HEIGHTS_PX) * plate.shape[1] / plate.shape[0]
        sides = self._rng.choice((-1, 1), 2)
        picture, middle = self._vehicle(width_px)
        paint_plate(picture, plate, _seen(plate, width_px, yaw * sides[0], roll * sides[1]) + middle, self._rng)
        return _coded(picture), text

    def pair(self) -> Picture:
        text, plate = self._plate("black", "港澳")
        other = render_foreign(self._rng, str(self._rng.choice(("Hong Kong", "Macao"))))
        width_px = self._rng.uniform(*PAIR_WIDTHS_PX)
        picture, middle = self._vehicle(width_px)
        heights = [width_px * each.shape[0] / each.shape[1] for each in (plate, other)]
        side = float(self._rng.choice((-1, 1)))
        paint_plate(picture, plate, _seen(plate, width_px, 0, 0) + middle, self._rng)
        beside = middle + np.array([0, side * (sum(heights) / 2 + 0.06 * width_px)])
        paint_plate(picture, other, _seen(other, width_px, 0, 0) + beside, self._rng)
        return _coded(picture), text

    def _plate(self, style: str = "", mark: str = "") -> tuple[str, BgrImage]:
        spec = random_spec(self._rng, style or STYLES[int(self._rng.integers(len(STYLES)))], mark)
        return spec.text, render_plate(spec, self._glyphs, self._rng)

    def _vehicle(self, width_px: float) -> tuple[BgrImage, Quad]:
        """Return a street with a vehicle's dark front, and where its plate of `width_px` is."""
        picture = self._street(STREET)
        middle = np.array([self._rng.uniform(0.35, 0.65) * STREET[1], self._rng.uniform(0.45, 0.7) * STREET[0]])
        grey = int(self._rng.integers(30, 120))
        left, right = (round(middle[0] + side * 1.9 * width_px) for side in (-1, 1))
        top, bottom = round(middle[1] - 1.2 * width_px), round(middle[1] + 0.6 * width_px)
        cv2.rectangle(picture, (left, top), (right, bottom), (grey, grey, grey), -1)
        return picture, middle

    def _street(self, size: tuple[int, int]) -> BgrImage:
        street = self._streets[int(self._rng.integers(len(self._streets)))]
        return np.asarray(cv2.resize(street, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _seen(plate: BgrImage, width_px: float, yaw: float, roll: float) -> Quad:
    """Return the corners of a plate turned by degrees about its upright axis, then in the picture, around 0, 0."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (0.5, 0.5 * plate.shape[0] / plate.shape[1])
    turn, tilt = np.radians(yaw), np.radians(roll)
    depth = DISTANCE + half[:, :1] * np.sin(turn)
    flat = half * (np.cos(turn), 1) * DISTANCE / depth
    quad = flat @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return np.asarray(quad * width_px, np.float64)


def _coded(picture: BgrImage) -> BgrImage:
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


if __name__ == "__main__":
    main()
