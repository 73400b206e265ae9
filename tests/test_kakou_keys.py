"""A key that was used must outlive a power cut: what it made cannot be read without it."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from console.people.keys import load_keys
from riskdb.digest import load_or_create_key, write_key

_WATCHED = ("fsync", "link", "rename", "replace")


def calls_of(work: Callable[[], object]) -> list[str]:
    """Return which of these system calls the work made, in order."""
    made: list[str] = []

    def note(_: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in _WATCHED and getattr(called, "__module__", "") == "posix":
            made.append(name)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("make", [load_or_create_key, load_keys])
def test_a_new_key_is_on_disk_before_it_has_its_name_and_so_is_the_name(make: Callable[[Path], object], tmp_path: Path):
    assert calls_of(lambda: make(tmp_path / "a.key")) == ["fsync", "link", "fsync"]
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


def test_a_key_that_replaces_another_is_on_disk_first(tmp_path: Path):
    write_key(tmp_path / "a.key", b"1" * 32, replace=False)
    made = calls_of(lambda: write_key(tmp_path / "a.key", b"2" * 32, replace=True))
    assert [name for name in made if name != "rename"] in (["fsync", "replace", "fsync"], ["fsync", "fsync"])
    assert (tmp_path / "a.key").read_text() == (b"2" * 32).hex()
    write_key(tmp_path / "a.key", b"3" * 32, replace=False)
    assert (tmp_path / "a.key").read_text() == (b"2" * 32).hex(), "another process's key stays"
