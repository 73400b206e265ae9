"""Merged cells: the one text counts for all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from riskdb.record.tables.sheets import MAX_COLUMNS, NumberedRow


@dataclass(frozen=True, slots=True)
class MergedCells:
    """A block of cells that shows the text of its first one. Numbers from 0, all inclusive."""

    top: int
    left: int
    bottom: int
    right: int


def filled(rows: Iterable[NumberedRow], merges: Iterable[MergedCells]) -> Iterator[NumberedRow]:
    """Yield the rows with every merged cell filled. `rows` come in order."""
    waiting = sorted(merges, key=lambda merge: -merge.top)
    open_merges: list[tuple[MergedCells, str]] = []
    for number, cells in rows:
        place = number - 1
        while waiting and waiting[-1].top <= place:
            merge = waiting.pop()
            open_merges.append((merge, cells[merge.left] if merge.left < len(cells) else ""))
        if open_merges:
            open_merges = [(merge, text) for merge, text in open_merges if merge.bottom >= place]
            for merge, text in open_merges:
                _fill(cells, merge, text)
        yield number, cells


def _fill(cells: list[str], merge: MergedCells, text: str) -> None:
    right = min(merge.right, MAX_COLUMNS, len(cells) - 1)
    for column in range(merge.left, right + 1):
        cells[column] = cells[column] or text
