"""The documents' pictures show the product as it is: `make pictures` makes each, a document shows it, it is small."""

import ast
import re
from pathlib import Path

from tests.commands import REPOSITORY
from tests.console_screens import README_PICTURES

PICTURES = REPOSITORY / "docs" / "pictures"
LARGEST = 200_000
FILM_LARGEST = 400_000
"""Of the demo: twenty seconds."""


def scripts() -> list[Path]:
    """Return the modules that `make pictures` runs."""
    rule = (REPOSITORY / "Makefile").read_text().split("\npictures:")[1].split("\n\n")[0]
    return [REPOSITORY / f"{name.replace('.', '/')}.py" for name in re.findall(r"-m (tests\.\w+)", rule)]


def made() -> set[str]:
    """Return the names of files that these scripts write."""
    texts = (
        node.value
        for script in scripts()
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    named = {text for text in texts if re.fullmatch(r"[a-z-]+\.(png|gif)", text)}
    return named | {f"{name}.png" for name, _, _ in README_PICTURES}


def shown() -> set[str]:
    documents = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    return {name for path in documents for name in re.findall(r"pictures/([\w-]+\.\w+)\)", path.read_text())}


def test_every_picture_is_made_by_make_pictures_and_shown_in_a_document():
    kept = {path.name for path in PICTURES.iterdir()}
    assert kept == made()
    assert kept == shown()


def test_every_picture_is_small():
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert {
        name: size for name, size in sizes.items() if size > (FILM_LARGEST if name.endswith("gif") else LARGEST)
    } == {}
