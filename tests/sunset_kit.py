"""A centre that has worked, and the day on which everything of it ends."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.redis_link import connect
from riskdb.digest import load_or_create_key
from tests.commands import Finished, call_kakou
from tests.console_kit import Clock, event_of, open_console

PLATE = "测A12345"
"""测 is no province."""


HELD = "[clock]\nheld_s = 0.5\n"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """Return the folder of a centre that has worked: its state folder is `var`."""
    folder = tmp_path / "centre"
    folder.mkdir()
    (folder / "kakou.toml").write_text("[console]\nport = 0\n" + HELD)
    fill(folder / "var")
    return folder


def fill(state: Path) -> None:
    console = open_console(state_made(state), connect("unix:///nowhere"), Clock(now()))
    console.intake.take([event_of(PLATE)], console.now())
    console.database.close()
    load_or_create_key(state / "plate.key")
    for name in ("spool.key", "spool/1.unchecked", "reads.key", "reads/1.reads",
                 "evidence/a/1.jpg", "pictures/b/2.jpg", "photos/3.jpg",
                 "imports/4.csv", "outbox.sqlite", "outbox.reserve", "redis/appendonlydir/x.aof", "run/g.json",
                 "replay/p.json", "risk.sqlite-wal", "counters.sqlite", "risk.sqlite",
                 "booth.key", "booth.sqlite", "backup.part/outbox.sqlite"):  # fmt: skip
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{name} {PLATE}".encode())


def state_made(state: Path) -> Path:
    state.mkdir(mode=0o700, parents=True)
    return state


def sunset(folder: Path, *arguments: str) -> Finished:
    return call_kakou("sunset", *arguments, folder=folder)


def holding(folder: Path, text: str) -> list[str]:
    """Return the files that hold the text, in UTF-8 or GBK."""
    spellings = (text.encode(), text.encode("gbk"))
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(spelling in path.read_bytes() for spelling in spellings)
    ]
