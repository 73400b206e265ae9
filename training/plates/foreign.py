"""Plates of other countries and of Hong Kong, Macao and Taiwan: what must never be read as a Chinese one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.types import BgrImage

Bgr = tuple[int, int, int]
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
WHITE, YELLOW, BLACK, BLUE, GREEN, RED = (
    (238, 238, 238),
    (40, 190, 240),
    (24, 24, 24),
    (150, 60, 20),
    (70, 120, 20),
    (40, 30, 190),
)


@dataclass(frozen=True, slots=True)
class ForeignForm:
    """How the plates of one place are lettered: L letter, D digit, | the end of the first of two lines."""

    patterns: tuple[str, ...]
    colours: tuple[tuple[Bgr, Bgr], ...]
    """Paper and ink."""
    ratios: tuple[float, float]
    """Width over height of plates of one line and of two."""
    has_band: bool = False
    """A blue band at the left."""


_DARK_ON_LIGHT = ((WHITE, BLACK),)
FOREIGN_FORMS: Mapping[str, ForeignForm] = {
    "Hong Kong": ForeignForm(("LL DDDD", "LL DDD", "LL|DDDD"), ((WHITE, BLACK), (YELLOW, BLACK)), (4.3, 1.5)),
    "Macao": ForeignForm(("LL-DD-DD", "L-DD-DD", "LL|DD-DD"), ((BLACK, WHITE),), (4.3, 1.6)),
    "Taiwan": ForeignForm(("LLL-DDDD", "DDDD-LL"), _DARK_ON_LIGHT, (2.4, 2.0)),
    "Japan": ForeignForm(("DDD|DD-DD",), ((WHITE, GREEN), (YELLOW, BLACK), (GREEN, WHITE)), (2.0, 2.0)),
    "Korea": ForeignForm(("DDD DDDD", "DD DDDD", "DD|DDDD"), ((WHITE, BLACK), (GREEN, WHITE)), (4.7, 2.0)),
    "Russia": ForeignForm(("LDDDLL DDD", "LDDDLL DD", "LDDDLL|DD"), _DARK_ON_LIGHT, (4.6, 1.7)),
    "Kazakhstan": ForeignForm(("DDD LLL DD", "DDDLLL|DD"), _DARK_ON_LIGHT, (4.6, 1.8), True),
    "Mongolia": ForeignForm(("DDDD LLL", "DDDD|LLL"), _DARK_ON_LIGHT, (4.2, 1.6), True),
    "Viet Nam": ForeignForm(("DDL-DDD.DD", "DDL|DDD.DD"), ((WHITE, BLACK), (BLUE, WHITE), (YELLOW, BLACK)), (4.7, 1.4)),
    "Germany": ForeignForm(("LL LL DDDD", "L LL DDD", "LLL L DDDD"), _DARK_ON_LIGHT, (4.7, 1.7), True),
    "France": ForeignForm(("LL-DDD-LL",), _DARK_ON_LIGHT, (4.7, 1.7), True),
    "Britain": ForeignForm(("LLDD LLL", "LLDD|LLL"), ((WHITE, BLACK), (YELLOW, BLACK)), (4.7, 1.6)),
    "Romania": ForeignForm(("L DDD LLL", "LL DD LLL"), _DARK_ON_LIGHT, (4.7, 1.7), True),
    "United States": ForeignForm(
        ("LLL-DDDD", "DLLLDDD", "LLL DDD", "DDD-LLL"), ((WHITE, BLUE), (WHITE, BLACK), (WHITE, RED)), (2.0, 2.0)
    ),
    "Brazil": ForeignForm(("LLLDLDD", "LLL-DDDD"), ((WHITE, BLACK), ((170, 170, 170), BLACK)), (3.1, 2.0)),
    "India": ForeignForm(("LL DD LL DDDD", "LLDDLL|DDDD"), ((WHITE, BLACK), (YELLOW, BLACK)), (4.5, 1.7)),
}


def render_foreign(rng: np.random.Generator, place: str | None = None) -> BgrImage:
    """Return a front view of a random plate of `place` (None: any of FOREIGN_FORMS), about 440 pixels wide."""
    form = FOREIGN_FORMS[place or str(rng.choice(list(FOREIGN_FORMS)))]
    lines = _text(form.patterns[int(rng.integers(len(form.patterns)))], rng).split("|")
    paper, ink = form.colours[int(rng.integers(len(form.colours)))]
    height = round(440 / form.ratios[len(lines) - 1])
    image = np.full((height, 440, 3), np.clip(np.array(paper) * rng.uniform(0.85, 1.08, 3), 0, 255), np.uint8)
    start = 0
    if form.has_band:
        start = round(height * float(rng.uniform(0.3, 0.5)))
        image[:, :start] = (170, 70, 10)
    if rng.random() < 0.6:
        cv2.rectangle(image, (4, 4), (435, height - 5), ink, int(rng.integers(1, 5)))
    draw = _letterer(ink, rng)
    shares = (1.0,) if len(lines) == 1 else ((0.36, 0.64) if rng.random() < 0.5 else (0.5, 0.5))
    top = 0.0
    for line, share in zip(lines, shares, strict=True):
        draw(image, line, (start + 14, round(top * height) + 10, 426, round((top + share) * height) - 8))
        top += share
    return image


def _text(pattern: str, rng: np.random.Generator) -> str:
    pools = {"L": LETTERS, "D": DIGITS}
    return "".join(pools[c][int(rng.integers(len(pools[c])))] if c in pools else c for c in pattern)


def _letterer(ink: Bgr, rng: np.random.Generator) -> Callable[[BgrImage, str, tuple[int, int, int, int]], None]:
    """Return what draws a line of text into a box (left, top, right, bottom) in one hand."""
    face, weight = str(rng.choice(("sans", "uni", "serif"), p=(0.5, 0.4, 0.1))), int(rng.choice((400, 500, 700)))
    slim = float(rng.uniform(0.7, 1.0))

    def draw(image: BgrImage, text: str, box: tuple[int, int, int, int]) -> None:
        left, top, right, bottom = box
        canvas = np.zeros((200, 160 * len(text) + 80, 3), np.uint8)
        cv2.putText(canvas, text, (40, 150), (255, 255, 255), cv2.FontFace(face), 120, weight)
        x, y, width, height = cv2.boundingRect(canvas[:, :, 0])
        scale = min((right - left) / (width * slim), (bottom - top) / height)
        size = (max(1, round(width * slim * scale)), max(1, round(height * scale)))
        mask = cv2.resize(canvas[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
        x0, y0 = left + (right - left - size[0]) // 2, top + (bottom - top - size[1]) // 2
        place = image[y0 : y0 + size[1], x0 : x0 + size[0]]
        share = mask.astype(np.float32) / 255
        place[:] = (place * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)

    return draw
