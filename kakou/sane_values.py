"""What no setting may be, whatever its model allows: numbers without an end, spans of years, characters that steer."""

import math
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeAlias

Location: TypeAlias = tuple[int | str, ...]

YEAR = timedelta(days=366)
MOST = {
    "_s": YEAR / timedelta(seconds=1),
    "_minutes": YEAR / timedelta(minutes=1),
    "_h": YEAR / timedelta(hours=1),
    "_hours": YEAR / timedelta(hours=1),
    "_days": 10 * 366,
}
"""By the ending of a key, which is its unit. What shall never happen is said by leaving a key out, where it can be."""
MOST_OF_ALL = 1e12
"""No count, size or share comes near it; sums and products of such stay whole numbers in 64 bits and in a float."""


def insane_values(said: object, at: Location = ()) -> Iterator[tuple[Location, str]]:
    """Yield where a parsed TOML file says what cannot be meant, and why not."""
    if isinstance(said, dict):
        for key, value in said.items():
            yield from insane_values(value, (*at, key))
    elif isinstance(said, list):
        for index, value in enumerate(said):
            yield from insane_values(value, (*at, index))
    elif isinstance(said, int | float) and not isinstance(said, bool):
        most = _most(next((part for part in reversed(at) if isinstance(part, str)), ""))
        if not math.isfinite(said) or abs(said) > most:
            yield at, f"超出合理范围：最多 {most:.0f}"
    elif isinstance(said, str) and any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in said):
        yield at, "含有控制字符，请重新输入"


def truths_for_numbers(said: object, meant: object, at: Location = ()) -> Iterator[tuple[Location, str]]:
    """Yield where a file says true or false and a number was `meant`, which the models would take for 1 or 0."""
    if isinstance(said, dict) and isinstance(meant, dict):
        for key, value in said.items():
            yield from truths_for_numbers(value, meant.get(key), (*at, key))
    elif isinstance(said, list) and isinstance(meant, list | tuple):
        for index, (one, other) in enumerate(zip(said, meant, strict=False)):
            yield from truths_for_numbers(one, other, (*at, index))
    elif isinstance(said, bool) and isinstance(meant, int | float) and not isinstance(meant, bool):
        yield at, "应为数，不是 true 或 false"


def _most(key: str) -> float:
    return next((most for ending, most in MOST.items() if key.endswith(ending)), MOST_OF_ALL)
