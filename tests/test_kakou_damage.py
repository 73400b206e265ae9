"""Whatever happens to a file of the state folder, a listed vehicle is never let through as clear, and it is said."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import pytest
import redis

from alerts.set_aside import losses
from bench.fault_disk import can_mount
from console.parts import build_console
from console.types import ConsoleError, Role
from kakou.box.counts import counts_path, save_counts
from kakou.box.reporter import CameraReporter
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.wiring.box import Box
from ocr.types import PlateRead
from pipeline.settings import SourceSettings
from pipeline.types import Passage, ScreeningCounts
from pipeline.walk.screening import screen
from tests.box_kit import small_box
from tests.console_kit import QUICK_HASHER, PaperList, make_account, open_console, settings_with
from tests.console_kit import Clock as ConsoleClock
from tests.odd_files import pipe
from tests.pipeline_kit import EVERY_LOOK, ScriptedReads, box_at, frames_of
from tests.plates import make_read
from tests.riskdb_kit import Clock, risk_rig
from tests.test_kakou_state_files import become_text, cut, flip

LISTED, FREE = "京A12345", "京A99999"
SOURCE = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="x.mp4")
ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "operations.md"


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


LONG = [pytest.param(damage, marks=pytest.mark.long) for damage in (become_text, empty)]
DAMAGES = (flip, cut, delete)


def screened_by(settings: Settings, url: str, *texts: str) -> list[Passage]:
    """Let vehicles pass one after the other before a box that is built anew, as after a start."""
    box, counts = Box.build(settings, url), ScreeningCounts()
    between: list[list[PlateRead]] = [[] for _ in range(30)]
    scene = [frame for text in texts for frame in (*[[make_read(text, box_at(200, 200))]] * 6, *between)]
    reads = ScriptedReads(frames_of(scene))
    with box.outbox() as outbox:
        parts = box.camera_parts(SOURCE, reads, outbox, counts)
        reporter = CameraReporter(box, SOURCE, counts)
        passages = []
        for passage in screen(reads.frames(), reads, EVERY_LOOK, parts.screening):
            passages.append(passage)
            reporter.passed(passage)
        save_counts(counts_path(settings.state_dir, "cam-1"), {"cam-1": counts})
        reporter.report(outbox)
        reporter.close()
    assert counts.clear + counts.flagged + counts.unchecked == len(texts)
    return passages


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Path:
    """Return the state folder of a box, its own list in it, that flagged one vehicle and could not check another."""
    folder = tmp_path_factory.mktemp("worked")
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    with risk_rig(folder, redis_server) as rig:
        rig.clock = Clock(datetime.now(UTC))
        rig.travelled(LISTED)
        rig.declared()
    settings = small_box(folder)
    assert [passage.outcome for passage in screened_by(settings, redis_server, LISTED, FREE)] == ["flagged", "clear"]
    assert [each.outcome for each in screened_by(settings, "redis://127.0.0.1:1", LISTED)] == ["unchecked"]
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", [*DAMAGES, *LONG])
def test_no_damaged_file_of_a_box_lets_a_listed_vehicle_through(
    worked: Path, redis_server: str, tmp_path: Path, damage: Callable[[Path], None]
):
    names = files_of(worked)
    assert {"plate.key", "outbox.sqlite", "counters.sqlite", "risk.sqlite", "spool.key", "run/cam-1.json"} <= set(names)
    assert any(name.startswith("spool/") for name in names)
    slots = [name for name in names if name.endswith(".slot")]
    for name in sorted({*names} - {*slots[1:]}):  # of the places that wait for a passage, one tells for all
        state = tmp_path / name.replace("/", "_")
        shutil.copytree(worked, state)
        damage(state / name)
        try:
            outcomes = [passage.outcome for passage in screened_by(small_box(state), redis_server, LISTED, FREE)]
        except Exception as error:
            raise AssertionError(f"{name} stops the box") from error
        assert outcomes[0] in ("flagged", "unchecked"), name
        if name == "outbox.sqlite":
            assert losses(state), "nobody is told"
        shutil.rmtree(state)


def documented() -> list[str]:
    text = TABLE.read_text(encoding="utf-8").split("## A file of the state folder is damaged")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall("`([^`]+)`", row)]


def test_the_documents_say_what_each_file_of_a_box_and_of_a_console_loses(
    worked: Path, tmp_path: Path, redis_client: "redis.Redis"
):
    open_console(tmp_path / "console", redis_client, ConsoleClock()).database.close()
    undocumented = {
        name
        for name in (*files_of(worked), *files_of(tmp_path / "console"))
        if not any(fnmatch(name, pattern) for pattern in documented())
    }
    assert undocumented == set()


@pytest.mark.parametrize("name", ["console.sqlite", "console.key", "audit.anchors"])
@pytest.mark.parametrize("damage", [*DAMAGES, become_text, empty, pipe])
def test_a_console_with_a_damaged_file_says_so_and_never_begins_anew_by_itself(
    tmp_path: Path, redis_client: "redis.Redis", name: str, damage: Callable[[Path], None]
):
    state = tmp_path / "console"
    console = open_console(state, redis_client, ConsoleClock())
    make_account(console, "officer", Role.OFFICER)
    with console.database.reading() as session:
        for _ in range(2):  # three lines: half of them ends within one
            console.audit.anchor(session, console.anchors, console.now())
    console.database.close()
    damage(state / name)
    if name != "audit.anchors":
        with pytest.raises(ConsoleError, match=r"备份|数据库"):
            build_console(settings_with(), state, redis_client, PaperList(), ConsoleClock(), QUICK_HASHER)
        return
    console = build_console(settings_with(), state, redis_client, PaperList(), ConsoleClock(), QUICK_HASHER)
    with console.database.reading() as session:
        assert console.audit.verify(session, console.anchors) != []
    console.database.close()


@pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")
@pytest.mark.parametrize("command", ["run", pytest.param("console", marks=pytest.mark.long)])
def test_on_a_read_only_disk_a_command_ends_with_a_sentence(worked: Path, tmp_path: Path, command: str):
    state = tmp_path / "state"
    shutil.copytree(worked, state)
    source = f'[[source]]\ncamera_id = "cam-1"\ncheckpoint = "东门"\nuri = "{tmp_path}"\n'
    (tmp_path / "kakou.toml").write_text(f'state_dir = "{state}"\n{source}', encoding="utf-8")
    script = f'mount --bind "{state}" "{state}" && mount -o remount,ro,bind "{state}" && exec "$@"'
    kakou = [sys.executable, "-m", "kakou.main", command, "--config", str(tmp_path / "kakou.toml")]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *kakou], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == ExitCode.UNAVAILABLE, done.stderr
    assert "Traceback" not in done.stderr
    assert str(state) in done.stderr
