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


def copied_down(cells: list[str], above: Sequence[str]) -> list[int]:
    """Put what stands above where cells say so, and return where that is; a mark with nothing above it stays."""
    marked = [place for place, cell in enumerate(cells) if cell in DITTO]
    for place in marked:
        cells[place] = (above[place] if place < len(above) else "") or cells[place]
    return marked
