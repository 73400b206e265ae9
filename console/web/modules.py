"""Which scripts a page needs beside its first one: named in its head, they come at once and not one after the other."""

import functools
import re
from pathlib import Path

_IMPORT = re.compile(r"""^\s*(?:import|export)\s(?:[^"';]*\sfrom\s+)?["']\./([\w.]+)["']""", re.MULTILINE)


@functools.cache
def modules_of(folder: Path, first: str) -> tuple[str, ...]:
    """Return the names of all modules of `folder` that `first` imports, itself or by others; the nearest first."""
    found = [first]
    for name in found:
        found += [other for other in imports_in((folder / name).read_text(encoding="utf-8")) if other not in found]
    return tuple(found[1:])


def imports_in(source: str) -> list[str]:
    return list(dict.fromkeys(_IMPORT.findall(source)))
