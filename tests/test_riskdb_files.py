"""Files that other people made, and files for them."""

import contextlib
import csv
import io
import random
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from riskdb.exporting import csv_sheet, escape_cell
from riskdb.record.importing import JudgedRow
from riskdb.record.judging import RowJudge
from riskdb.record.travel import read_travel_rows
from riskdb.rule import ListRule
from riskdb.settings import RiskSettings
from riskdb.types import RiskFileError
from tests.riskdb_kit import NOON, Grammar, RiskRig, risk_rig

HEADER = "plate,area,from,to,source\n"
GOOD = "粤B82500,370211,2026-11-20,2026-11-21,流调\n"
START = NOON - timedelta(days=2)


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        yield made


def _file(folder: Path, content: str | bytes, name: str = "records.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _only(judged: list[JudgedRow]) -> JudgedRow:
    (one,) = judged
    return one


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_files_are_read_in_the_encodings_that_offices_write(tmp_path: Path, encoding: str):
    (only,) = read_travel_rows(_file(tmp_path, (HEADER + GOOD).encode(encoding)))
    assert (only.plate, only.source, only.number) == ("粤B82500", "流调", 2)


def test_a_date_as_the_end_means_the_whole_day_in_beijing(rig: RiskRig, tmp_path: Path):
    rig.imported(list(read_travel_rows(_file(tmp_path, HEADER + GOOD))))
    rig.declared()
    (reason,) = rig.reasons("粤B82500")
    assert reason.visited_from.isoformat() == "2026-11-19T16:00:00+00:00"
    assert reason.visited_until.isoformat() == "2026-11-21T16:00:00+00:00"


def test_xlsx_and_parquet_hold_the_same_as_csv(tmp_path: Path):
    _write_xlsx(tmp_path / "records.xlsx")
    cells = {"plate": ["粤B82500"], "area": [370211], "from": [datetime(2026, 11, 20)], "to": ["2026-11-21"]}
    pl.DataFrame({**cells, "source": ["流调"]}).write_parquet(tmp_path / "records.parquet")
    (expected,) = read_travel_rows(_file(tmp_path, HEADER + GOOD))
    for name in ("records.xlsx", "records.parquet"):
        (found,) = read_travel_rows(tmp_path / name)
        assert found[1:4] == expected[1:4]
        assert found.visited_from.startswith("2026-11-20")
        assert found.visited_until == "2026-11-21"


def _write_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["plate", "area", "from", "to", "source"])
        sheet.write_row(1, 0, ["粤B82500", 370211])
        sheet.write_datetime(1, 2, datetime(2026, 11, 20), day)
        sheet.write_datetime(1, 3, datetime(2026, 11, 21), day)
        sheet.write(1, 4, "流调")


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("a.csv", "plate,area,from,to\n", "缺少“来源”列"),
        ("a.csv", "plate,号牌,area,from,to,source\n", "两列都像号牌"),
        ("a.csv", "", "文件是空的"),
        ("a.csv", b"\xff\xfe\x00\x81\x30", "文字编码"),
        ("a.csv", HEADER + '"' + "x" * 200_000, "引号"),
        ("a.csv", HEADER + '粤B82500,370211,2026-11-20,2026-11-21,"流调\n' + GOOD, "引号"),
        ("a.csv", HEADER + '粤B82500,370211,2026-11-20,2026-11-21,"流调" 二\n' + GOOD, "第 2 行"),
        ("a.xlsx", b"not a zip\0file", "不是可以读取的 XLSX"),
        ("a.parquet", b"PAR1 but not", "Parquet"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
    ],
)
def test_an_unreadable_file_is_named_with_its_cause(tmp_path: Path, name: str, content: str | bytes, cause: str):
    path = _file(tmp_path, content, name)
    with pytest.raises(RiskFileError, match=cause) as caught:
        list(read_travel_rows(path))
    assert name in str(caught.value)


def test_a_row_that_swallowed_others_between_two_stray_quotes_is_no_row(tmp_path: Path):
    swallowing = '粤B82501,370211,2026-11-20,2026-11-21,"流调\n粤B82502,370211,2026-11-20,2026-11-21,x"\n'
    swallowed, good = read_travel_rows(_file(tmp_path, HEADER + swallowing + GOOD))
    assert "引号" in swallowed.problem
    assert good.problem == ""


def test_a_note_may_have_several_lines(tmp_path: Path):
    noted = '粤B82501,370211,2026-11-20,2026-11-21,流调,"first line\nsecond line"\n'
    (row,) = read_travel_rows(_file(tmp_path, HEADER.rstrip("\n") + ",note\n" + noted))
    assert row.problem == ""


def test_a_formula_in_a_spreadsheet_is_text_and_is_never_worked_out(rig: RiskRig, tmp_path: Path):
    with xlsxwriter.Workbook(tmp_path / "records.xlsx", {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["plate", "area", "from", "to", "source"])
        sheet.write_row(1, 0, ["粤B82500", "370211", "2026-11-20", "2026-11-21", "=cmd|'/c calc'!A0"])
        sheet.write_row(2, 0, ["粤B82501", "370211", "2026-11-20", "2026-11-21"])
        sheet.write_formula(2, 4, '="never"&"worked out"', value="as it was saved")
    first, second = read_travel_rows(tmp_path / "records.xlsx")
    assert (first.source, second.source) == ("=cmd|'/c calc'!A0", "as it was saved")
    rig.imported([first])
    rig.declared()
    assert rig.reasons("粤B82500")[0].source == "=cmd|'/c calc'!A0"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_a_damaged_file_gives_rows_or_an_error_that_names_it(tmp_path: Path, suffix: str):
    """A hundred copies with some bytes changed, cut out or put in."""
    whole = _valid_file(tmp_path, suffix).read_bytes()
    rng = random.Random(suffix)
    judge = RowJudge(Grammar(), ListRule.of(RiskSettings()), 8.0, int(NOON.timestamp()))
    refusals = [_refusal(_file(tmp_path, _damaged(whole, rng), f"{n}{suffix}"), judge) for n in range(100)]
    assert any(refusals)
    assert all(f"{number}{suffix}" in refusal for number, refusal in enumerate(refusals) if refusal)


def _refusal(path: Path, judge: RowJudge) -> str:
    """Return why a file is refused, or "" when every row is judged or refused by itself."""
    try:
        rows = list(read_travel_rows(path))
    except RiskFileError as error:
        return str(error)
    for row in rows:
        with contextlib.suppress(ValueError):
            assert all(judged.visited_from < judged.visited_until for judged in judge.judge(row))
    return ""


def _valid_file(folder: Path, suffix: str) -> Path:
    cells = [["粤B82500", "370211", "2026-11-20", "2026-11-21 08:30", "流调"] for _ in range(20)]
    header = ["plate", "area", "from", "to", "source"]
    path = folder / f"whole{suffix}"
    if suffix == ".parquet":
        pl.DataFrame(cells, schema=header, orient="row").write_parquet(path)
    elif suffix == ".xlsx":
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate([header, *cells]):
                sheet.write_row(number, 0, row)
    else:
        path.write_text("\n".join(map(",".join, [header, *cells])), encoding="utf-8")
    return path


def _damaged(content: bytes, rng: random.Random) -> bytes:
    raw = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(raw))
        raw[place : place + rng.choice((0, 1, 1, 7))] = rng.randbytes(rng.choice((0, 1, 1, 5)))
    return bytes(raw[: rng.randrange(1, len(raw))] if rng.random() < 0.2 else raw)


@pytest.mark.parametrize(("claimed", "cause"), [(10**10, "解开后超过"), (1000, "不是可以读取的 XLSX")])
def test_a_zip_bomb_is_refused_whatever_size_it_claims(tmp_path: Path, claimed: int, cause: str):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(20_000_000))
        archive.infolist()[0].file_size = claimed
    with pytest.raises(RiskFileError, match=cause):
        list(read_travel_rows(path))


def test_an_export_holds_no_formula_and_leaves_nothing_behind_when_it_fails(tmp_path: Path):
    assert [escape_cell(cell)[0] for cell in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1")] == ["'"] * 5
    assert escape_cell("粤B82500") == "粤B82500"
    with pytest.raises(RuntimeError):
        _fail_half_way(tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def _fail_half_way(path: Path) -> None:
    with csv_sheet(path, ("plate",)) as sheet:
        sheet.add(["=cmd|' /C calc'!A0"])
        raise RuntimeError


def test_the_report_can_be_read_back(tmp_path: Path):
    with csv_sheet(tmp_path / "out.csv", ("plate", "detail")) as sheet:
        sheet.add(["=1+1", 'a "quote", and a comma'])
    rows = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text("utf-8-sig"))))
    assert rows == [["plate", "detail"], ["'=1+1", 'a "quote", and a comma']]
