"""A centre whose state is kept, and put back."""

import contextlib
import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.outbox import Outbox
from kakou.backup import sealed
from kakou.backup.content import files_of, keys_of
from kakou.exit_codes import ExitCode
from kakou.sunset.state import first_state, save_state
from tests.alerts_kit import event
from tests.commands import Finished, call_kakou
from tests.sunset_kit import fill

NOW = datetime.now(UTC)


NOT_THERE_YET = ("backup.part", "risk.sqlite-wal")


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state folder of a centre that has worked; not to be changed."""
    state = tmp_path_factory.mktemp("worked") / "var"
    fill(state)
    for name in ("outbox.sqlite", "counters.sqlite", "risk.sqlite", "booth.sqlite", *NOT_THERE_YET):
        path = state / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with Outbox(state / "outbox.sqlite", reserve_bytes=2**20) as outbox:
        for number in range(20):
            outbox.append(event(number))
    (state / "evidence" / "big.jpg").write_bytes(bytes(range(256)) * 2000)
    save_state(state, first_state(90, NOW))
    return state


@pytest.fixture
def place(worked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with settings, the state folder `var`, and `backups`; keys are derived quickly."""
    monkeypatch.setattr(sealed, "WORK", 2**8)
    shutil.copytree(worked, tmp_path / "var")
    (tmp_path / "backups").mkdir()
    (tmp_path / "new.toml").write_text('state_dir = "new"\n')
    return tmp_path


def backed_up(place: Path) -> Path:
    done = call_kakou("backup", "backups", "--json", folder=place)
    assert done.exit_code == ExitCode.OK, done.stderr
    return place / str(json.loads(done.stdout)["backup"])


def put_back(place: Path, backup: Path, *more: str | Path) -> Finished:
    key = () if "--key-file" in more else ("--key-file", "var/backup.key")
    return call_kakou("restore", backup, "--config", "new.toml", *key, *more, folder=place)


def contents(state: Path) -> dict[str, bytes]:
    names = (*files_of(state), *keys_of(state))
    return {name: (state / name).read_bytes() for name in names if not name.endswith(".sqlite")}


def rows(database: Path) -> list[object]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT seq, event_id, body FROM event").fetchall()
