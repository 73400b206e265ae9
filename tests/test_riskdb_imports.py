"""What came in together is taken back together, and a form that was explained once is known."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from kakou.errors import exit_code_of
from kakou.exit_codes import ExitCode
from riskdb.record.faulty import FaultyRows
from riskdb.record.importing import RowOutcome
from riskdb.record.mapping.forms import Form
from riskdb.record.record import RiskRecord
from riskdb.record.rotation import rotate_key
from riskdb.record.schema import SCHEMA_VERSION
from riskdb.record.travel import Reading, bindings_of, read_travel_rows
from riskdb.types import NewerRecordError, RiskFileError, RiskRequestError
from tests.riskdb_kit import HUANGDAO, NOON, RiskRig, make_older, risk_rig, row

START = NOON - timedelta(days=2)
OURS, THEIRS = "粤B82500", "粤B82501"


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.declared()
        yield made


def bring(rig: RiskRig, *plates: str) -> int:
    result, _ = rig.imported([row(plate, HUANGDAO, START, NOON) for plate in plates])
    assert result.import_number is not None
    return result.import_number


def take_back(rig: RiskRig, number: int) -> None:
    rig.keeper.take_back(number, actor="tester", reason="wrong file")


def test_an_import_is_taken_back_as_a_whole(rig: RiskRig):
    bring(rig, THEIRS)
    number = bring(rig, OURS, "粤B82502")
    take_back(rig, number)
    assert not rig.is_listed(OURS)
    assert rig.is_listed(THEIRS)
    assert rig.record.count_visits()[1] == 1
    assert [entry.taken_back_by for entry in rig.keeper.imports()] == ["tester", None]


def test_what_another_import_said_as_well_stays_until_that_one_is_taken_back(rig: RiskRig):
    first = bring(rig, OURS)
    second = bring(rig, OURS, THEIRS)
    third = bring(rig, OURS, "粤B82503")
    take_back(rig, first)
    assert rig.is_listed(OURS)
    take_back(rig, second)
    assert rig.is_listed(OURS)
    assert not rig.is_listed(THEIRS)
    take_back(rig, third)
    assert not rig.is_listed(OURS)


def test_taking_back_the_one_that_repeated_leaves_the_first(rig: RiskRig):
    bring(rig, OURS)
    take_back(rig, bring(rig, OURS, THEIRS))
    assert rig.is_listed(OURS)
    assert not rig.is_listed(THEIRS)


def test_a_correction_stays_when_the_import_is_taken_back_and_comes_again(rig: RiskRig):
    number = bring(rig, OURS, THEIRS)
    rig.keeper.remove(OURS, actor="tester", reason="wrong plate")
    take_back(rig, number)
    bring(rig, OURS, THEIRS)
    assert not rig.is_listed(OURS)
    assert rig.is_listed(THEIRS)


def test_an_import_is_taken_back_once_and_with_a_reason(rig: RiskRig):
    number = bring(rig, OURS)
    with pytest.raises(RiskRequestError, match="原因"):
        rig.keeper.take_back(number, actor="tester", reason=" ")
    take_back(rig, number)
    with pytest.raises(RiskRequestError, match="已经撤回"):
        take_back(rig, number)
    with pytest.raises(RiskRequestError, match="没有编号为 99"):
        take_back(rig, 99)


def test_a_list_that_shrank_because_an_import_was_taken_back_is_explained(rig: RiskRig):
    number = bring(rig, *(f"粤B{plate:05d}" for plate in range(40)))
    digests = [digest for digest, _ in rig.keeper.listed()]
    assert len(digests) == 40
    rig.keeper.take_back(number, actor="tester", reason="wrong file")
    assert rig.record.count_visits()[1] == 0
    assert rig.record.count_known(digests) == 40


def test_repetitions_are_known_after_the_plate_key_was_changed(rig: RiskRig):
    first = bring(rig, OURS)
    bring(rig, OURS, THEIRS)
    rotate_key(rig.record, rig.key_path)
    take_back(rig, first)
    assert rig.record.count_visits()[1] == 2


def test_a_dry_run_says_what_the_list_would_gain(rig: RiskRig):
    bring(rig, OURS)
    rows = [row(plate, HUANGDAO, START, NOON) for plate in (OURS, THEIRS, "粤B82504")]
    result, _ = rig.keeper.import_rows([*rows, row(OURS, "370212", START, NOON)], is_dry_run=True)
    assert result.listing is not None
    assert (result.listing.added, result.listing.removed, result.listing.unchanged) == (2, 0, 1)
    assert not rig.is_listed(THEIRS)


@pytest.mark.parametrize("standing", [3, 60], ids=["most of the record", "few of the record"])
def test_a_dry_run_says_what_the_import_then_does(rig: RiskRig, standing: int):
    bring(rig, OURS, *(f"粤C{plate:05d}" for plate in range(standing)))
    rows = [row(plate, HUANGDAO, START - timedelta(hours=1), NOON) for plate in (OURS, THEIRS, "粤B82504")]
    rows.append(row("粤B82505", "370212", START, NOON))
    before = {digest for digest, _ in rig.keeper.listed()}
    tried, _ = rig.keeper.import_rows(rows, is_dry_run=True)
    assert {digest for digest, _ in rig.keeper.listed()} == before
    rig.imported(rows)
    gained = {digest for digest, _ in rig.keeper.listed()} - before
    assert tried.listing is not None
    assert (tried.listing.added, tried.listing.removed, tried.listing.unchanged) == (len(gained), 0, 1)
    assert len(gained) == 2


def test_a_record_of_the_version_before_is_brought_up_to_date(tmp_path: Path):
    with RiskRecord(tmp_path / "old.sqlite") as record:
        make_older(record.connection, 1)
    with RiskRecord(tmp_path / "old.sqlite") as record:
        assert record.connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert record.connection.execute("SELECT COUNT(import_number) FROM visit").fetchone() == (0,)


def test_a_record_of_a_newer_build_is_refused_with_what_to_do_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "new.sqlite"
    with RiskRecord(path) as record:
        record.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(NewerRecordError, match="请装回该版本，或放回升级前的备份"):
        RiskRecord(path)
    assert path.read_bytes() == before
    assert exit_code_of(NewerRecordError) is ExitCode.CONFIG  # a supervisor does not start it again and again


# --- forms

UNKNOWN = "车,在哪,何时到,何时走,谁说的\n粤B82500,370211,2026-11-20,2026-11-22,流调\n"
SAID = {"车": "plate", "在哪": "地区", "何时到": "from", "何时走": "to", "谁说的": "来源"}


def test_a_form_that_was_explained_once_is_known_the_next_time(rig: RiskRig, tmp_path: Path):
    path = tmp_path / "odd.csv"
    path.write_text(UNKNOWN, encoding="utf-8")
    with pytest.raises(RiskFileError, match="表头"):
        list(read_travel_rows(path))
    forms: list[Form] = []
    (explained,) = read_travel_rows(path, Reading(bindings=bindings_of(SAID), form_found=forms.append))
    rig.keeper.remember_forms(forms)
    (known,) = read_travel_rows(path, Reading(remembered=rig.keeper.remembered_form))
    assert known[:8] == explained[:8] == ("odd.csv", 2, OURS, "", HUANGDAO, "2026-11-20", "2026-11-22", "流调")


def test_a_column_can_be_passed_over_and_a_source_given(tmp_path: Path):
    path = tmp_path / "twice.csv"
    path.write_text(
        "车牌号,号牌号码,地区,到达时间,离开时间\n粤B82500,旧,370211,2026-11-20,2026-11-22\n", encoding="utf-8"
    )
    told: list[str] = []
    reading = Reading("函12", bindings_of({"号牌号码": "-"}), notice=told.append)
    (only,) = read_travel_rows(path, reading)
    assert (only.plate, only.source) == (OURS, "函12")
    assert told == [
        "twice.csv：第 1 行是表头：号牌←车牌号，地区←地区，到达时间←到达时间，离开时间←离开时间；没有读取的列：号牌号码"
    ]


def test_names_and_phones_are_neither_told_nor_handed_back(rig: RiskRig, tmp_path: Path):
    path = tmp_path / "people.csv"
    header = "车牌号,地区,到达时间,离开时间,来源,车主姓名,联系电话,备注"
    path.write_text(
        f"{header}\n粤B8250,370211,2026-11-20,2026-11-22,流调,张某某,13800000001,=1+1\n填报人：李某某,,,,,,,\n",
        encoding="utf-8",
    )
    told: list[str] = []
    _, judged = rig.imported(list(read_travel_rows(path, Reading(notice=told.append))))
    faulty = FaultyRows()
    for one in judged:
        assert one.outcome is RowOutcome.INVALID
        faulty.add(one)
    book = CalamineWorkbook.from_filelike(BytesIO(faulty.as_xlsx()))
    first, second = book.get_sheet_by_index(0).to_python()
    assert first == [*header.split(","), "问题"]
    assert second[0] == "粤B8250"
    assert second[5:8] == ["", "", "=1+1"]
    assert str(second[8]).startswith("第 2 行：号牌“粤B8250”")
    said = "".join([*told, *(one.detail for one in judged)])
    assert not any(secret in said for secret in ("张某某", "李某某", "13800000001"))
