"""Where each character stands on a plate, in millimetres from the plate's top left (GA 36-2018)."""

from dataclasses import dataclass, replace

import numpy as np

from training.plates.glyphs import NEW_ENERGY, SINGLE_LINE, TWO_LINE_BOTTOM, TWO_LINE_TOP
from training.plates.specs import PlateSpec

SMALL_SIZE, NEW_ENERGY_SIZE, TWO_LINE_SIZE = (440, 140), (480, 140), (440, 220)
MOTORCYCLE_SIZE, LOW_SPEED_SIZE = (440, 280), (450, 248)
"""Drawn larger than they are: twice 220 x 140, one and a half times 300 x 165 mm."""
_PITCH, _DOT_GAP, _LEFT, _TOP = 57.0, 22.0, 15.5, 25.0


@dataclass(frozen=True, slots=True)
class GlyphBox:
    """One character's place."""

    character: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    is_red: bool = False


@dataclass(frozen=True, slots=True)
class PlateLayout:
    """A plate's size, its characters and its separating dot."""

    size: tuple[int, int]
    boxes: tuple[GlyphBox, ...]
    dot: tuple[float, float] | None


def lay_out(spec: PlateSpec, rng: np.random.Generator) -> PlateLayout:
    """Place the characters of `spec`; `rng` decides between forms that are both in use."""
    if spec.style in ("green", "green_large"):
        return _new_energy(spec.text)
    if spec.style in ("motorcycle_two_line", "blue_two_line"):
        return _motorcycle(spec.text, rng)
    if spec.style == "green_two_line" or (len(spec.text) == 8 and spec.text[1:3].isdecimal()):
        return _low_speed(spec.text, rng)
    if spec.style == "yellow_two_line" and not spec.text.endswith("挂") and rng.random() < 0.15:
        return _low_speed(spec.text, rng)
    if spec.style.endswith("_two_line"):
        return _two_line(spec)
    if spec.text.startswith("WJ") and len(spec.text) == 9:
        return _old_armed_police(spec.text, rng)
    if spec.text.startswith("WJ") and len(spec.text) == 8:
        return _armed_police(spec.text, rng)
    if spec.text.endswith("应急"):
        return _emergency(spec.text, rng)
    return _single_line(spec, rng)


def _single_line(spec: PlateSpec, rng: np.random.Generator) -> PlateLayout:
    text = spec.text
    before_dot = 2
    if text.endswith("警"):
        before_dot = 1
    elif text.endswith("使"):
        before_dot = 3
    elif text.endswith("领") and rng.random() < 0.4:
        before_dot = 4
    elif spec.style == "paper" and rng.random() < 0.5:
        before_dot = -1
    elif text.startswith("使"):
        before_dot = 1 if rng.random() < 0.5 else 4
    boxes = _row(text, SINGLE_LINE, (_LEFT, _TOP), (45.0, 90.0), _PITCH, before_dot)
    dot_x = _LEFT + before_dot * _PITCH - 12 + 17
    plain = PlateLayout(SMALL_SIZE, _redden(boxes, spec, rng), (dot_x, 70.0) if before_dot >= 0 else None)
    return _on_a_card(plain, rng) if spec.style == "paper" and rng.random() < 0.6 else plain


def _on_a_card(plain: PlateLayout, rng: np.random.Generator) -> PlateLayout:
    """Temporary plates are cards of 220 x 140 mm: up to as much paper again stands above and below the one line."""
    width, height = plain.size
    above, below = (round(float(rng.uniform(0, 70))) for _ in range(2))
    boxes = tuple(replace(box, y=box.y + above) for box in plain.boxes)
    dot = plain.dot and (plain.dot[0], plain.dot[1] + above)
    return PlateLayout((width, height + above + below), boxes, dot)


def _row(
    text: str, kind: str, origin: tuple[float, float], size: tuple[float, float], pitch: float, gap_after: int = -1
) -> tuple[GlyphBox, ...]:
    """Place `text` from `origin` at `pitch`, with the dot's extra gap after `gap_after` characters."""
    x, y = origin
    shift = [_DOT_GAP if gap_after >= 0 and i >= gap_after else 0.0 for i in range(len(text))]
    return tuple(GlyphBox(c, kind, x + i * pitch + shift[i], y, *size) for i, c in enumerate(text))


def _redden(boxes: tuple[GlyphBox, ...], spec: PlateSpec, rng: np.random.Generator) -> tuple[GlyphBox, ...]:
    """Colour the mark of an authority red: 警, WJ, military letters, 应急; 使 and 领 in half of the cases."""
    if spec.style in ("white", "white_two_line"):
        red = set("警应急")
        head = 0
        if spec.text[:2].isascii():
            head = 2 if spec.text.startswith("WJ") or rng.random() < 0.5 else 1
        return tuple(replace(box, is_red=i < head or box.character in red) for i, box in enumerate(boxes))
    if spec.style == "black" and rng.random() < 0.5:
        return tuple(replace(box, is_red=box.character in "使领") for box in boxes)
    return boxes


def _new_energy(text: str) -> PlateLayout:
    """15 + 45 + 9 + 43, 49 for the mark, then six of 43 at a gap of 9."""
    province = GlyphBox(text[0], NEW_ENERGY, 15.0, _TOP, 45.0, 90.0)
    letter = GlyphBox(text[1], NEW_ENERGY, 69.0, _TOP, 43.0, 90.0)
    rest = _row(text[2:], NEW_ENERGY, (161.0, _TOP), (43.0, 90.0), 52.0)
    return PlateLayout(NEW_ENERGY_SIZE, (province, letter, *rest), None)


def _two_line(spec: PlateSpec) -> PlateLayout:
    """Top line 80 x 60 around the dot, bottom line 65 x 110 at 15 apart; WJ and 应急 squeeze one more in."""
    cut = 3 if spec.text.startswith("WJ") and len(spec.text) == 8 else 2
    top, bottom = spec.text[:cut], spec.text[cut:]
    if cut == 2:
        upper = tuple(GlyphBox(c, TWO_LINE_TOP, x, 15.0, 80.0, 60.0) for c, x in zip(top, (110.0, 250.0), strict=True))
    else:
        upper = _row(top, TWO_LINE_TOP, (102.0, 15.0), (66.0, 60.0), 85.0)
    width, pitch = (65.0, 80.0) if len(bottom) == 5 else (56.0, 66.0)
    lower = _row(bottom, TWO_LINE_BOTTOM, (27.0, 90.0), (width, 110.0), pitch)
    red_all = _redden((*upper, *lower), spec, np.random.default_rng(0))
    return PlateLayout(TWO_LINE_SIZE, red_all, (220.0, 45.0) if cut == 2 else None)


def _motorcycle(text: str, rng: np.random.Generator) -> PlateLayout:
    """Top line 50 high at 10 from the top, bottom line 30 x 60 at a gap of 10; millimetres, drawn twice as large."""
    width, height = float(rng.uniform(62, 112)), float(rng.uniform(86, 104))
    left, right = float(rng.uniform(0.29, 0.36)) * 440, float(rng.uniform(0.64, 0.71)) * 440
    top = float(rng.uniform(14, 24))
    upper = tuple(
        GlyphBox(c, TWO_LINE_TOP, x - width / 2, top, width, height) for c, x in zip(text, (left, right), strict=False)
    )
    lower = _row(text[2:], TWO_LINE_BOTTOM, (30.0, 140.0), (60.0, 120.0), 80.0)
    return PlateLayout(MOTORCYCLE_SIZE, (*upper, *lower), (220.0, 70.0) if rng.random() < 0.8 else None)


def _low_speed(text: str, rng: np.random.Generator) -> PlateLayout:
    """Low-speed trucks and tractors: top line 50 high, bottom line 45 x 90 at a gap of 12, on 300 x 165 mm."""
    width, height = float(rng.uniform(50, 72)), float(rng.uniform(56, 76))
    top = 15 + (75 - height) * float(rng.uniform(0.2, 0.8))
    count = len(text) - 5
    # Two digits stand together right of the middle, the province alone left of it.
    places = (0.34, 0.66) if count == 2 else (0.34, 0.61, 0.61 + float(rng.uniform(0.125, 0.165)))
    slip = float(rng.normal(0, 0.015))
    upper = tuple(
        GlyphBox(c, TWO_LINE_TOP, (x + slip) * 450 - width / 2, top, width, height)
        for c, x in zip(text, places, strict=False)
    )
    lower = _row(text[count:], TWO_LINE_BOTTOM, (20.0, 105.0), (67.5, float(rng.uniform(112, 132))), 85.5)
    return PlateLayout(LOW_SPEED_SIZE, (*upper, *lower), (214.0, 52.0) if rng.random() < 0.4 else None)


def _old_armed_police(text: str, rng: np.random.Generator) -> PlateLayout:
    """WJ in red, two small red digits of the region, a dot, five characters."""
    height = float(rng.uniform(40, 62))
    y = _TOP + (90 - height) * float(rng.choice((0.0, 0.0, 0.5, 1.0)))
    letters = _row("WJ", SINGLE_LINE, (13.0, _TOP), (40.0, 90.0), 44.0)
    region = _row(text[2:4], SINGLE_LINE, (100.0, y), (float(rng.uniform(19, 24)), height), 25.0)
    red = tuple(replace(box, is_red=True) for box in (*letters, *region))
    serial = _row(text[4:], SINGLE_LINE, (168.0, _TOP), (43.0, 90.0), 52.5)
    return PlateLayout(SMALL_SIZE, (*red, *serial), (158.0, 70.0) if rng.random() < 0.8 else None)


def _armed_police(text: str, rng: np.random.Generator) -> PlateLayout:
    """WJ in red, a smaller province, then five characters of the usual size."""
    height = float(rng.uniform(48, 88))
    y = _TOP + (90 - height) * float(rng.choice((0.0, 0.5, 1.0)))
    red_province = bool(rng.random() < 0.6)
    letters = tuple(
        GlyphBox(c, SINGLE_LINE, x, _TOP, 40.0, 90.0, True) for c, x in zip("WJ", (13.0, 57.0), strict=True)
    )
    province = GlyphBox(text[2], SINGLE_LINE, 101.0, y, 34.0, height, red_province)
    serial = _row(text[3:], SINGLE_LINE, (157.0, _TOP), (44.0, 90.0), 54.5)
    return PlateLayout(SMALL_SIZE, (*letters, province, *serial), (146.0, 70.0))


def _emergency(text: str, rng: np.random.Generator) -> PlateLayout:
    """Province, letter and four digits, then 应急 in red: side by side, or one above the other."""
    stacked = rng.random() < 0.3
    pitch, width = (57.0, 45.0) if stacked else (50.5, 41.0)
    head = GlyphBox(text[0], SINGLE_LINE, _LEFT, _TOP, width, 90.0)
    serial = _row(text[1:6], SINGLE_LINE, (_LEFT + pitch + 20, _TOP), (width, 90.0), pitch)
    if stacked:
        end = tuple(GlyphBox(c, SINGLE_LINE, 380.0, y, 46.0, 43.0, True) for c, y in zip("应急", (25, 72), strict=True))
    else:
        end = _row("应急", SINGLE_LINE, (_LEFT + 6 * pitch + 20, _TOP), (width, 90.0), 48.0)
        end = tuple(replace(box, is_red=True) for box in end)
    return PlateLayout(SMALL_SIZE, (head, *serial, *end), (_LEFT + width + 14, 70.0))
