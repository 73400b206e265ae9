"""Files as offices send them: imported as meant or refused with what to do, never a vehicle silently left out."""

import random
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from riskdb.record.judging import RowJudge, TravelRecord
from riskdb.record.travel import Reading, read_travel_rows
from riskdb.rule import ListRule
from riskdb.settings import RiskSettings
from riskdb.types import RiskFileError
from tests.office_files import office_files
from tests.office_kit import BEIJING, HEADER, NOW, ROWS, OfficeFile, Record, archive, html, text, write, xls, xlsx
from tests.riskdb_kit import Grammar

FILES = list(office_files())
FULL = [HEADER, *ROWS]


def read(folder: Path, file: OfficeFile) -> tuple[list[TravelRecord], list[str]]:
    """Return the records of a file and what was refused of it."""
    judge = RowJudge(Grammar(), ListRule.of(RiskSettings()), 8.0, int(NOW.timestamp()))
    records: list[TravelRecord] = []
    problems: list[str] = []
    try:
        rows = list(read_travel_rows(write(folder, file)))
    except RiskFileError as error:
        return [], [str(error)]
    judge.look_ahead(rows)
    for row in rows:
        try:
            records += judge.judge(row)
        except ValueError as error:
            problems.append(f"第 {row.number} 行：{error}")
    return records, problems


def shown(record: TravelRecord) -> Record:
    begin, end = (_minute(moment) for moment in (record.visited_from, record.visited_until))
    return record.plate, record.plate_class.strip("*"), record.area, begin, end


def _minute(epoch_s: int) -> str:
    moment = datetime.fromtimestamp(epoch_s, BEIJING)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_file_is_imported_as_meant_or_refused_with_what_to_do(tmp_path: Path, file: OfficeFile):
    records, problems = read(tmp_path, file)
    if file.refused:
        assert file.refused in "；".join(problems), (records, problems)
        assert "；" in problems[0]  # behind it stands what to do
    else:
        assert problems == []
        assert [shown(record) for record in records] == list(file.records)


def test_the_corpus_is_large_and_names_are_its_own():
    assert len(FILES) >= 150
    assert len({file.name for file in FILES}) == len(FILES)


@pytest.mark.parametrize("suffix", [".xls", ".html", ".zip"])
def test_a_damaged_file_of_any_format_gives_rows_or_a_refusal_and_no_trace(tmp_path: Path, capfd, suffix: str):
    content = {".xls": xls(FULL), ".html": html(FULL), ".zip": archive(a__csv=text(FULL))}[suffix]
    rng = random.Random(suffix)
    refusals = 0
    for number in range(20):
        raw = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(raw))
            raw[place : place + rng.choice((0, 1, 1, 7))] = rng.randbytes(rng.choice((0, 1, 1, 5)))
        records, problems = read(tmp_path, OfficeFile(f"{number}{suffix}", bytes(raw)))
        assert all(record.visited_from < record.visited_until for record in records)
        refusals += bool(problems)
    assert refusals
    assert capfd.readouterr().err == ""


def test_a_cell_at_the_far_corner_of_a_sheet_is_refused_before_it_takes_the_memory(tmp_path: Path):
    def far(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].write_string(1_048_575, 16_383, "x")

    _, problems = read(tmp_path, OfficeFile("far.xlsx", xlsx(("S", FULL), change=far)))
    assert "第 1048576 行、第 16384 列" in problems[0]


def test_cells_with_a_line_through_them_are_read_and_that_is_said(tmp_path: Path):
    def struck(book: xlsxwriter.Workbook) -> None:
        line = book.add_format({"font_strikeout": True})
        for column, cell in enumerate(ROWS[1]):
            book.worksheets()[0].write(2, column, cell or None, line)
        book.worksheets()[0].write_blank(3, 0, None, line)

    notices: list[str] = []
    file = OfficeFile("struck.xlsx", xlsx(("S", FULL), change=struck))
    assert len(list(read_travel_rows(write(tmp_path, file), Reading(notice=notices.append)))) == 2
    assert [words for words in notices if "删除线" in words] == [
        "struck.xlsx：工作表“S”有 5 格画着删除线，也读取了；不该列入的请删去"
    ]
