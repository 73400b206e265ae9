"""Draws a clean front view of a Chinese plate of any style, one pixel a millimetre, after GA 36-2018."""

from collections.abc import Mapping

import cv2
import numpy as np

from ocr.grammar import DIGITS, PROVINCES
from ocr.types import BgrImage
from training.plates.glyphs import GlyphSet, InkMask, load_glyphs, other_ink
from training.plates.layout import LOW_SPEED_SIZE, GlyphBox, PlateLayout, lay_out
from training.plates.specs import (
    LETTERS,
    PLATE_STYLES,
    STYLE_WEIGHTS,
    TWO_LINE_STYLES,
    PlateSpec,
    random_spec,
)

__all__ = [
    "DIGITS",
    "LETTERS",
    "PLATE_STYLES",
    "PROVINCES",
    "STYLE_WEIGHTS",
    "TWO_LINE_STYLES",
    "GlyphSet",
    "PlateSpec",
    "load_glyphs",
    "random_spec",
    "render_plate",
]

Bgr = tuple[float, float, float]
_PAPER: Mapping[str, Bgr] = {
    "blue": (150, 62, 14),
    "yellow": (12, 176, 240),
    "yellow_two_line": (12, 176, 240),
    "white": (235, 235, 232),
    "white_two_line": (235, 235, 232),
    "black": (28, 26, 26),
    "civil_aviation": (72, 112, 8),
    "blue_two_line": (150, 62, 14),
    "motorcycle_two_line": (12, 176, 240),
    "green_two_line": (82, 118, 16),
    "paper": (236, 216, 178),
}
_LIGHT_INK_STYLES = ("blue", "black", "civil_aviation", "blue_two_line", "green_two_line")
_RED: Bgr = (38, 24, 200)


def render_plate(spec: PlateSpec, glyphs: GlyphSet, rng: np.random.Generator) -> BgrImage:
    """Return the plate: 440 x 140, 440 x 220 (two lines), 480 x 140 (new energy), 440 x 280 (motorcycle) or 450 x 248
    (tractor) pixels.

    Colours, print weight and positions vary a little, as they do between makers of plates.
    Raises ValueError for the styles "foreign" and "not_plate".
    """
    if spec.style not in PLATE_STYLES or spec.style in ("foreign", "not_plate"):
        raise ValueError(f"no plate of style {spec.style!r} can be drawn")
    layout = lay_out(spec, rng)
    image = _paper(spec.style, layout.size, rng)
    ink = _ink_colour(spec.style, rng)
    if spec.style in ("green", "green_large"):
        _put_emblem(image, glyphs)
    _blend(image, _furniture(layout, rng), ink)
    weight = int(rng.choice(4, p=(0.45, 0.2, 0.25, 0.1)))
    for is_red in (False, True):
        boxes = [box for box in layout.boxes if box.is_red is is_red]
        if boxes:
            mask = _print_weight(_draw(boxes, layout, glyphs, rng), weight)
            _blend(image, mask, _jitter(_RED, rng, 25) if is_red else ink)
    _put_bolts(image, layout, rng)
    return np.asarray(image, np.uint8)


def _jitter(colour: Bgr, rng: np.random.Generator, spread: float) -> Bgr:
    b, g, r = np.clip(np.array(colour) * rng.uniform(0.85, 1.12) + rng.normal(0, spread / 2, 3), 0, 255)
    return float(b), float(g), float(r)


def _paper(style: str, size: tuple[int, int], rng: np.random.Generator) -> BgrImage:
    width, height = size
    if style == "green":
        top, bottom = _jitter((236, 240, 232), rng, 10), _jitter((118, 190, 96), rng, 25)
        ramp = np.clip(np.linspace(-0.15, rng.uniform(1.0, 1.3), height), 0, 1)[:, None]
        rows = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
        return np.repeat(rows.astype(np.uint8)[:, None], width, axis=1)
    if style == "green_large":
        image = np.full((height, width, 3), _jitter((50, 175, 235), rng, 25), np.uint8)
        green = np.array(_jitter((120, 195, 120), rng, 25), np.uint8)
        image[8 : height - 8, 133 : width - 8] = green
        return image
    if style == "paper":
        return _security_paper(size, rng)
    # White and black paper keep their hue: a tint would make them another style.
    spread = 9.0 if style.startswith(("white", "black")) else 26.0
    return np.full((height, width, 3), _jitter(_PAPER[style], rng, spread), np.uint8)


def _security_paper(size: tuple[int, int], rng: np.random.Generator) -> BgrImage:
    """Pale blue or pale brown paper with a web of fine waves."""
    width, height = size
    tint = (236, 216, 178) if rng.random() < 0.6 else (168, 205, 232)
    image = np.full((height, width, 3), _jitter(tint, rng, 16), np.uint8)
    line = tuple(float(c) * float(rng.uniform(0.72, 0.92)) for c in tint)
    x = np.arange(0, width + 6, 6)
    for k in range(int(rng.integers(4, 14))):
        phase, period = float(rng.uniform(0, 6.28)), float(rng.uniform(30, 160))
        y = height * (k + 0.5) / 10 + float(rng.uniform(4, 26)) * np.sin(x * 6.28 / period + phase)
        cv2.polylines(image, [np.stack([x, y], axis=1).astype(np.int32)], False, line, 1, cv2.LINE_AA)
    return image


def _ink_colour(style: str, rng: np.random.Generator) -> Bgr:
    return _jitter((232, 232, 232), rng, 12) if style in _LIGHT_INK_STYLES else _jitter((30, 26, 26), rng, 16)


def _put_emblem(image: BgrImage, glyphs: GlyphSet) -> None:
    side = glyphs.emblem.shape[0]
    x, y, radius = 136, 70, side // 2
    disc = np.zeros((side, side, 1), np.uint8)
    cv2.circle(disc, (radius, radius), radius, 255, -1)
    patch = image[y - radius : y + radius + 1, x - radius : x + radius + 1]
    np.copyto(patch, glyphs.emblem, where=disc > 0)


def _furniture(layout: PlateLayout, rng: np.random.Generator) -> InkMask:
    """Border line and dot."""
    width, height = layout.size
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.9:
        _rounded_rectangle(mask, margin=int(rng.integers(2, 6)), radius=12, thickness=int(rng.integers(1, 4)))
    if layout.dot is not None:
        x, y = layout.dot
        cv2.circle(mask, (round(x), round(y)), int(rng.integers(4, 6)), 255, -1, cv2.LINE_AA)
    return mask


def _rounded_rectangle(mask: InkMask, margin: int, radius: int, thickness: int) -> None:
    height, width = mask.shape
    left, top, right, bottom = margin, margin, width - 1 - margin, height - 1 - margin
    arcs = ((left, top, 180), (right, top, 270), (right, bottom, 0), (left, bottom, 90))
    points: list[list[int]] = []
    for x, y, start in arcs:
        centre = (min(max(x, left + radius), right - radius), min(max(y, top + radius), bottom - radius))
        points += np.asarray(cv2.ellipse2Poly(centre, (radius, radius), 0, start, start + 90, 15)).tolist()
    cv2.polylines(mask, [np.array(points, np.int32)], True, 255, thickness, cv2.LINE_AA)


def _draw(boxes: list[GlyphBox], layout: PlateLayout, glyphs: GlyphSet, rng: np.random.Generator) -> InkMask:
    width, height = layout.size
    mask = np.zeros((height, width), np.uint8)
    is_small_province = rng.random() < 0.5
    slip = rng.normal(0, 0.7, (len(boxes), 2))
    is_other_font = layout.size == LOW_SPEED_SIZE and rng.random() < 0.5
    face, weight = str(rng.choice(("sans", "uni"))), int(rng.choice((400, 600, 700)))
    for box, (dx, dy) in zip(boxes, slip, strict=True):
        shape = glyphs.mask(box.kind, box.character)
        if is_other_font and box.character.isascii():
            shape = other_ink(box.character, face, weight)
        # Measured on real plates: Chinese characters often do not fill the height of their box.
        shrink = float(rng.uniform(0.78, 0.96)) if is_small_province and not box.character.isascii() else 1.0
        w, h = round(box.width * float(rng.uniform(0.97, 1.03))), round(box.height * shrink)
        x, y = round(box.x + (box.width - w) / 2 + dx), round(box.y + (box.height - h) / 2 + dy)
        x, y = min(max(x, 0), width - w), min(max(y, 0), height - h)
        patch = mask[y : y + h, x : x + w]
        np.maximum(patch, cv2.resize(shape, (w, h), interpolation=cv2.INTER_AREA), out=patch)
    return mask


def _print_weight(mask: InkMask, weight: int) -> InkMask:
    """Weight 0 as drawn, 1 thinner, 2 bolder, 3 rounded and bolder."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    if weight == 0:
        return mask
    if weight == 1:
        return np.asarray(cv2.erode(mask, kernel), np.uint8)
    if weight == 2:
        return np.asarray(cv2.dilate(mask, kernel), np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.dilate(mask, kernel), (5, 5), 0), np.uint8)


def _blend(image: BgrImage, mask: InkMask, colour: Bgr) -> None:
    """Print `colour` through `mask` onto `image` in place."""
    ink = np.full_like(image, np.array(colour, np.uint8))
    weight = cv2.merge((mask, mask, mask))
    printed = cv2.add(cv2.multiply(ink, weight, scale=1 / 255), cv2.multiply(image, 255 - weight, scale=1 / 255))
    np.copyto(image, printed)


def _put_bolts(image: BgrImage, layout: PlateLayout, rng: np.random.Generator) -> None:
    """Draw the mounting slots, sometimes with a bolt's cap in one."""
    if rng.random() < 0.25:
        return
    width, height = layout.size
    slot_height = 14
    colour = _jitter((205, 205, 205) if rng.random() < 0.6 else (60, 60, 60), rng, 30)
    for x in (110, width - 110):
        for y in (slot_height, height - slot_height):
            if rng.random() < 0.8:
                cv2.ellipse(image, (x, y), (int(rng.integers(5, 12)), 5), 0, 0, 360, colour, -1, cv2.LINE_AA)
