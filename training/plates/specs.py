"""What a plate says: balanced random texts for every plate style of the recogniser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ocr.grammar import DIGITS, POLICE_BRANCHES, POLICE_REGION_TENS, PROVINCES, SERIAL_LETTERS, STYLES

LETTERS = SERIAL_LETTERS
PLATE_STYLES = STYLES
"""Colour and layout, in the order of the recogniser's second output (`plate_regions`)."""
TWO_LINE_STYLES = tuple(style for style in STYLES if style.endswith("two_line"))
STYLE_WEIGHTS: Mapping[str, float] = {
    "blue": 0.09,
    "green": 0.10,
    "green_large": 0.09,
    "yellow": 0.08,
    "yellow_two_line": 0.14,
    "white": 0.25,
    "white_two_line": 0.07,
    "black": 0.08,
    "civil_aviation": 0.03,
    "blue_two_line": 0.05,
    "motorcycle_two_line": 0.07,
    "green_two_line": 0.09,
    "paper": 0.06,
}
"""By the practice that each needs, not as on the road: real crops bring the blue ones, and no real one is white."""


@dataclass(frozen=True, slots=True)
class PlateSpec:
    """One plate to draw."""

    text: str
    """In reading order, at most 9 characters; the top line of a two-line plate comes first."""
    style: str
    """One of PLATE_STYLES but "foreign" and "not_plate"."""


def random_spec(rng: np.random.Generator, style: str | None = None, mark: str = "") -> PlateSpec:
    """Return a random plate of `style` (None: drawn by STYLE_WEIGHTS); provinces and letters are equally frequent.

    `mark`: only plates that begin with it, as with WJ, or carry any one of its characters, as 港澳 or 挂.
    Raises ValueError for a style that carries no text.
    """
    if style is None:
        weights = np.array(list(STYLE_WEIGHTS.values()))
        style = str(rng.choice(list(STYLE_WEIGHTS), p=weights / weights.sum()))
    if style not in _TEXTS:
        raise ValueError(f"no plate text can be drawn for style {style!r}; choose one of {', '.join(_TEXTS)}")
    makers = _TEXTS[style]
    weights = np.array([weight for weight, _ in makers])
    while True:
        text = makers[int(rng.choice(len(makers), p=weights / weights.sum()))][1](rng)
        if not mark or text.startswith(mark) or set(text) & (set(mark) - set("WJ")):
            return PlateSpec(text, style)


def _pick(rng: np.random.Generator, alphabet: str, count: int = 1) -> str:
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=count))


def _head(rng: np.random.Generator) -> str:
    """Province and authority letter; O in one of 80 (some older plates)."""
    letter = "O" if rng.random() < 1 / 80 else _pick(rng, LETTERS)
    return _pick(rng, PROVINCES) + letter


def _serial(rng: np.random.Generator, length: int) -> str:
    """Digits with 0, 1 or 2 letters anywhere."""
    serial = list(_pick(rng, DIGITS, length))
    letters = int(rng.choice(3, p=(0.35, 0.4, 0.25)))
    for slot in rng.permutation(length)[:letters]:
        serial[int(slot)] = _pick(rng, LETTERS)
    return "".join(serial)


def _small_car(rng: np.random.Generator) -> str:
    return _head(rng) + _serial(rng, 5)


def _suffixed(suffix: str) -> Callable[[np.random.Generator], str]:
    return lambda rng: _head(rng) + _serial(rng, 4) + suffix


def _green(rng: np.random.Generator) -> str:
    second = _pick(rng, LETTERS if rng.random() < 0.5 else DIGITS)
    return _head(rng) + _pick(rng, "DABCEFGHJK") + second + _pick(rng, DIGITS, 4)


def _green_large(rng: np.random.Generator) -> str:
    return _head(rng) + _pick(rng, DIGITS, 5) + _pick(rng, "DABCEFGHJK")


def _military(rng: np.random.Generator) -> str:
    """Two letters; W leads armed police plates only."""
    return _pick(rng, LETTERS.replace("W", "")) + _pick(rng, LETTERS) + _serial(rng, 5)


def _armed_police(rng: np.random.Generator) -> str:
    return "WJ" + _pick(rng, PROVINCES) + _serial(rng, 5)


def _armed_police_headquarters(rng: np.random.Generator) -> str:
    return "WJ" + _serial(rng, 5)


def _old_armed_police(rng: np.random.Generator) -> str:
    """The region's number, then five digits or the branch's letter and four."""
    branch = _pick(rng, POLICE_BRANCHES if rng.random() < 0.5 else DIGITS)
    return "WJ" + _pick(rng, POLICE_REGION_TENS) + _pick(rng, DIGITS) + branch + _pick(rng, DIGITS, 4)


def _tractor(rng: np.random.Generator) -> str:
    """Province, two digits of the region, five of the serial number."""
    return _pick(rng, PROVINCES) + _pick(rng, DIGITS, 2) + _serial(rng, 5)


def _temporary(rng: np.random.Generator) -> str:
    return _head(rng) + _serial(rng, 4) + _pick(rng, "临临试超")


def _emergency(rng: np.random.Generator) -> str:
    letter = _pick(rng, "XS") if rng.random() < 0.5 else _pick(rng, LETTERS)
    return _pick(rng, PROVINCES) + letter + _pick(rng, DIGITS, 4) + "应急"


def _embassy(rng: np.random.Generator) -> str:
    return _pick(rng, DIGITS, 6) + "使"


def _old_embassy(rng: np.random.Generator) -> str:
    return "使" + _pick(rng, DIGITS, 6)


def _cross_border(rng: np.random.Generator) -> str:
    return "粤Z" + _serial(rng, 4) + _pick(rng, "港澳")


def _civil_aviation(rng: np.random.Generator) -> str:
    return "民航" + _serial(rng, 5)


_TEXTS: Mapping[str, tuple[tuple[float, Callable[[np.random.Generator], str]], ...]] = {
    "blue": ((1.0, _small_car),),
    "green": ((1.0, _green),),
    "green_large": ((1.0, _green_large),),
    "yellow": ((0.6, _small_car), (0.4, _suffixed("学"))),
    "yellow_two_line": ((0.55, _small_car), (0.38, _suffixed("挂")), (0.07, _tractor)),
    "white": (
        (0.22, _suffixed("警")),
        (0.2, _military),
        (0.24, _armed_police),
        (0.16, _old_armed_police),
        (0.03, _armed_police_headquarters),
        (0.2, _emergency),
    ),
    "white_two_line": ((0.3, _suffixed("警")), (0.25, _military), (0.45, _armed_police)),
    "black": (
        (0.35, _cross_border),
        (0.2, _embassy),
        (0.08, _old_embassy),
        (0.25, _suffixed("领")),
        (0.12, _small_car),
    ),
    "civil_aviation": ((1.0, _civil_aviation),),
    "blue_two_line": ((1.0, _small_car),),
    "motorcycle_two_line": ((1.0, _small_car),),
    "green_two_line": ((1.0, _tractor),),
    "paper": ((0.6, _temporary), (0.4, _small_car)),
}
