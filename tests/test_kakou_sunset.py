"""The day on which everything ends: processes stop, keys go first, a report stays, and nothing starts again unasked."""

# ruff: noqa: F811  fixtures of another file are used by their names

import dataclasses
import functools
import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.redis_link import connect
from console.store.people_tables import AuditRow
from console.types import ConsoleError, Role
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.sunset.carrying_out import carry_out
from kakou.sunset.destroying import KEPT, TARGETS
from kakou.sunset.state import SunsetError, first_state, load_state, save_state
from kakou.wiring.matching import make_matcher
from kakou.wiring.risk import open_keeper
from riskdb.clock import Mark, write_mark
from tests.commands import REPOSITORY, call_kakou, start_kakou
from tests.console_app import app_of
from tests.console_kit import Clock, client_of, make_account, open_console
from tests.sunset_kit import (
    HELD,
    PLATE,
    centre,  # noqa: F401  a fixture is used by its name
    holding,
    now,
    state_made,
    sunset,
)


def until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
    raise AssertionError(f"nothing happened in {seconds} s")


def test_everything_is_destroyed_at_once_and_the_report_says_so(centre: Path):
    assert holding(centre, PLATE)
    (centre / "var" / "notes of somebody.txt").write_text("not ours")
    key = (centre / "var" / "plate.key").read_text()
    answer = sunset(centre, "--now", "--by", "张三", "--reason", "解除管控")
    assert answer.exit_code == ExitCode.OK, answer.stderr
    assert holding(centre, PLATE) == holding(centre, key) == []
    left = {path.name for path in (centre / "var").iterdir()}
    assert left == {"sunset.json", "sunset.lock", "destruction", "audit.anchors", "notes of somebody.txt"}
    report = json.loads(next((centre / "var/destruction").glob("*.json")).read_text())
    names = [each["name"] for each in report["destroyed"]]
    assert names == [target.name for target in TARGETS]
    times = [datetime.fromisoformat(each["destroyed_at"]) for each in report["destroyed"]]
    assert times == sorted(times), "keys first"
    counts = {each["name"]: (each["files"], each["rows"]) for each in report["destroyed"]}
    assert (counts["密钥"][0], counts["照片"][0], counts["事件单与账号"][1]) == (5, 3, 1)
    assert all(re.fullmatch("[0-9a-f]{64}", each["sha256"]) for each in report["destroyed"])
    assert (report["by"], report["reason"], report["untouched"]) == ("张三", "解除管控", ["notes of somebody.txt"])
    page = next((centre / "var/destruction").glob("*.html")).read_text()
    for words in ("数据销毁报告", "张三", "解除管控", "密钥", "签字", answer.stdout.splitlines()[1].strip()):
        assert words in answer.stdout
        assert words in page
    audit = next((centre / "var/destruction").glob("*-audit.csv")).read_text(encoding="utf-8-sig")
    assert "case.open" in audit
    assert report["audit"]["faults"] == []
    again = sunset(centre, "--now")
    assert (again.exit_code, again.stdout) == (ExitCode.OK, answer.stdout), "a second time changes nothing"


def test_a_dry_run_changes_nothing(centre: Path):
    before = {path: path.read_bytes() for path in centre.rglob("*") if path.is_file()}
    answer = sunset(centre, "--now", "--dry-run", "--json")
    found = {each["name"]: each["files"] for each in json.loads(answer.stdout)["would_destroy"]}
    assert (answer.exit_code, found["密钥"], found["照片"]) == (ExitCode.OK, 5, 3)
    after = {path: path.read_bytes() for path in centre.rglob("*") if path.is_file() and path in before}
    assert after == before


@pytest.mark.long
@pytest.mark.parametrize("by_date", [False, True])
def test_processes_at_work_end_and_do_not_start_again_without_an_authorisation(tmp_path: Path, by_date: bool):
    (tmp_path / "kakou.toml").write_text("[console]\nport = 0\n" + HELD)
    state = state_made(tmp_path / "var")
    if by_date:
        write_mark(state / "clock.json", Mark(now().timestamp(), True))
    keeper, console = (start_kakou(*command, folder=tmp_path) for command in (("risk", "serve"), ("console",)))
    try:
        for _ in until(60):
            if (state / "console.key").exists() and (state / "risk.sqlite").exists():
                break
        if by_date:
            save_state(state, first_state(1, now() - timedelta(days=1) + timedelta(seconds=1)))
        else:
            assert sunset(tmp_path, "--now").exit_code == ExitCode.OK
        assert [process.wait(timeout=60) for process in (keeper, console)] == [ExitCode.CONFIG] * 2
    finally:
        for process in (keeper, console):
            process.kill()
            process.wait()
    left = {path.name for path in state.iterdir()}
    assert not left & {"risk.sqlite", "plate.key", "console.key", "console.sqlite", "redis"}
    assert len(list((state / "destruction").glob("*.json"))) == 1
    refused = call_kakou("risk", "serve", folder=tmp_path)
    assert refused.exit_code == ExitCode.CONFIG
    assert "kakou sunset --authorise" in refused.stderr
    assert call_kakou("match", "粤B12345", folder=tmp_path).exit_code == ExitCode.CONFIG
    assert sunset(tmp_path, "--authorise", "--by", "李四").exit_code == ExitCode.USAGE, "a reason is needed"
    assert sunset(tmp_path, "--authorise", "--by", "李四", "--reason", "指挥部18号").exit_code == ExitCode.OK
    known = load_state(state)
    assert known is not None
    assert [(each.what, each.by) for each in known.decisions][-1] == ("authorise", "李四")
    assert known.days_left(now()) == 90
    with open_keeper(Settings(state_dir=state), publishes=False) as opened:
        assert opened is not None


def test_a_clock_that_is_not_trusted_stops_matching_and_destroys_nothing(centre: Path):
    (centre / "kakou.toml").write_text("[clock]\nheld_s = 600\n")
    state = centre / "var"
    save_state(state, first_state(1, now() - timedelta(days=2)))
    process = start_kakou("risk", "serve", folder=centre)
    try:
        for _ in until(60):
            if (state / "clock.json").exists():  # it has looked at the time, and waits until that is known
                break
        time.sleep(2)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    assert (state / "plate.key").exists()
    assert not (state / "destruction").exists()


def test_a_running_matcher_knows_nothing_any_more_from_that_second_on(tmp_path: Path, redis_url: str):
    settings = Settings(state_dir=state_made(tmp_path / "var"))
    save_state(settings.state_dir, first_state(90, now()))
    match = make_matcher(settings, redis_url)
    assert match([], now()) is None
    save_state(settings.state_dir, first_state(1, now() - timedelta(days=1)))
    with pytest.raises(SunsetError, match="到期"):
        match([], now())


def test_what_was_begun_is_finished_at_the_next_start(centre: Path):
    state = centre / "var"
    known = first_state(90, now()).model_copy(update={"begun_at": now()})
    save_state(state, known)
    (state / "plate.key").unlink()  # so far it had come
    answer = call_kakou("risk", "serve", folder=centre)
    assert answer.exit_code == ExitCode.CONFIG
    assert holding(centre, PLATE) == []
    assert list((state / "destruction").glob("*.html"))


def destroyed(centre: Path) -> Settings:
    settings = Settings(state_dir=centre / "var")
    carry_out(settings, first_state(90, now()), now)
    return settings


def test_a_backup_that_is_put_back_stays_closed(centre: Path, tmp_path: Path):
    backup = tmp_path / "backup"
    shutil.copytree(centre / "var", backup, ignore=shutil.ignore_patterns("*.key"))
    save_state(backup, first_state(90, now()))
    destroyed(centre)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(backup, elsewhere)
    with pytest.raises(ConsoleError, match="密钥"):
        open_console(elsewhere, connect("unix:///nowhere"), Clock(now()))
    shutil.copytree(backup, centre / "var", dirs_exist_ok=True)
    with pytest.raises(SunsetError, match="销毁"), open_keeper(Settings(state_dir=centre / "var"), publishes=False):
        pass


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"ends_at": 5}'])
def test_a_damaged_file_gives_no_more_time(centre: Path, content: str):
    (centre / "var" / "sunset.json").write_text(content)
    answer = call_kakou("match", "粤B12345", folder=centre)
    assert answer.exit_code == ExitCode.CONFIG
    assert "sunset" in answer.stderr


def test_a_renewal_needs_a_reason_and_is_a_row_of_the_audit_log(centre: Path):
    for arguments in (("--renew", "30"), ("--renew", "91", "--reason", "很久"), ("--renew", "5", "--now")):
        assert sunset(centre, *arguments).exit_code == ExitCode.USAGE
    assert sunset(centre, "--renew", "5", "--by", "张三", "--reason", "指挥部17号").exit_code == ExitCode.OK
    shown = sunset(centre, "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["days_left"]) == (ExitCode.FINDINGS, 5), "fewer than 14 days"
    console = open_console(centre / "var", connect("unix:///nowhere"), Clock(now()))
    with console.database.reading() as session:
        row = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).one()
        assert (row.actor, row.action, row.reason) == ("张三", "sunset.renew", "指挥部17号")
        assert console.audit.verify(session, console.anchors) == []
    console.database.close()
    assert sunset(centre, "--renew", "60", "--reason", "再延").exit_code == ExitCode.OK
    doctor = call_kakou("doctor", "--json", folder=centre)
    finding = next(json.loads(line) for line in doctor.stdout.splitlines() if "sunset" in line)
    assert (finding["is_ok"], "剩余 60 天" in finding["says"]) == (True, True)


def test_every_path_of_the_state_folder_goes_or_is_named_as_kept():
    table = (REPOSITORY / "docs/design.md").read_text().split("## State folder")[1]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    named = {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)} - {"*.lock"}
    patterns = [pattern for target in TARGETS for pattern in target.patterns]
    left = {name for name in named if not any(Path(name).match(pattern) for pattern in patterns)}
    assert left == set(KEPT)


def test_the_screen_says_how_many_days_are_left(centre: Path):
    console = open_console(centre / "var", connect("unix:///nowhere"), Clock(now()))
    make_account(console, "officer2", Role.OFFICER)
    for days, is_yellow in ((60, False), (13, True)):
        told = dataclasses.replace(console, days_left=functools.partial(int, days))
        client = client_of(app_of(told), told, "officer2")
        assert f"授权剩余 {days} 天" in client.get("/screen").text
        assert ("chip warn" in client.get("/statistics").text) == is_yellow
    console.database.close()
