"""Files of other people: every row judged, one bad row stops them all."""

import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.grammar import FORMS, normalise_plate, plate_classes_of
from riskdb.compute import ListRule
from riskdb.exporting import csv_sheet, escape_cell
from riskdb.importing import JudgedRow, RowJudge, RowOutcome, TravelRow
from riskdb.settings import RiskSettings
from riskdb.tables import read_travel_rows
from riskdb.types import RiskFileError
from tests.riskdb_kit import HUANGDAO, NOON, Grammar, RiskRig, risk_rig, row

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


# --- what becomes of a row


def test_a_second_import_of_the_same_rows_changes_nothing(rig: RiskRig):
    rows = [row("粤B82500", HUANGDAO, START, NOON)]
    first, _ = rig.imported(rows)
    version = rig.hot_set().state().version
    second, judged = rig.imported(rows)
    assert first.is_applied
    assert not second.is_applied
    assert _only(judged).outcome is RowOutcome.DUPLICATE
    assert rig.hot_set().state().version == version


@pytest.mark.parametrize("written", ["粤b82500", "粤Ｂ·８２５００", " 粤B 82500 ", "粤B-8250O", "粤B8250O"])
def test_a_plate_written_in_another_way_is_normalised_and_said_so(rig: RiskRig, written: str):
    _, judged = rig.imported([row(written, HUANGDAO, START, NOON)])
    assert (_only(judged).outcome, _only(judged).plate) == (RowOutcome.NORMALISED, "粤B82500")
    assert _only(judged).detail.endswith("→ 粤B82500")


def test_the_same_stay_with_another_end_is_a_conflict_and_both_count(rig: RiskRig):
    rows = [row("粤B82500", HUANGDAO, START, START + timedelta(hours=hours)) for hours in (1, 9)]
    _, judged = rig.imported(rows)
    assert [one.outcome for one in judged] == [RowOutcome.ACCEPTED, RowOutcome.CONFLICT]
    rig.declared()
    assert len(rig.reasons("粤B82500")) == 2


def test_a_stay_before_the_look_back_is_expired_and_not_kept(rig: RiskRig):
    _, judged = rig.imported([row("粤B82500", HUANGDAO, NOON - timedelta(days=20), NOON - timedelta(days=15))])
    assert _only(judged).outcome is RowOutcome.EXPIRED
    assert rig.record.count_visits() == (0, 0, 0)


@pytest.mark.parametrize(
    ("cells", "cause"),
    [
        (",370211,2026-11-20,2026-11-21,流调", "plate: is missing"),
        ("粤B8250,370211,2026-11-20,2026-11-21,流调", "this has 6"),
        ("=cmd|'/c calc'!A1,370211,2026-11-20,2026-11-21,流调", "plate:"),
        ("粤B82500,999999,2026-11-20,2026-11-21,流调", "no known province"),
        ("粤B82500,37021,2026-11-20,2026-11-21,流调", "has 5 digits"),
        ("粤B82500,青岛,2026-11-20,2026-11-21,流调", "not made of digits"),
        ("粤B82500,370211,2026-11-21,2026-11-20,流调", "is before from"),
        ("粤B82500,370211,0021-11-20,2026-11-21,流调", "year 0021 is impossible"),
        ("粤B82500,370211,2026-11-20,2027-11-21,流调", "lies in the future"),
        ("粤B82500,370211,2026-11-31,2026-12-01,流调", "is not a time"),
        ("粤B82500,370211,9999-12-31,9999-12-31,流调", "future"),
        ("粤B82500,370211,,2026-11-21,流调", "from: is missing"),
        ("粤B82500,370211,2026-11-20,2026-11-21,", "source: is missing"),
        ("粤B82500,370211,2026-11-20,2026-11-21,流调,x", "has 6 cells"),
        ("粤B82\x00500,370211,2026-11-20,2026-11-21,流调", "NUL byte"),
        ("粤B82\u202e500,370211,2026-11-20,2026-11-21,流调", "plate:"),
    ],
)
def test_a_bad_row_is_named_with_its_cause_and_nothing_is_applied(rig: RiskRig, tmp_path: Path, cells: str, cause: str):
    path = _file(tmp_path, f"{HEADER}{GOOD}{cells}\n粤B82501,370211,2026-11-20,2026-11-21,流调\n")
    result, judged = rig.imported(list(read_travel_rows(path)))
    (bad,) = [one for one in judged if one.outcome is RowOutcome.INVALID]
    assert bad.number == 3
    assert cause in bad.detail
    assert not result.is_applied
    assert rig.record.count_visits() == (0, 0, 0)


def test_a_class_that_cannot_carry_the_plate_is_invalid(rig: RiskRig):
    _, judged = rig.imported([row("粤BD12345", HUANGDAO, START, NOON, plate_class="02")])
    assert "does not go with" in _only(judged).detail


def test_skip_invalid_applies_the_good_rows(rig: RiskRig, tmp_path: Path):
    path = _file(tmp_path, f"{HEADER}{GOOD}粤B8250,370211,2026-11-20,2026-11-21,流调\n")
    result, _ = rig.imported(list(read_travel_rows(path)), skip_invalid=True)
    assert result.is_applied
    assert rig.record.count_visits()[1] == 1


def test_a_dry_run_judges_every_row_and_keeps_none(rig: RiskRig, tmp_path: Path):
    rows = list(read_travel_rows(_file(tmp_path, HEADER + GOOD)))
    result, published = rig.keeper.import_rows(rows, is_dry_run=True)
    assert result.counts[RowOutcome.ACCEPTED] == 1
    assert (result.is_applied, published) == (False, None)
    assert rig.record.count_visits() == (0, 0, 0)


# --- files


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
        ("a.csv", "plate,area,from,to,source,owner\n", "unknown column 'owner'"),
        ("a.csv", "plate,area,from,to\n", "column 'source' is missing"),
        ("a.csv", "plate,plate,area,from,to,source\n", "stands there twice"),
        ("a.csv", "", "is missing"),
        ("a.csv", b"\xff\xfe\x00\x81\x30", "neither UTF-8 nor GB18030"),
        ("a.csv", HEADER + '"' + "x" * 200_000, "line"),
        ("a.xlsx", b"not a zip file", "not a readable XLSX"),
        ("a.parquet", b"PAR1 but not", "not a readable Parquet"),
        ("a.pdf", b"", "unknown kind of file"),
    ],
)
def test_an_unreadable_file_is_named_with_its_cause(tmp_path: Path, name: str, content: str | bytes, cause: str):
    path = _file(tmp_path, content, name)
    with pytest.raises(RiskFileError, match=cause) as caught:
        list(read_travel_rows(path))
    assert name in str(caught.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked_into_memory(tmp_path: Path):
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet,
    ):
        for _ in range(600):
            sheet.write(bytes(1 << 20))
    assert path.stat().st_size < 2_000_000
    with pytest.raises(RiskFileError, match="unpacks to more than"):
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


# --- interrupted

_SLOW_IMPORT = """
import sys
from pathlib import Path
from tests.riskdb_kit import risk_rig, row, HUANGDAO, NOON
from datetime import timedelta
def rows():
    for number in range(5000):
        yield row(f"粤B{number:05d}", HUANGDAO, NOON - timedelta(days=2), NOON, number=number)
        if number == 3000:
            print("half", flush=True)
            sys.stdin.readline()
with risk_rig(Path(sys.argv[1]), sys.argv[2]) as rig:
    rig.keeper.import_rows(rows())
"""


def test_a_killed_import_leaves_the_old_list_whole_and_a_second_run_finishes(rig: RiskRig):
    rig.travelled("粤B82500", days_ago=1)
    rig.declared()
    before = rig.hot_set().state()
    command = [sys.executable, "-c", _SLOW_IMPORT, str(rig.folder), rig.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert rig.record.count_visits()[1] == 1
    assert rig.hot_set().state().version == before.version
    subprocess.run(command, input="\n", text=True, check=True, stdout=subprocess.DEVNULL)
    assert rig.record.count_visits()[1] == 5001
    assert rig.hot_set().state().count == 5001


def test_an_import_that_died_before_it_published_is_published_by_the_next_act(rig: RiskRig):
    rig.declared()
    silent = rig.keeper
    silent._publisher = None
    silent.import_rows([row("粤B82500", HUANGDAO, START, NOON)])
    assert not rig.is_listed("粤B82500")
    tender = rig.tender
    tender.tick()
    tender.tick()
    assert rig.is_listed("粤B82500")


# --- spellings

_FORM_TEXTS = st.sampled_from(FORMS).flatmap(lambda form: st.tuples(*map(st.sampled_from, form.slots)).map("".join))
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@given(_FORM_TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_plate_of_the_grammar_is_its_own_spelling(text: str):
    assert normalise_plate(text) == text
    assert plate_classes_of(text)


@given(_FORM_TEXTS, st.booleans(), st.booleans(), st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_lower_case_full_width_and_separators_do_not_change_a_plate(text: str, wide: bool, lower: bool, place: int):
    written = text[:place] + "·" + text[place:]
    written = written.lower() if lower else written
    assert normalise_plate(written.translate(_WIDE) if wide else written) == text


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_text_is_either_a_plate_of_the_grammar_or_refused_with_a_cause(text: str):
    plate, cause = _normalised(text)
    assert bool(plate) != bool(cause)
    if plate:
        assert normalise_plate(plate) == plate
        assert plate_classes_of(plate)


def _normalised(text: str) -> tuple[str, str]:
    try:
        return normalise_plate(text), ""
    except ValueError as error:
        return "", str(error)


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.text())
@settings(max_examples=150, deadline=None)
def test_a_row_of_any_cells_is_judged_or_refused_with_a_cause(
    plate: str, code: str, area: str, begin: str, end: str, source: str
):
    judge = RowJudge(Grammar(), ListRule.of(RiskSettings()), 8.0, int(NOON.timestamp()))
    try:
        judged = judge.judge(TravelRow("a.csv", 2, plate, code, area, begin, end, source))
    except ValueError:
        return
    assert judged.visited_from < judged.visited_until
