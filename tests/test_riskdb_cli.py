"""The commands of the risk list, as a steward types them."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kakou.commands import match as match_cli
from kakou.commands import risk as risk_cli
from tests.commands import run_kakou, start_kakou

DAY = date.today() - timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Output:
    stdout: str
    stderr: str


Run = Callable[..., Output]


@pytest.fixture
def kakou(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the `kakou` command, run in this process because starting one takes a second."""
    (tmp_path / "kakou.toml").write_text(f'state_dir = "var"\nredis_url = "{redis_url}"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()

    def run(*arguments: str, expect: int = 0) -> Output:
        commands = {"risk": risk_cli.app, "match": match_cli.app}
        done = runner.invoke(commands[arguments[0]], arguments[1:])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception  # its exit code, 1, is also that of a plate that is listed
        assert done.exit_code == expect, f"{done.stdout}{done.stderr}{done.exception!r}"
        return Output(done.stdout, done.stderr)

    return run


def _records(folder: Path, *plates: str) -> str:
    lines = [f"{plate},370211,{DAY},{DAY},流调" for plate in plates]
    (folder / "records.csv").write_text("\n".join(["plate,area,from,to,source", *lines]), encoding="utf-8")
    return "records.csv"


def test_a_steward_imports_declares_matches_corrects_and_checks(tmp_path: Path, kakou: Run):
    counts = json.loads(kakou("risk", "import", _records(tmp_path, "粤B82500", "粤b·82501"), "--json").stdout)
    assert (counts["accepted"], counts["normalised"], counts["applied"]) == (1, 1, True)
    kakou("risk", "area", "declare", "370211", "--level", "high", "--source", "通告3号", "--name", "黄岛区")
    found = json.loads(kakou("match", "粤B82500", "--json", expect=1).stdout)
    assert (found["level"], found["reasons"][0]["area_name"]) == ("hit", "黄岛区")
    kakou("match", "粤B82509", expect=0)
    kakou("risk", "show", "粤B82500", "--reason", "case 7", expect=1)
    kakou("risk", "remove", "粤B82500", "--reason", "wrong plate")
    kakou("match", "粤B82500", expect=0)
    stats = json.loads(kakou("risk", "stats", "--json").stdout)
    assert (stats["listed"], stats["removed_stays"], stats["listed_by_area"]) == (1, 1, {"黄岛区": 1})
    findings = [json.loads(line) for line in kakou("risk", "check", "--json").stdout.splitlines()]
    assert {finding["subject"] for finding in findings} >= {"version", "heartbeat", "entries", "reasons", "persistence"}


def test_a_correction_is_seen_said_and_taken_back(tmp_path: Path, kakou: Run):
    told = kakou("risk", "import", _records(tmp_path, "粤B82500")).stderr
    assert "其中 1 行目前不列任何车辆：所在地区没有公布为风险区 1 行" in told
    kakou("risk", "area", "declare", "370211", "--level", "high", "--source", "通告3号")
    kakou("risk", "remove", "粤B82500", "--reason", "wrong plate")
    told = kakou("risk", "show", "粤B82500", "--reason", "asked").stderr
    assert "不在风险名单" in told
    assert "wrong plate" in told
    counts = json.loads(kakou("risk", "import", _records(tmp_path, "粤B82500"), "--json").stdout)
    assert (counts["removed"], counts["duplicate"]) == (1, 0)
    assert "恢复行程记录 1 条" in kakou("risk", "restore", "粤B82500", "--reason", "was right").stderr
    kakou("risk", "show", "粤B82500", "--reason", "asked", expect=1)
    counts = json.loads(kakou("risk", "import", _records(tmp_path, "粤B82500"), "--json").stdout)
    assert (counts["removed"], counts["duplicate"], sum(counts["lists_nobody"].values())) == (0, 1, 0)


def test_a_bad_file_is_reported_row_by_row_and_changes_nothing(tmp_path: Path, kakou: Run):
    done = kakou("risk", "import", _records(tmp_path, "粤B82500", "粤B8250"), "--report", "report.csv", expect=3)
    assert "records.csv 第 3 行无效：号牌“粤B8250”：号牌应有 7 或 8 个字符，这里有 6 个" in done.stderr
    assert "未导入任何记录" in done.stderr
    header, _, bad = (tmp_path / "report.csv").read_text("utf-8-sig").splitlines()
    assert header == "文件,工作表,行,结果,号牌,说明"
    assert bad.startswith("records.csv,,3,无效,粤B8250,")
    assert json.loads(kakou("risk", "stats", "--json").stdout)["stays"] == 0


def test_a_dry_run_shows_how_rows_were_understood_with_masked_plates_in_the_zone_of_the_settings(
    tmp_path: Path, kakou: Run
):
    told = kakou("risk", "import", _records(tmp_path, "粤B82500"), "--dry-run").stderr
    assert "前 1 行读成这样（时间为 UTC+08:00）" in told
    assert "粤B***00" in told
    assert "粤B82500" not in told


def test_the_misreads_that_would_still_match_are_explained(tmp_path: Path, kakou: Run):
    kakou("risk", "import", _records(tmp_path, "粤B82500"))
    kakou("risk", "area", "declare", "370211", "--level", "high", "--source", "通告3号")
    lines = kakou("match", "粤B82500", "--explain", "--json", expect=1).stdout.splitlines()
    misreads = [json.loads(line) for line in lines[1:]]
    by_text = {misread["read"]: misread["least_probability"] for misread in misreads}
    assert by_text["粤B8250D"] == by_text["粤BB2500"]
    assert 0.0 < by_text["粤B8250D"] < 0.5


def test_areas_come_from_a_file_all_or_none(tmp_path: Path, kakou: Run):
    (tmp_path / "areas.csv").write_text("code,level,source\n370211,high,通告\n99,high,通告\n", encoding="utf-8")
    assert "第 3 行" in kakou("risk", "area", "import", "areas.csv", expect=3).stderr
    assert kakou("risk", "area", "list", "--json").stdout == ""
    (tmp_path / "areas.csv").write_text("code,level,source\n370211,高风险,通告\n370212,medium,通告\n", encoding="utf-8")
    for _ in range(2):
        kakou("risk", "area", "import", "areas.csv")
    listed = [json.loads(line)["code"] for line in kakou("risk", "area", "list", "--json").stdout.splitlines()]
    assert listed == ["370211", "370212"]


def test_the_export_holds_digests_and_no_plate(tmp_path: Path, kakou: Run):
    kakou("risk", "import", _records(tmp_path, "粤B82500"))
    kakou("risk", "area", "declare", "370211", "--level", "high", "--source", "=cmd|x", "--name", "=1+1")
    kakou("risk", "rotate-key")
    kakou("risk", "export", "listed.csv")
    text = (tmp_path / "listed.csv").read_text("utf-8-sig")
    assert len(text.splitlines()) == 2
    assert "82500" not in text
    assert ",'=1+1," in text


def test_serve_tends_the_list_until_it_is_told_to_stop(tmp_path: Path, kakou: Run):
    kakou("risk", "import", _records(tmp_path, "粤B82500"))
    reader, writer = os.pipe()
    with (
        start_kakou("risk", "serve", folder=tmp_path, stderr=writer) as process,
        os.fdopen(reader, encoding="utf-8") as said,
    ):
        os.close(writer)
        assert "名单为空" in said.readline()  # no area is declared
        assert "正在维护风险名单" in said.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_serve_leaves_the_list_of_a_missing_record_in_force_and_ends_with_6(tmp_path: Path, kakou: Run):
    kakou("risk", "import", _records(tmp_path, "粤B82500"))
    kakou("risk", "area", "declare", "370211", "--level", "high", "--source", "通告3号")
    for file in (tmp_path / "var").glob("risk.sqlite*"):
        file.unlink()
    done = run_kakou("risk", "serve", folder=tmp_path)
    assert done.exit_code == 6
    assert "从备份放回 risk.sqlite" in done.stderr
    kakou("match", "粤B82500", expect=1)


def test_an_area_nobody_knows_is_a_usage_error(kakou: Run):
    done = kakou("risk", "area", "declare", "990101", "--level", "high", "--source", "x", expect=2)
    assert "不属于任何省份" in done.stderr
