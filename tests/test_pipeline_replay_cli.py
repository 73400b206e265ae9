"""`kakou replay` as an analyst calls it, on the fixture clips and a real record."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import redis

from kakou.settings import Settings
from kakou.wiring.matching import key_path
from kakou.wiring.replay import ReplayPlan
from kakou.wiring.risk import OcrGrammar, record_path
from riskdb.clock import WallClock
from riskdb.digest import load_or_create_key
from riskdb.keeper import RiskKeeper
from riskdb.record.declaring import Declared
from riskdb.record.judging import TravelRow
from riskdb.record.record import RiskRecord
from tests.clip_kit import first_seconds, passages_within
from tests.commands import REPOSITORY, call_kakou
from tests.pipeline_kit import moving_block, write_video
from tests.riskdb_kit import Clock, Guess, risk_rig

CLIP = REPOSITORY / "fixtures" / "videos" / "parked_car.mp4"
NOW = datetime.now(UTC).replace(microsecond=0)
AREA = "370211"
SECONDS = 4.4
"""Of the clip: in them a vehicle is parked and another one, which will be listed, passes it."""
PARKED, LISTED = (passage.text for passage in passages_within(CLIP, SECONDS))


def keep_record(state: Path, plate: str, received_at: datetime, declared_at: datetime) -> Settings:
    """Make a record that knew of a visit from one moment on, and of the area's risk from another."""
    settings = Settings(state_dir=state)
    clock = [received_at]
    with RiskRecord(record_path(settings)) as record:
        key = load_or_create_key(key_path(settings))
        keeper = RiskKeeper(record, key, OcrGrammar(), settings.risk, None, WallClock(lambda: clock[0].timestamp()))
        stay = [(received_at - timedelta(hours=hours)).isoformat() for hours in (48, 24)]
        keeper.import_rows([TravelRow("a.csv", 2, plate, "02", AREA, stay[0], stay[1], "test")])
        clock[0] = declared_at
        keeper.declare([Declared(AREA, "high", "test")])
    return settings


def plan_at(settings: Settings, moment: datetime) -> ReplayPlan:
    return ReplayPlan(settings, moment, record_path(settings), "then", None, "回放", False, ("CPUExecutionProvider",))


def test_a_past_list_knows_only_what_was_known_then(tmp_path: Path) -> None:
    settings = keep_record(tmp_path, "京A12345", NOW - timedelta(days=3), NOW - timedelta(days=1))
    before, after = NOW - timedelta(days=2), NOW - timedelta(hours=1)
    plate = [Guess("京A12345")]
    assert plan_at(settings, before).matcher()(plate, before) is None
    match = plan_at(settings, after).matcher()(plate, after)
    assert match is not None
    assert match.text == "京A12345"


def test_a_list_that_is_late_is_waited_for(tmp_path: Path, redis_url: str) -> None:
    with risk_rig(tmp_path, redis_url) as rig, redis.Redis.from_url(redis_url) as client:
        rig.clock = Clock(datetime.now(UTC))
        rig.travelled("京A12345")
        rig.declared()
        plan = replace(plan_at(Settings(state_dir=tmp_path), NOW), record=None, redis_url=redis_url)
        match, moment = plan.matcher(), datetime.now(UTC)
        assert match([Guess("京A12345")], moment) is not None
        client.client_pause(200)
        assert match([Guess("京A12345")], moment) is not None


def test_the_runs_record_tells_lists_of_different_times_apart(tmp_path: Path) -> None:
    settings = keep_record(tmp_path, "京A12345", NOW - timedelta(days=3), NOW - timedelta(days=1))
    before, after = (plan_at(settings, NOW - timedelta(hours=hours)).run_record(1).risk_list for hours in (48, 1))
    assert before.digest != after.digest
    assert (before.entry_count, after.entry_count) == (0, 1)


@pytest.mark.parametrize(
    ("list_at", "entries"), [("before", 0), pytest.param("copy.sqlite", 1, marks=pytest.mark.long)]
)
def test_the_list_can_be_that_of_a_moment_or_of_a_copied_record(tmp_path: Path, list_at: str, entries: int) -> None:
    settings = keep_record(tmp_path / "var", "京A12345", NOW - timedelta(days=3), NOW - timedelta(days=1))
    (tmp_path / "copy.sqlite").write_bytes(record_path(settings).read_bytes())
    clip = write_video(tmp_path / "street.avi", moving_block(5))
    moment = list_at if list_at == "copy.sqlite" else (NOW - timedelta(days=2)).isoformat()
    done = call_kakou("replay", clip, "--list-at", moment, "--json", "out.jsonl", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    run = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (run["risk_list"]["entry_count"], run["risk_list"]["described"]) == (entries, moment)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the fixture clip was replayed once, one of its vehicles being listed."""
    folder = tmp_path_factory.mktemp("replayed")
    keep_record(folder / "var", LISTED, NOW - timedelta(days=3), NOW - timedelta(days=1))
    clip = first_seconds(CLIP, SECONDS, folder)
    outputs = ("--json", "out.jsonl", "--report", "out.html", "--parquet", "out.parquet")
    done = call_kakou("replay", clip, "--start", "2026-11-24T12:00", *outputs, folder=folder)
    assert done.exit_code == 0, done.stderr
    return folder


def test_the_fixture_clip_replays_to_its_passages(replayed: Path) -> None:
    lines = [json.loads(line) for line in (replayed / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    passages = [line for line in lines if line["kind"] == "passage" and line["outcome"] != "unread"]
    assert sorted(p["text"] for p in passages) == sorted([PARKED, LISTED])
    flagged = [p["text"] for p in passages if p["outcome"] == "flagged"]
    assert flagged == [LISTED]
    assert lines[1]["start"] == "2026-11-24T04:00:00Z"


def test_the_table_holds_no_plate_that_was_not_flagged(replayed: Path) -> None:
    table = pl.read_parquet(replayed / "out.parquet")
    shown = set(table.filter(~pl.col("is_pseudonym"))["plate"])
    assert shown == {LISTED}
    stored = (replayed / "out.parquet").read_bytes()
    assert PARKED.encode() not in stored


def test_a_complete_replay_leaves_no_parts_behind(replayed: Path) -> None:
    assert not (replayed / "var" / "replay").exists()


def test_a_run_does_not_differ_from_itself(replayed: Path) -> None:
    same = call_kakou("replay", "diff", "out.jsonl", "out.jsonl", folder=replayed)
    assert (same.exit_code, same.stdout) == (0, "")


def test_diff_tells_what_changed(replayed: Path) -> None:
    lines = (replayed / "out.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if '"outcome":"clear"' not in line]
    changed = [line.replace('"outcome":"flagged"', '"outcome":"clear"') for line in kept]
    (replayed / "changed.jsonl").write_text("\n".join(changed), encoding="utf-8")
    different = call_kakou("replay", "diff", "out.jsonl", "changed.jsonl", folder=replayed)
    assert different.exit_code == 1
    assert "outcome flagged -> clear" in different.stdout
    assert [line[:2] for line in different.stdout.splitlines()] == ["- ", "! "]


def test_what_cannot_be_read_is_named_and_the_exit_code_tells(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    done = call_kakou("replay", "bad.mp4", "gone", folder=tmp_path)
    assert done.exit_code == 3
    assert "bad.mp4" in done.stderr
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_provider_that_is_not_installed_is_named_and_not_replaced(tmp_path: Path) -> None:
    """onnxruntime by itself would warn and go on with the CPU."""
    done = call_kakou("replay", CLIP, "--provider", "openvino", folder=tmp_path)
    assert done.exit_code == 4
    assert "OpenVINOExecutionProvider" in done.stderr
    assert "安装 onnxruntime-openvino" in done.stderr
    assert done.stdout == ""


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    for said in ("yesterday", "0001-01-01"):
        done = call_kakou("replay", CLIP, "--list-at", said, folder=tmp_path)
        assert done.exit_code == 2
        assert said in done.stderr


@pytest.mark.parametrize("option", ["--json", "--report", "--parquet"])
@pytest.mark.parametrize("name", ["away/x", ".", "there"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_screened(
    tmp_path: Path, option: str, name: str
) -> None:
    (tmp_path / "there").mkdir()
    done = call_kakou("replay", CLIP, option, name, folder=tmp_path)
    assert done.exit_code == 2
    assert "文件夹" in done.stderr
    assert "过车" not in done.stderr
