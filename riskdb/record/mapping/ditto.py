"""Cells that say: as in the row above."""

from collections.abc import Sequence

_WORDS = (
    "同上",
    "上同",
    "同前",
    "同上行",
    "同上一行",
    "同上格",
    "ditto",
    "Ditto",
    "DITTO",
    "do.",
    "〃",
    "″",
    "〞",
    '"',
    "''",
    '""',
    "＂",
    "”",
    "“",
)
_BRACKETED = [left + word + right for word in _WORDS[:4] for left, right in ("（）", "()")]
_BLANKS_BESIDE = [
    word for same in _WORDS[:4] for word in (f" {same}", f"{same} ", f" {same} ", f"　{same}", f"　　{same}")
]
DITTO = frozenset((*_WORDS, *_BRACKETED, *_BLANKS_BESIDE, "同上。", "——同上", "--〃--", "—〃—"))


def has_ditto(cells: Sequence[str]) -> bool:
    return not DITTO.isdisjoint(cells)


def copied_down(cells: list[str], above: Sequence[str]) -> list[int]:
    """Put what stands above where cells say so; return the columns above which nothing stands."""
    missing = []
    for place, cell in enumerate(cells):
        if cell in DITTO:
            if place < len(above) and above[place]:
                cells[place] = above[place]
            else:
                missing.append(place)
    return missing
