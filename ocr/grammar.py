"""Which texts a Chinese plate can carry, and the plate class each one belongs to.

Sources: GA 36 (forms and colours), GA 24.7 and GA/T 16.7 (plate class codes).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
DIGITS = "0123456789"
SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters of a serial number: I and O never occur, they look like 1 and 0."""
CITY_LETTERS = SERIAL_LETTERS + "O"
ENERGY_LETTERS = "DABCEFGHJK"
"""Third character of a small new-energy plate, last of a large one: D A B C E pure electric, F G H J K other."""
SERIAL = DIGITS + SERIAL_LETTERS
POLICE_REGION_TENS = "0123"
"""First digit of an armed police plate's region until 2012: 00 and 01 are headquarters, all provinces are below 40."""
POLICE_BRANCHES = "BDHJSTX"
"""Before the last four digits there: border, hydropower, gold, guard, forest, transport and fire troops."""

STYLES = (
    "blue",
    "green",
    "green_large",
    "yellow",
    "yellow_two_line",
    "white",
    "white_two_line",
    "black",
    "civil_aviation",
    "blue_two_line",
    "motorcycle_two_line",
    "green_two_line",
    "paper",
    "foreign",
    "not_plate",
)
"""Colour and layout of a plate. `motorcycle_two_line` is yellow and small, `green_two_line` a tractor's, `paper` a
temporary one, `foreign` one of any other country or of Hong Kong, Macao or Taiwan, which is never read; `not_plate` is
a thing that only looks like one."""

CLASS_NAMES = {
    "01": "大型汽车",
    "02": "小型汽车",
    "03": "使馆汽车",
    "04": "领馆汽车",
    "06": "外籍汽车",
    "07": "普通摩托车",
    "08": "轻便摩托车",
    "14": "拖拉机",
    "15": "挂车",
    "16": "教练汽车",
    "22": "临时行驶车",
    "23": "警用汽车",
    "26": "香港入出境车",
    "27": "澳门入出境车",
    "31": "武警车辆",
    "32": "军队车辆",
    "51": "大型新能源汽车",
    "52": "小型新能源汽车",
    "99": "其他",
}
"""Names of the plate class codes that a read can have (GA/T 16.7)."""


@dataclass(frozen=True, slots=True)
class PlateForm:
    """One way a plate can be lettered."""

    name: str
    slots: tuple[str, ...]
    """The characters that each position may hold."""
    class_by_style: dict[str, str]
    """Plate class code for each style this form occurs in."""

    def accepts(self, text: str) -> bool:
        return len(text) == len(self.slots) and all(
            character in slot for character, slot in zip(text, self.slots, strict=True)
        )


_STEM = (PROVINCES, CITY_LETTERS)

FORMS = (
    PlateForm(
        "standard",
        (*_STEM, *[SERIAL] * 5),
        {
            "blue": "02",
            "yellow": "01",
            "yellow_two_line": "01",
            "black": "06",
            "motorcycle_two_line": "07",
            "blue_two_line": "08",
            "paper": "22",
        },
    ),
    PlateForm("new energy, small", (*_STEM, ENERGY_LETTERS, SERIAL, *[DIGITS] * 4), {"green": "52"}),
    PlateForm("new energy, large", (*_STEM, *[DIGITS] * 5, ENERGY_LETTERS), {"green_large": "51"}),
    PlateForm("trailer", (*_STEM, *[SERIAL] * 4, "挂"), {"yellow_two_line": "15", "yellow": "15"}),
    PlateForm("driving school", (*_STEM, *[SERIAL] * 4, "学"), {"yellow": "16", "blue": "16"}),
    PlateForm("temporary", (*_STEM, *[SERIAL] * 4, "临试超"), {"paper": "22"}),
    PlateForm("tractor", (PROVINCES, DIGITS, DIGITS, *[SERIAL] * 5), {"green_two_line": "14", "yellow_two_line": "14"}),
    PlateForm("police", (*_STEM, *[SERIAL] * 4, "警"), {"white": "23", "white_two_line": "23"}),
    PlateForm("emergency", (*_STEM, *[SERIAL] * 4, "应", "急"), {"white": "99"}),
    PlateForm("embassy", (*[DIGITS] * 6, "使"), {"black": "03"}),
    PlateForm("embassy, older", ("使", *[DIGITS] * 6), {"black": "03"}),
    PlateForm("consulate", (*_STEM, *[SERIAL] * 4, "领"), {"black": "04"}),
    PlateForm("Hong Kong", ("粤", "Z", *[SERIAL] * 4, "港"), {"black": "26"}),
    PlateForm("Macao", ("粤", "Z", *[SERIAL] * 4, "澳"), {"black": "27"}),
    PlateForm("armed police", ("W", "J", PROVINCES, *[SERIAL] * 5), {"white": "31", "white_two_line": "31"}),
    PlateForm(
        "armed police, until 2012",
        ("W", "J", POLICE_REGION_TENS, DIGITS, DIGITS + POLICE_BRANCHES, *[DIGITS] * 4),
        {"white": "31"},
    ),
    PlateForm("armed police headquarters", ("W", "J", *[SERIAL] * 5), {"white": "31", "white_two_line": "31"}),
    PlateForm(
        "military",
        (SERIAL_LETTERS.replace("W", ""), SERIAL_LETTERS, *[SERIAL] * 5),
        {"white": "32", "white_two_line": "32"},
    ),
    PlateForm("civil aviation", ("民", "航", *[SERIAL] * 5), {"civil_aviation": "99"}),
)

LONGEST = max(len(form.slots) for form in FORMS)
"""Characters of the longest plate."""
_KNOWN_TEXT = re.compile("|".join("".join(f"[{slot}]" for slot in form.slots) for form in FORMS))
_PATTERNS = tuple(
    (tuple(form.class_by_style.values()), re.compile("".join(f"[{slot}]" for slot in form.slots))) for form in FORMS
)
"""Classes and pattern of each form: lists of a million plates ask for their classes."""


def _alike() -> dict[int, str]:
    """Return for each character the first one that stands in just the same slots: no form tells them apart."""
    slots = sorted({slot for form in FORMS for slot in form.slots})
    first: dict[tuple[bool, ...], str] = {}
    characters = sorted({character for slot in slots for character in slot})
    return {ord(c): first.setdefault(tuple(c in slot for slot in slots), c) for c in characters}


_ALIKE = _alike()
RARITY = {"06": 0.003, "07": 0.1, "08": 0.3, "22": 0.3}
"""How often a class is met where its text could be of another class too, against the colour alone: black plates of
foreigners have not been issued since GA 36-2007, but a blue one looks black at night, on all looks of a track alike
(with 0.02 one of the fixture clips' was a hit 0.2 to 0.6 s later, when it stood in the light); a low-speed truck's
plate is laid out as a motorcycle's, and trucks are what passes. Classes not named: 1."""

_LOOKALIKES = {"O": "0", "0": "O", "I": "1"}
_SEPARATORS = frozenset(" ·•・‧∙.-_\t\u3000\u00a0")


def normalise_plate(text: str) -> str:
    """Return the plate's one spelling: NFKC, upper case, no separators, O/0 and I/1 as the form demands.

    Raises ValueError, saying why, when no known form fits.
    """
    # Lists of a million plates pass here, nearly all of them spelt as they should be.
    if _KNOWN_TEXT.fullmatch(text):
        return text
    compact = "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c not in _SEPARATORS)
    if not compact:
        raise ValueError("号牌是空的")
    if _KNOWN_TEXT.fullmatch(compact):
        return compact
    spellings = sorted(_spellings(compact), key=lambda spelling: _differences(spelling, compact))
    if not spellings:
        raise ValueError(_why_no_form(compact))
    return spellings[0]


def plate_classes_of(text: str) -> tuple[str, ...]:
    """Return the codes of every plate class that can carry this text, in ascending order."""
    return _classes_of_shape(text.translate(_ALIKE))


@lru_cache(maxsize=10_000)
def _classes_of_shape(shape: str) -> tuple[str, ...]:
    return tuple(sorted({code for classes, pattern in _PATTERNS if pattern.fullmatch(shape) for code in classes}))


def plate_class_of(text: str, style: str) -> str:
    """Return the plate class code of a text on a plate of this style; "99" when the two do not go together."""
    for form in forms_of(text):
        if style in form.class_by_style:
            return form.class_by_style[style]
    return "99"


def forms_of(text: str) -> Iterator[PlateForm]:
    return (form for form in FORMS if form.accepts(text))


def _spellings(compact: str) -> Iterator[str]:
    for form in FORMS:
        if len(form.slots) != len(compact):
            continue
        spelling = "".join(
            character if character in slot else _LOOKALIKES.get(character, character)
            for character, slot in zip(compact, form.slots, strict=True)
        )
        if form.accepts(spelling):
            yield spelling


def _differences(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _why_no_form(compact: str) -> str:
    if not 7 <= len(compact) <= LONGEST:
        return f"号牌有 7 至 {LONGEST} 个字符，这里有 {len(compact)} 个"
    known = set("".join(PROVINCES + SERIAL + CITY_LETTERS + "I学警挂港澳使领民航应急临试超"))
    if strange := sorted(set(compact) - known):
        return f"没有号牌带“{strange[0]}”这个字符"
    return "字符的排列不是任何一种号牌"
