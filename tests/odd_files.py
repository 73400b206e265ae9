"""What may lie where a file of ours should be: each turns the file at a path into something else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

OddKind = Callable[[Path], None]


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "x").write_text("x")


def link_to_nowhere(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.parent / "nowhere" / "x")


def link_to_itself(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def endless(path: Path) -> None:
    """Make it 20 GB long, nearly all of it without blocks."""
    with path.open("ab") as file:
        file.truncate(20 << 30)


ODD_KINDS = (
    pipe,
    folder,
    link_to_nowhere,
    *(pytest.param(kind, marks=pytest.mark.long) for kind in (link_to_itself, device)),
)
