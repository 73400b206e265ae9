"""The source of this tree as the tests of its shape read it: each file is parsed once."""

import ast
import functools
import gc
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


@functools.cache
def files_of(package: str) -> tuple[Path, ...]:
    """Return every Python file of a package, in order."""
    return tuple(sorted((ROOT / package).rglob("*.py")))


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    """Return every node of a source text; they are not to be changed.

    There are millions of them, and they stay: the garbage collector is kept from looking at them again and again.
    """
    gc.disable()
    try:
        return tuple(ast.walk(ast.parse(source)))
    finally:
        gc.freeze()
        gc.enable()


def sources(*packages: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every Python file of these packages."""
    for package in packages:
        yield from ((str(path.relative_to(ROOT)), text_of(path)) for path in files_of(package))
