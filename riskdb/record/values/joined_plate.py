"""A plate whose cells are two: its province or its first characters, and the rest of it."""

import re
import unicodedata

from riskdb.record.values.problem import CellProblem
from riskdb.record.values.provinces import PROVINCE_CHARACTERS, character_of

_MARKS = re.compile(r"[\s·•・‧∙.\-—_]+")
_REST = re.compile(r"[A-Z0-9]{4,7}[挂学警]?")


def is_prefix(cell: str) -> bool:
    """Whether a cell holds the beginning of a plate and nothing else: 豫, 豫C."""
    bare = _bare(cell)
    return bare[:1] in PROVINCE_CHARACTERS and len(bare) <= 2 and bare[1:].isascii() and not bare[1:].isdigit()


def joined_plate(prefix: str, cell: str) -> str:
    """Return the plate of two cells; the second as it is where it is whole already. Raises CellProblem."""
    start = _bare(prefix)
    character = character_of(start)
    rest = _bare(cell)
    if not character or not rest:
        return cell
    letter = start[1:2] if is_prefix(prefix) else ""
    if rest[0] in PROVINCE_CHARACTERS:
        if rest[0] != character or (letter and rest[1:2] != letter):
            raise CellProblem("号牌", f"{prefix} {cell}", "两列写的省份或字母不一样", "请核对后改成一样的")
        return cell
    if not _REST.fullmatch(rest):
        return cell
    if letter and rest[0] == letter and len(rest) == 6:
        raise CellProblem(
            "号牌", f"{prefix} {cell}", f"不知道是 {character}{rest} 还是 {character}{letter}{rest}", "请写成一格"
        )
    return character + letter + rest


def _bare(cell: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", cell)).upper()
