"""The characters' shapes: plate glyphs after GA 36 from the development data folder, a font for the few it lacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage

InkMask: TypeAlias = NDArray[np.uint8]
"""Shape (height, width), 0 = paper, 255 = ink."""

SINGLE_LINE = "140"
TWO_LINE_TOP = "220_up"
TWO_LINE_BOTTOM = "220_down"
NEW_ENERGY = "green"
GLYPH_SIZES: Mapping[str, tuple[int, int]] = {
    SINGLE_LINE: (45, 90),
    TWO_LINE_TOP: (80, 60),
    TWO_LINE_BOTTOM: (65, 110),
    NEW_ENERGY: (43, 90),
}
"""Width and height of a character in millimetres (GA 36), by kind of plate."""
FONT_ONLY = "民航应急临试超"
"""Characters without a drawn glyph: OpenCV's own font (WenQuanYi Micro Hei, OpenCV >= 5) in bold stands in."""
_EMBLEM_CENTRE, _EMBLEM_RADIUS = (133, 70), 13


@dataclass(frozen=True, slots=True)
class GlyphSet:
    """All shapes needed to draw a plate."""

    masks: Mapping[tuple[str, str], InkMask]
    """(kind, character) -> ink at twice the size of GLYPH_SIZES."""
    emblem: BgrImage
    """The new-energy mark between slots 2 and 3, a square around a disc."""

    def mask(self, kind: str, character: str) -> InkMask:
        """Return the ink of a character, from the single-line alphabet where the kind has none of its own."""
        found = self.masks.get((kind, character))
        return found if found is not None else self.masks[(SINGLE_LINE, character)]


def load_glyphs(folder: Path) -> GlyphSet:
    """Read the glyphs below `folder` (its subfolders are font_model/ and plate_model/).

    Raises FileNotFoundError when there are none.
    """
    masks: dict[tuple[str, str], InkMask] = {}
    for path in sorted((folder / "font_model").glob("*.jpg")):
        kind, _, character = path.stem.rpartition("_")
        for each in _kinds_of(kind, character):
            masks[(each, character)] = _ink(_read(path), each)
    if not masks:
        raise FileNotFoundError(f"no glyphs in {folder / 'font_model'}; give the folder with --glyphs")
    for character in FONT_ONLY:
        masks[(SINGLE_LINE, character)] = _font_ink(character)
    for kind in (SINGLE_LINE, NEW_ENERGY, TWO_LINE_TOP, TWO_LINE_BOTTOM):
        masks.setdefault((kind, "O"), masks.get((kind, "0"), masks[(SINGLE_LINE, "0")]))
    x, y = _EMBLEM_CENTRE
    blank = cv2.cvtColor(_read(folder / "plate_model" / "green_140.PNG"), cv2.COLOR_BGRA2BGR)
    emblem = blank[y - _EMBLEM_RADIUS : y + _EMBLEM_RADIUS + 1, x - _EMBLEM_RADIUS : x + _EMBLEM_RADIUS + 1]
    return GlyphSet(masks, np.ascontiguousarray(emblem))


def _kinds_of(kind: str, character: str) -> tuple[str, ...]:
    """A name "220_x" serves the bottom line (digits, 挂) or the top line (provinces)."""
    if kind != "220":
        return (kind,)
    return (TWO_LINE_BOTTOM,) if character.isdigit() or character == "挂" else (TWO_LINE_TOP,)


def _read(path: Path) -> BgrImage:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(f"cannot read the glyph {path}")
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    return np.asarray(image, np.uint8)


def _ink(image: BgrImage, kind: str) -> InkMask:
    grey = cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY)
    return _fit(np.asarray(255 - grey, np.uint8), kind)


def _fit(ink: InkMask, kind: str) -> InkMask:
    width, height = GLYPH_SIZES[kind]
    return np.asarray(cv2.resize(ink, (2 * width, 2 * height), interpolation=cv2.INTER_AREA), np.uint8)


def _font_ink(character: str) -> InkMask:
    """Draw a character large and stretch its ink to the box of a single-line glyph."""
    return other_ink(character, "uni", 800)


@lru_cache(maxsize=512)
def other_ink(character: str, face: str, weight: int) -> InkMask:
    """Return a character of one of OpenCV's own fonts as ink at twice the size of a single-line glyph."""
    canvas = np.zeros((400, 400, 3), np.uint8)
    cv2.putText(canvas, character, (100, 300), (255, 255, 255), cv2.FontFace(face), 200, weight)
    x, y, width, height = cv2.boundingRect(canvas[:, :, 0])
    # A slim character such as 1 or I keeps its slimness.
    pad = max(0, round(height * 0.38) - width) // 2
    ink = cv2.copyMakeBorder(canvas[y : y + height, x : x + width, 0], 0, 0, pad, pad, cv2.BORDER_CONSTANT)
    return _fit(np.ascontiguousarray(ink), SINGLE_LINE)
