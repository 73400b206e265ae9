"""Whatever lies where a file of the state folder should be, nobody waits for it, and what can go on does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.booth_link import OpenBooths
from alerts.notices.keeper import kept_notices
from alerts.pictures import PictureMover, PictureShelf
from alerts.set_aside import losses
from console.people.keys import load_keys
from console.types import ConsoleError
from kakou.backup.errors import BackupError
from kakou.backup.key import read_secret
from kakou.box.canary_result import read_result
from kakou.box.certificate import own_certificate
from kakou.errors import report_error
from kakou.exit_codes import ExitCode
from kakou.state_format import alone, require_known_format
from kakou.sunset.guard import at_work
from kakou.sunset.state import SunsetError, first_state, load_state, save_state
from kakou.watch.centre import is_held
from riskdb.clock import Mark, read_mark, write_mark
from riskdb.own_file import MARK, OddFileError, open_lock, read_own
from riskdb.record.record import RiskRecord
from riskdb.types import RiskDBError
from tests.odd_files import ODD_KINDS, OddKind, endless, link_to_nowhere, pipe
from tests.pipeline_kit import KeptEvents, ListedPlates, make_screening, make_spool, passages_of, passing

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Shelf(PictureShelf):
    """A shelf in memory."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def put(self, name: str, jpeg: bytes) -> bool:
        self.kept.append(name)
        return bool(jpeg)


def working(state_dir: Path) -> None:
    with at_work(state_dir):
        pass


def starting(state_dir: Path) -> None:
    with alone(state_dir, "deliver"):
        pass


def booth(state_dir: Path) -> None:
    assert not OpenBooths(state_dir).holds("东门", "cam-1")


def clock(state_dir: Path) -> None:
    assert read_mark(state_dir / "clock.json") is None
    write_mark(state_dir / "clock.json", Mark(NOW.timestamp(), was_held=True))
    assert read_mark(state_dir / "clock.json") is not None


def authorising(state_dir: Path) -> None:
    save_state(state_dir, first_state(90, NOW))
    assert load_state(state_dir) is not None


def publishing(state_dir: Path) -> None:
    with RiskRecord(state_dir / "risk.sqlite") as record, record.turn():
        pass


def certificate(state_dir: Path) -> None:
    own = own_certificate(state_dir, NOW)
    assert own == own_certificate(state_dir, NOW)
    assert own.fingerprint


def refusing(error: type[Exception], act: Callable[[Path], object], name: str) -> Callable[[Path], None]:
    def refused(state_dir: Path) -> None:
        with pytest.raises(error, match=name):
            act(state_dir / name)

    return refused


GOING_ON: list[tuple[str, Callable[[Path], object]]] = [
    ("sunset.lock", working),
    ("deliver.lock", starting),
    ("state.json", require_known_format),
    ("run/booth.open", booth),
    ("run/canary.json", lambda state_dir: read_result(state_dir / "run" / "canary.json")),
    ("run/notices-box.json", lambda state_dir: kept_notices(state_dir / "run" / "notices-box.json")),
    ("notices.lock", lambda state_dir: is_held(state_dir / "notices.lock")),
    ("clock.json", clock),
    ("risk.publish.lock", publishing),
    ("booth.pem", certificate),
    ("booth.key", certificate),
    ("risk.sqlite", refusing(RiskDBError, RiskRecord, "risk.sqlite")),
    ("sunset.json", refusing(SunsetError, lambda path: load_state(path.parent), "sunset.json")),
    ("sunset.json", authorising),
    ("console.key", refusing(ConsoleError, load_keys, "console.key")),
    ("backup.key", refusing(BackupError, read_secret, "backup.key")),
]


@pytest.mark.parametrize("kind", ODD_KINDS)
@pytest.mark.parametrize(("name", "goes_on"), GOING_ON, ids=[name for name, _ in GOING_ON])
def test_nobody_waits_for_what_is_no_file(tmp_path: Path, name: str, goes_on: Callable[[Path], None], kind: OddKind):
    (tmp_path / "run").mkdir()
    kind(tmp_path / name)
    goes_on(tmp_path)


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_a_lock_holds_nothing_and_is_made_anew(tmp_path: Path, kind: OddKind):
    kind(tmp_path / "a.lock")
    with open_lock(tmp_path / "a.lock"):
        assert (tmp_path / "a.lock").is_file()
    assert len([*tmp_path.glob(f"a.lock{MARK}*")]) == 1


def test_a_lock_that_is_a_link_to_a_file_stays_one(tmp_path: Path):
    (tmp_path / "elsewhere").touch()
    (tmp_path / "a.lock").symlink_to("elsewhere")
    with open_lock(tmp_path / "a.lock"):
        assert (tmp_path / "a.lock").is_symlink()


@pytest.mark.parametrize("kind", [*ODD_KINDS, endless])
def test_what_is_wrong_with_it_is_a_sentence_and_an_exit_code(
    tmp_path: Path, kind: OddKind, capsys: pytest.CaptureFixture[str]
):
    kind(tmp_path / "a.json")
    with pytest.raises(OddFileError) as raised:
        read_own(tmp_path / "a.json")
    assert report_error(raised.value) == ExitCode.UNAVAILABLE
    said = capsys.readouterr().err
    assert all(word in said for word in (str(tmp_path / "a.json"), "移走它", "从备份放回"))


def text_file(path: Path) -> None:
    path.write_text("x")


@pytest.mark.parametrize("kind", [text_file, pipe, link_to_nowhere])
@pytest.mark.parametrize("name", ["spool", "spool.slots"])
def test_a_file_in_the_place_of_the_spool_costs_what_waited_there_and_no_more(tmp_path: Path, name: str, kind: OddKind):
    kind(tmp_path / name)
    spool = make_spool(tmp_path)
    passages_of(passing("京A12345"), make_screening(ListedPlates(is_down=True), KeptEvents(), spool))
    assert spool.waiting() == 1
    assert len(losses(tmp_path)) == (name == "spool")


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_an_odd_picture_does_not_hold_up_the_others(tmp_path: Path, kind: OddKind):
    (tmp_path / "2026-11-29").mkdir()
    for name in ("a", "b"):
        (tmp_path / "2026-11-29" / f"{name}.jpg").write_bytes(b"jpeg")
    kind(tmp_path / "2026-11-29" / "a.jpg")
    shelf = Shelf()
    assert PictureMover(tmp_path, shelf, timedelta(days=7)).step(NOW) == 1
    assert shelf.kept == ["2026-11-29/b.jpg"]
