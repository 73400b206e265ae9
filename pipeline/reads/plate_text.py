"""From what a camera writes to a plate's one spelling: colours beside it, words for "none", characters nobody sees."""

import re
import unicodedata

from ocr.grammar import CITY_LETTERS, PROVINCES, STYLES, normalise_plate
from pipeline.reads.camera_read import UNKNOWN

NO_PLATE = frozenset(
    ("", "NOPLATE", "UNKNOWN", "NONE", "NULL", "N/A", "UNLICENSED", "NOLICENSE", "NOREAD", "EMPTY", "UNREADABLE",
     "UNRECOGNIZED", "UNIDENTIFIED", "NOTRECOGNIZED", "NOTDETECTED")
)  # fmt: skip
"""Words without a Chinese character; those with one hold neither a letter nor a digit (无车牌, 未识别车牌, 车牌)."""
COLOUR_WORDS = ("渐变绿", "黄绿双拼", "黄绿", "渐变", "蓝", "黄", "白", "黑", "绿")
"""What Chinese firmware writes in front of the text or behind it, with 色 or 牌 or without (longest first)."""
UNREADABLE = frozenset("*?#_□？＊")
SEPARATORS = frozenset("()[]【】 ·•・‧∙.\t\r\n\u3000\u00a0")
OLD_STYLE = str.maketrans("魯遼滬蘇贛雲貴陝寧瓊閩粵學領掛", "鲁辽沪苏赣云贵陕宁琼闽粤学领挂")
"""As cameras of Hong Kong and Macao write them."""
MAX_LENGTH = 10
"""No plate has more than 9 characters; a text longer than this is no plate at all."""
STYLE_OF_WORD = {
    "blue": "blue",
    "yellow": "yellow",
    "white": "white",
    "black": "black",
    "green": "green",
    "newenergygreen": "green",
    "newenergyyellowgreen": "green_large",
    "yellowgreen": "green_large",
    "civilaviationgreen": "civil_aviation",
    "civilaviationblack": "black",
    "蓝": "blue",
    "黄": "yellow",
    "白": "white",
    "黑": "black",
    "绿": "green",
    "渐变绿": "green",
    "渐变": "green",
    "黄绿": "green_large",
    "黄绿双拼": "green_large",
}
STYLE_OF_GA_COLOUR = {"1": "black", "2": "white", "5": "blue", "6": "yellow", "9": "green", "10": "green_large"}
"""GA/T 1400.3 (ColorType); 99 is any other."""


COMMON = re.compile(f"(?:({'|'.join(COLOUR_WORDS)})[色牌]?)?([{PROVINCES}][A-Z][0-9A-Z]{{5,6}})")
"""How nearly every plate is written, in the one way that each of its characters can be."""


def plate_text(raw: str) -> str:
    """Return the plate in its one spelling, "" where `raw` says that there is none.

    Characters that nobody sees are dropped, unreadable ones become UNKNOWN; a text that is no Chinese plate stays as
    it is otherwise. Raises ValueError where it cannot be a plate at all.
    """
    if found := COMMON.fullmatch(raw):
        return _spelt(found[2])
    text = _without_marks(raw.upper())
    if text in NO_PLATE or _is_word_for_none(text):
        return ""
    text = _parted("".join(UNKNOWN if c in UNREADABLE else c for c in text))[1]
    if not text.strip(UNKNOWN):
        return ""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"号牌应有 7 到 9 个字符，这里有 {len(text)} 个")
    if not all(c == UNKNOWN or c.isalnum() for c in text):
        raise ValueError("号牌里有号牌上没有的字符")
    return _spelt(text)


def colour_beside(raw: str) -> str | None:
    """Return the style that a colour word in front of the text or behind it means; None where there is none."""
    if found := COMMON.fullmatch(raw):
        return STYLE_OF_WORD.get(found[1] or "")
    text = "".join(UNKNOWN if c in UNREADABLE else c for c in _without_marks(raw))
    return STYLE_OF_WORD.get(_parted(text)[0])


def _without_marks(raw: str) -> str:
    """Return a text in one width and one style of character, without what nobody sees and what only parts it."""
    plain = unicodedata.normalize("NFKC", raw).translate(OLD_STYLE)
    return "".join(c for c in plain if _is_seen(c) and c not in SEPARATORS)


def _is_word_for_none(text: str) -> bool:
    """Whether a text says in Chinese that there is no plate, or is nothing but zeros."""
    if any(c.isascii() and c.isalnum() for c in text):
        return not text.strip("0")
    bare = "".join(c for c in text if c not in UNREADABLE and c != UNKNOWN)
    return bare[:1] not in (*PROVINCES, "使") and bare != "民航"


def _parted(text: str) -> tuple[str, str]:
    """Return one colour word beside a plate (蓝苏A12345, 苏A12345蓝色), "" where there is none, and the plate."""
    for word in COLOUR_WORDS:
        for said in (f"{word}色", f"{word}牌", word):
            rest = text.removeprefix(said)
            if rest != text and _begins_a_plate(rest, word):
                return word, rest
            rest = text.removesuffix(said)
            if rest != text and len(rest) >= 7 and _has_beginning(rest):
                return word, rest
    return "", text


def style_of_word(word: str | None) -> str | None:
    """Return the style of a maker's word for a plate's colour; None for an unknown one."""
    key = "".join(c for c in (word or "").lower() if c.isalnum()).removesuffix("色")
    return key if key in STYLES and key not in ("foreign", "not_plate") else STYLE_OF_WORD.get(key)


def _begins_a_plate(rest: str, word: str) -> bool:
    if _has_beginning(rest):
        return len(rest) >= 7
    # 黑 is a province too: 黑AD12345 is a whole plate, and so may be 黑-12345.
    is_forces = word == "白" and len(rest) == 7 and rest[0] in CITY_LETTERS
    return is_forces or (word != "黑" and rest[:1] == UNKNOWN and len(rest) >= 7)


def _has_beginning(text: str) -> bool:
    return text[:1] in (*PROVINCES, "使") or text[:2] in ("民航", "WJ")


def _spelt(text: str) -> str:
    if UNKNOWN in text:
        # Some write 苏A-12345: a separator, where the text is a plate without it.
        if text.count(UNKNOWN) == 1 and text[2:3] == UNKNOWN and len(text) >= 8:
            return _spelt(text.replace(UNKNOWN, ""))
        return text
    try:
        return normalise_plate(text)
    except ValueError:
        return text


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Cc", "Cs", "Co", "Cn", "Mn")
