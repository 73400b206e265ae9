"""A watched folder: each file is taken once and whole, and answered with a receipt that says what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from riskdb.folder_watch import DONE, REFUSED, FolderRule, FolderWatch
from riskdb.keeper import RiskKeeper
from riskdb.record.mapping.forms import Form
from riskdb.record.receipts import Receipt
from riskdb.record.travel import Reading, read_travel_rows
from riskdb.types import RiskDBError
from tests.commands import call_kakou
from tests.office_kit import CHINESE, FORM_ROWS, HEADER, ROWS, text, xlsx
from tests.riskdb_kit import HUANGDAO, RiskRig, risk_rig


@pytest.fixture
def rig(tmp_path: Path, redis_server: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_server) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "来文").mkdir()
    return tmp_path / "来文"


def watch(rig: RiskRig, folder: Path, rule: FolderRule | None = None) -> FolderWatch:
    @contextmanager
    def opened() -> Iterator[RiskKeeper]:
        yield rig.keeper

    return FolderWatch(folder, opened, rule or FolderRule(), rig.clock)


def looked(watched: FolderWatch) -> list[Receipt]:
    """Look twice: the first look only sees that a file is there."""
    assert list(watched.look()) == []
    return list(watched.look())


def receipt_in(folder: Path) -> str:
    (path,) = folder.glob("*.回执.txt")
    return path.read_text(encoding="utf-8")


def test_a_file_is_taken_over_once_and_answered(rig: RiskRig, folder: Path):
    rig.declared()
    (folder / "协查.csv").write_bytes(text([HEADER, *ROWS]))
    watched = watch(rig, folder)
    assert [receipt.problem for receipt in looked(watched)] == [""]
    assert rig.is_listed("鲁B12345")
    assert list(watched.look()) == []
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == []
    told = receipt_in(folder / DONE)
    assert "结果：已导入。" in told
    assert "行数：接受 2" in told
    assert "编号：1（撤回：kakou risk undo 1）" in told
    assert "其中 1 行目前不列任何车辆" in told
    assert "鲁B12345" not in told


def test_a_file_with_a_faulty_row_changes_nothing_and_comes_back_with_it(rig: RiskRig, folder: Path):
    rig.declared()
    (folder / "协查.csv").write_bytes(text([HEADER, ["B1234", *ROWS[0][1:]], ROWS[0]]))
    looked(watch(rig, folder))
    assert not rig.is_listed("鲁B12345")
    told = receipt_in(folder / REFUSED)
    assert "没有导入，名单没有改变。有 1 行有误" in told
    assert "第 2 行：" in told
    (book,) = (folder / REFUSED).glob("*.有误的行.xlsx")
    assert CalamineWorkbook.from_path(book).get_sheet_by_index(0).to_python()[1][0] == "B1234"
    assert len(list((folder / REFUSED).glob("* 协查.csv"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("表.xlsx", lambda: xlsx(("协查", [CHINESE, *FORM_ROWS])), "第一次见到这种表"),
        ("表.pdf", lambda: b"%PDF-1.7 " + bytes(60), "PDF 文件"),
        ("空.csv", lambda: b"", "文件是空的"),
        ("大.csv", lambda: text([HEADER, *ROWS * 3]), "超过 5 行"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_in_words(
    rig: RiskRig, folder: Path, name: str, content: Callable[[], bytes], told: str
):
    (folder / name).write_bytes(content())
    looked(watch(rig, folder, FolderRule(most_rows=5)))
    assert told in receipt_in(folder / REFUSED)
    assert rig.record.count_visits() == (0, 0, 0)


def test_a_form_that_was_confirmed_is_taken_over(rig: RiskRig, folder: Path):
    path, forms = folder / "表.xlsx", list[Form]()
    path.write_bytes(xlsx(("协查", [CHINESE, *FORM_ROWS])))
    list(read_travel_rows(path, Reading(form_found=forms.append)))
    rig.keeper.remember_forms(forms)
    looked(watch(rig, folder))
    assert "结果：已导入。" in receipt_in(folder / DONE)


def test_a_file_that_still_grows_and_what_programs_leave_is_let_be(rig: RiskRig, folder: Path):
    path = folder / "协查.csv"
    path.write_bytes(text([HEADER]))
    for name in ("~$协查.xlsx", ".协查.swp", "下载.part"):
        (folder / name).write_bytes(text([HEADER, *ROWS]))
    (folder / "链接.csv").symlink_to("/etc/hostname")
    watched = watch(rig, folder)
    assert list(watched.look()) == []
    path.write_bytes(text([HEADER, *ROWS]))
    assert list(watched.look()) == []
    assert [receipt.name for receipt in watched.look()] == ["协查.csv"]


def test_files_wait_while_the_list_is_away(rig: RiskRig, folder: Path):
    (folder / "协查.csv").write_bytes(text([HEADER, *ROWS]))

    @contextmanager
    def away() -> Iterator[RiskKeeper]:
        raise RiskDBError("no list")
        yield rig.keeper

    watched = FolderWatch(folder, away, FolderRule(), rig.clock)
    assert list(watched.look()) == []
    with pytest.raises(RiskDBError):
        list(watched.look())
    assert (folder / "协查.csv").exists()


def test_files_and_receipts_are_deleted_in_time(rig: RiskRig, folder: Path):
    (folder / "协查.csv").write_bytes(text([HEADER, *ROWS]))
    watched = watch(rig, folder)
    looked(watched)
    rig.clock.forward(days=400)
    list(watched.look())
    assert list((folder / DONE).iterdir()) == []


def test_the_command_takes_what_lies_there(tmp_path: Path, folder: Path, redis_url: str):
    (folder / "协查.csv").write_bytes(text([HEADER, ["鲁B12345", "", HUANGDAO, "昨天", "今天", "函12"]]))
    config = tmp_path / "kakou.toml"
    config.write_text(f'state_dir = "{tmp_path / "state"}"\nredis_url = "{redis_url}"\n')
    done = call_kakou("risk", "watch", str(folder), "--once", "--every", "0.05", "--config", str(config))
    assert done.exit_code == 3
    assert "协查.csv：没有导入。有 1 行有误" in done.stderr


def test_one_look_that_could_not_be_taken_ends_in_an_error_and_the_files_wait(tmp_path: Path, folder: Path):
    (folder / "协查.csv").write_bytes(text([HEADER, *ROWS]))
    config = tmp_path / "kakou.toml"
    config.write_text(f'state_dir = "{tmp_path / "state"}"\nredis_url = "unix://{tmp_path}/nowhere.sock"\n')
    done = call_kakou("risk", "watch", str(folder), "--once", "--every", "0.05", "--config", str(config))
    assert done.exit_code == 4, done.stderr
    assert [path.name for path in folder.iterdir()] == ["协查.csv"]
