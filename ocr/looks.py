"""How a plate is named and coloured, wherever one is shown: screen, phone, report and terminal take both from here.

The colours are CSS. Sources: GA 36-2018 (grounds, inks, red characters), MH/T 9 (civil aviation).
"""

import json
from dataclasses import asdict, dataclass

from ocr.grammar import CLASS_NAMES, FORMS, forms_of

RED_CHARACTERS = "警使领应急"
"""Characters that are red on a plate whose other characters are not (GA 36-2018)."""


@dataclass(frozen=True, slots=True)
class PlateLook:
    """How one style of plate is drawn."""

    name: str
    ground: str
    ink: str
    red: str
    """Ink of RED_CHARACTERS."""
    edge: str
    """The line just inside the rim."""
    rim: str
    doubt: str
    """What marks a character to doubt: it must stand out from the ground."""


_ON_DARK = {"ink": "#fff", "red": "#ff8a82", "edge": "rgb(255 255 255 / 70%)", "doubt": "#ffb020"}
_ON_LIGHT = {"ink": "#121712", "red": "#c11d16", "edge": "rgb(0 0 0 / 50%)", "doubt": "#b3261e"}
_BLUE = PlateLook("蓝牌", ground="#1747a6", rim="#1747a6", **_ON_DARK)
_YELLOW = PlateLook("黄牌", ground="#f2bd1d", rim="#f2bd1d", **_ON_LIGHT)
_WHITE = PlateLook("白牌", ground="#f7f8f9", rim="#c9d0d6", **_ON_LIGHT)

LOOKS = {
    "blue": _BLUE,
    "green": PlateLook("渐变绿牌", ground="linear-gradient(#eef8ef, #35b265 85%)", rim="#35b265", **_ON_LIGHT),
    "green_large": PlateLook(
        "黄绿双拼牌", ground="linear-gradient(90deg, #f3c623 0 30%, #4fbf74 30%)", rim="#4fbf74", **_ON_LIGHT
    ),
    "yellow": _YELLOW,
    "yellow_two_line": _YELLOW,
    "white": _WHITE,
    "white_two_line": _WHITE,
    "black": PlateLook("黑牌", ground="#14171a", rim="#14171a", **_ON_DARK),
    "civil_aviation": PlateLook("民航绿牌", ground="#0b6b3a", rim="#0b6b3a", **_ON_DARK),
    "blue_two_line": _BLUE,
    "motorcycle_two_line": _YELLOW,
    "green_two_line": PlateLook("农机绿牌", ground="#0f7550", rim="#0f7550", **_ON_DARK),
    "paper": PlateLook("临时号牌", ground="#bfe0ee", rim="#9cc4d6", **_ON_LIGHT),
}
"""By style, as in `ocr.grammar.STYLES`."""
UNKNOWN_STYLE = "white"
"""Drawn where neither text nor class says more: the least that can be claimed about a plate."""


def class_name(code: str) -> str:
    """Return what a plate class is called: 其他 for a code that no read can have, nothing for none."""
    return CLASS_NAMES.get(code, CLASS_NAMES["99"]) if code else ""


def style_of(text: str, plate_class: str) -> str:
    """Return the style that a plate of this text and class has.

    A text that says nothing (masked, deleted, of no known form) leaves it to the class, a class without a form to
    the text.
    """
    fitting = [_style_by_class(form.class_by_style) for form in forms_of(text)]
    of_class = [_style_by_class(form.class_by_style) for form in FORMS]
    for styles in (*fitting, *of_class):
        if plate_class in styles:
            return styles[plate_class]
    return next((style for styles in fitting for style in styles.values()), UNKNOWN_STYLE)


def look_of(text: str, plate_class: str) -> PlateLook:
    return LOOKS[style_of(text, plate_class)]


def plate_table_json() -> str:
    """Return the table as the pages get it: looks by style, names by class, and every form with its style by class."""
    forms = [
        {
            "pattern": f"^{''.join(f'[{slot}]' for slot in form.slots)}$",
            "styles": _style_by_class(form.class_by_style),
        }
        for form in FORMS
    ]
    table = {
        "looks": {style: asdict(look) for style, look in LOOKS.items()},
        "class_names": CLASS_NAMES,
        "other_class": CLASS_NAMES["99"],
        "red_characters": RED_CHARACTERS,
        "unknown_style": UNKNOWN_STYLE,
        "forms": forms,
    }
    return json.dumps(table, ensure_ascii=False)


def _style_by_class(class_by_style: dict[str, str]) -> dict[str, str]:
    """Turn a form's row round; of several styles of one class the first stands for them."""
    styles: dict[str, str] = {}
    for style, code in class_by_style.items():
        styles.setdefault(code, style)
    return styles
