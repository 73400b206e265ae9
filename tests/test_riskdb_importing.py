"""Files of other people: every row judged, one bad row stops them all."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from riskdb.digest import load_or_create_key
from riskdb.keeper import RiskKeeper
from riskdb.record.declaring import Declared
from riskdb.record.importing import BATCH, JudgedRow, RowOutcome
from riskdb.record.travel import read_travel_rows
from tests.riskdb_kit import HUANGDAO, NOON, Grammar, Guess, RiskRig, risk_rig, row

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


def test_an_i_that_can_only_be_a_1_is_one(rig: RiskRig):
    _, judged = rig.imported([row("粤BI250I", HUANGDAO, START, NOON)])
    assert (_only(judged).outcome, _only(judged).plate) == (RowOutcome.NORMALISED, "粤B12501")


def test_the_same_stay_with_another_end_is_a_conflict_and_both_count(rig: RiskRig):
    rows = [row("粤B82500", HUANGDAO, START, START + timedelta(hours=hours)) for hours in (1, 9)]
    _, judged = rig.imported(rows)
    assert [one.outcome for one in judged] == [RowOutcome.ACCEPTED, RowOutcome.CONFLICT]
    rig.declared()
    assert len(rig.reasons("粤B82500")) == 2


def test_the_order_of_the_rows_decides_what_is_first_and_what_is_a_repetition(rig: RiskRig):
    long, short = (row("粤B82500", HUANGDAO, START, START + timedelta(hours=hours)) for hours in (9, 1))
    other = row("粤B82500", HUANGDAO, START, START + timedelta(hours=9), source="a later office")
    _, judged = rig.imported([long, short, other, short])
    outcomes = [RowOutcome.ACCEPTED, RowOutcome.CONFLICT, RowOutcome.DUPLICATE, RowOutcome.DUPLICATE]
    assert [one.outcome for one in judged] == outcomes
    rig.declared()
    assert {reason.source for reason in rig.reasons("粤B82500")} == {"流调"}
    _, again = rig.imported([other, row("粤B82500", HUANGDAO, START, START + timedelta(hours=2))])
    assert [one.outcome for one in again] == [RowOutcome.DUPLICATE, RowOutcome.CONFLICT]


def test_one_bad_row_far_down_stops_a_long_file(rig: RiskRig):
    good = [row(f"粤B{number:05d}", HUANGDAO, START, NOON, number=number) for number in range(BATCH + 2)]
    result, judged = rig.imported([*good, row("粤B8250", HUANGDAO, START, NOON, number=BATCH + 2)])
    assert (len(judged), judged[-1].outcome, judged[-1].number) == (BATCH + 3, RowOutcome.INVALID, BATCH + 2)
    assert not result.is_applied
    assert rig.record.count_visits() == (0, 0, 0)


def test_a_stay_before_the_look_back_is_expired_and_not_kept(rig: RiskRig):
    _, judged = rig.imported([row("粤B82500", HUANGDAO, NOON - timedelta(days=20), NOON - timedelta(days=15))])
    assert _only(judged).outcome is RowOutcome.EXPIRED
    assert rig.record.count_visits() == (0, 0, 0)


@pytest.mark.parametrize(
    ("cells", "cause"),
    [
        (",370211,2026-11-20,2026-11-21,流调", "号牌：没有填写"),
        ("粤B8250,370211,2026-11-20,2026-11-21,流调", "这里有 6 个"),
        ("粤B临2500,370211,2026-11-20,2026-11-21,流调", "没有正式号牌"),
        ("=cmd|'/c calc'!A1,370211,2026-11-20,2026-11-21,流调", "号牌"),
        ("粤B82500,999999,2026-11-20,2026-11-21,流调", "不属于任何省份"),
        ("粤B82500,37021,2026-11-20,2026-11-21,流调", "有 5 位"),
        ("粤B82500,火星,2026-11-20,2026-11-21,流调", "不在区划表里"),
        ("粤B82500,370211,2026-11-21,2026-11-20,流调", "早于到达时间"),
        ("粤B82500,370211,0021-11-20,2026-11-21,流调", "不是时间"),
        ("粤B82500,370211,2026-11-20,2027-11-21,流调", "在将来"),
        ("粤B82500,370211,2026-11-31,2026-12-01,流调", "不是时间"),
        ("粤B82500,370211,9999-12-31,9999-12-31,流调", "不是时间"),
        ("粤B82500,370211,,2026-11-21,流调", "到达时间：没有填写"),
        ("粤B82500,370211,2026-11-20,2026-11-21,", "来源：没有填写"),
        ("粤B82500,370211,2026-11-20,2026-11-21," + "x" * 201, "来源：有 201 个字"),
        ("粤B82500,370211,2026-11-20,2026-11-21,流调,x", "有 6 格"),
        ("粤B82\x00500,370211,2026-11-20,2026-11-21,流调", "空字符"),
        ("粤B82\u202e500,370211,2026-11-20,2026-11-21,流调", "号牌"),
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
    assert "不符" in _only(judged).detail


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


# --- interrupted

_IMPORT = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from tests.riskdb_kit import HUANGDAO, NOON, risk_rig, row

def die_at(moment):
    if sys.argv[3] == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def rows():
    for number in range(6_000):
        yield row(f"粤B{number:05d}", HUANGDAO, NOON - timedelta(days=2), NOON, number=number)
        if number == 5_000:
            die_at("while rows are read")

def judged(row):
    if row.number == 100:
        die_at("after rows went into the table")

def published(done, total):
    if done > total // 2:
        die_at("while the new list is half written")

with risk_rig(Path(sys.argv[1]), sys.argv[2]) as rig:
    rig.keeper.import_rows(rows(), on_row=judged, on_progress=published)
"""


@pytest.mark.parametrize(
    ("moment", "is_recorded"),
    [
        pytest.param("while rows are read", False, marks=pytest.mark.long),
        pytest.param("after rows went into the table", False, marks=pytest.mark.long),
        ("while the new list is half written", True),
    ],
)
def test_a_killed_import_leaves_the_old_list_whole_and_a_second_run_finishes(
    rig: RiskRig, moment: str, is_recorded: bool
):
    rig.travelled("粤A82500", days_ago=1)
    rig.declared()
    hot_set, before = rig.hot_set(), rig.hot_set().state()
    command = [sys.executable, "-c", _IMPORT, str(rig.folder), rig.url]
    assert subprocess.run([*command, moment], check=False).returncode == -signal.SIGKILL
    assert rig.record.count_visits()[1] == (6_001 if is_recorded else 1)
    assert rig.match(Guess("粤A82500"), hot_set=hot_set)
    assert rig.match(Guess("粤B00007"), hot_set=hot_set) is None
    assert hot_set.state().version == before.version
    subprocess.run([*command, "never"], check=True)
    assert rig.record.count_visits()[1] == 6_001
    assert rig.match(Guess("粤B00007"), hot_set=hot_set)
    assert hot_set.state().count == 6_001


def _without_redis(rig: RiskRig) -> RiskKeeper:
    """Return a keeper whose acts end as if killed when their transaction has just ended."""
    return RiskKeeper(rig.record, load_or_create_key(rig.key_path), Grammar(), rig.settings, None, rig.clock)


def _die_before_publishing(rig: RiskRig) -> None:
    rig.declared()
    _without_redis(rig).import_rows([row("粤B82500", HUANGDAO, START, NOON)])
    assert not rig.is_listed("粤B82500")


def test_an_import_that_died_before_it_published_is_finished_by_a_second_run(rig: RiskRig):
    _die_before_publishing(rig)
    rig.imported([row("粤B82500", HUANGDAO, START, NOON)])
    assert rig.is_listed("粤B82500")


def test_a_declaration_or_lifting_that_died_before_it_published_is_finished_by_a_second_run(rig: RiskRig):
    rig.travelled("粤B82500")
    _without_redis(rig).declare([Declared(HUANGDAO, "high", source="通告")])
    assert not rig.is_listed("粤B82500")
    rig.declared()
    assert rig.is_listed("粤B82500")
    _without_redis(rig).lift(HUANGDAO)
    assert rig.is_listed("粤B82500")
    with pytest.raises(ValueError, match="没有公布为风险区"):
        rig.keeper.lift(HUANGDAO)
    assert not rig.is_listed("粤B82500")


def test_an_import_that_died_before_it_published_is_published_by_the_next_change(rig: RiskRig):
    _die_before_publishing(rig)
    rig.declared("370212")
    assert rig.is_listed("粤B82500")


def test_an_import_that_died_before_it_published_is_published_by_the_tender(rig: RiskRig):
    _die_before_publishing(rig)
    tender = rig.tender
    tender.tick()
    tender.tick()
    assert rig.is_listed("粤B82500")
