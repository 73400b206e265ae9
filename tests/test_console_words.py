"""What people read is Chinese, whoever wrote it first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.redis_link import connect
from console.cases.steps import Action
from console.lists.keeper_office import KeeperOffice
from console.lists.words import file_words
from console.parts import Console
from console.people.audit_words import action_words, subject_words
from console.people.tokens import Scope
from console.store.people_tables import AuditRow
from console.types import ACCOUNT_ROLES, Actor, Role
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from riskdb.types import RiskDBError
from tests.booth_kit import say_at_booth
from tests.console_app import app_of
from tests.console_kit import GRID_A, Clock, client_of, event_of, make_account, open_console
from tests.picture_kit import jpeg

GOOD = ("苏A10001", "02", "370211", "{day}", "{day}", "流调")
BAD_CELLS = [
    (0, ""), (0, "苏A1"), (0, "苏A1234é"), (0, "12345苏A"), (1, "52"), (2, "火星"), (2, "37021"), (2, "990000"),
    (3, ""), (3, "昨天"), (3, "1801-01-01"), (3, "2099-01-01"), (4, "2020-01-01"), (4, "99999-99-99"),
    (5, " "), (5, "流调,多一格"), (5, "流\0调"),
]  # fmt: skip
ENGLISH_FIELDS = {
    "UTF",
    "GB",
    "XLSX",
    "Redis",
    "plate",
    "class",
    "area",
    "from",
    "to",
    "source",
    "note",
    "CSV",
    "upload",
    "csv",
}


def english_words(text: str) -> set[str]:
    """Return the runs of three or more Latin letters that are neither a column's name nor a format's."""
    return {word for word in re.findall(r"[A-Za-z]{3,}", text) if word not in ENGLISH_FIELDS}


@pytest.fixture
def office(tmp_path: Path) -> KeeperOffice:
    return KeeperOffice(lambda: open_keeper(Settings(state_dir=tmp_path), publishes=False))


def written(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "upload.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(("cell", "text"), BAD_CELLS)
def test_every_fault_of_a_row_is_told_in_chinese(office: KeeperOffice, tmp_path: Path, cell: int, text: str):
    cells = [part.replace("{day}", "2026-11-20") for part in GOOD]
    cells[cell] = text
    report = office.try_file(written(tmp_path, "plate,plate_class,area,from,to,source", ",".join(cells)), "upload.csv")
    assert report.invalid_rows == 1
    assert not english_words(report.rows[0].detail), report.rows[0].detail


@pytest.mark.parametrize(
    ("lines", "encoding"),
    [
        (["plate,area,from,to"], "utf-8"),
        (["plate,号牌,area,from,to,source"], "utf-8"),
        (["plate,area,from,to,source", "\x80"], "latin-1"),
    ],
)
def test_every_fault_of_a_file_is_told_in_chinese_without_its_place(office, tmp_path, lines: list[str], encoding: str):
    try:
        told = office.try_file(written(tmp_path, *lines, encoding=encoding), "upload.csv").problem
    except RiskDBError as refused:
        told = file_words(str(refused))
    assert told
    assert not english_words(told), told
    assert str(tmp_path) not in told


@pytest.mark.parametrize("plate", ["", "鲁B1", "测B12345", "鲁鲁鲁鲁鲁鲁鲁", "鲁B12345678"])
def test_why_a_single_plate_is_none_is_told_in_chinese(office: KeeperOffice, plate: str):
    for ask in (office.vehicles.show, office.vehicles.remove):
        with pytest.raises(RiskDBError) as refused:
            ask(plate, "名单员", "车主来电")
        told = file_words(str(refused.value))
        assert not english_words(told), told
        assert "doctor" not in told, told


def test_a_list_that_cannot_be_asked_is_told_in_a_word():
    told = file_words("问不到 Redis 中的名单（Error 111 connecting to 127.0.0.1:1. Connection refused.）")
    assert told == "名单服务（Redis）暂时连不上，请稍后再试"


@dataclass
class World:
    console: Console
    clock: Clock
    clients: dict[Role, TestClient]
    app: FastAPI


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    console = open_console(tmp_path, connect("unix:///nowhere"), clock := Clock())
    for role in ACCOUNT_ROLES:
        make_account(console, role.value, role, GRID_A if role is Role.WORKER else "")
    app = app_of(console)
    yield World(console, clock, {role: client_of(app, console, role.value) for role in ACCOUNT_ROLES}, app)
    console.database.close()


def close_a_case_as_a_list_error(world: World, photo: bytes) -> None:
    console, clock = world.console, world.clock
    desk, worker, steward = (world.clients[role] for role in (Role.OFFICER, Role.WORKER, Role.STEWARD))
    console.intake.take([event_of(), event_of(at=clock(), checkpoint="二号卡口")], clock())
    for path in ("/screen", "/screen/cases/1"):
        desk.get(path)
    for action in ("confirm", "escalate", "assign"):
        desk.post("/screen/cases/1/step", json={"action": action})
    worker.post("/m/tasks/1/step", json={"action": "accept"})
    worker.post("/m/tasks/1/photo", files={"photo": ("a.jpg", photo)})
    worker.post("/m/tasks/1/step", json={"action": "contact"})
    worker.post("/m/tasks/1/step", json={"action": "close", "reason": "list_error", "note": "本人未离开"})
    console.corrections.step(clock())
    steward.post("/corrections/1/confirm", data={"answer": "来源抄错"})
    for reason in ("", "misread"):
        desk.post("/screen/cases/1/step", json={"action": "reject" if reason else "reopen", "reason": reason})


def change_the_list_and_the_people(world: World) -> None:
    steward, approver, admin = (world.clients[role] for role in (Role.STEWARD, Role.APPROVER, Role.ADMIN))
    for number, decision in ((1, "apply"), (2, "refuse")):
        steward.post("/list", files={"file": (f"{number}.csv", b"plate")})
        approver.post(f"/list/{number}/{decision}", data={"reason": "未盖章"})
    chief = Actor(1, "主任", Role.ADMIN, "")
    token = world.console.tokens.create("t", [Scope.CASES_READ], 9, chief, world.clock())
    client_of(world.app, world.console, authorization=f"Bearer {token}").get("/api/v1/cases")
    admin.post("/tokens/1/revoke")
    for step, form in (("active", {"is_active": "false"}), ("active", {"is_active": "true"}), ("link", {})):
        admin.post(f"/accounts/{list(Role).index(Role.AUDITOR) + 1}/{step}", data=form)


def let_time_pass(world: World) -> None:
    console, clock = world.console, world.clock
    until = clock() + timedelta(minutes=5)
    at_booth = [event_of("测C33333", clock(), booth_until=until), event_of("测D44444", clock(), booth_until=until)]
    console.intake.take([event_of("测B22222"), *at_booth], clock())
    say_at_booth(console, at_booth[0])
    clock.forward(600)
    console.desk.act_on_overdue(clock())
    clock.forward(25 * 3600)
    console.desk.act_on_overdue(clock())
    clock.forward(40 * 86400)
    console.retention.step(clock())


def test_every_kind_of_row_in_the_audit_log_has_a_name(world: World, tmp_path: Path):
    close_a_case_as_a_list_error(world, jpeg(tmp_path))
    change_the_list_and_the_people(world)
    let_time_pass(world)
    client_of(world.app, world.console).post("/login", data={"username": "x", "password": "y"})
    client_of(world.app, world.console, "officer").post("/logout")
    page = client_of(world.app, world.console, "admin").get("/audit").text
    with world.console.database.reading() as session:
        rows = session.scalars(select(AuditRow)).all()
    assert {row.action for row in rows} >= {f"case.{action}" for action in Action}
    assert [row.action for row in rows if action_words(row.action) == row.action] == []
    assert [row.subject for row in rows if english_words(subject_words(row.subject).split()[0])] == []
    assert "到期删除" in page


OLD_WORDS = ("识读", "现由", "明暗", "点此开声音", "按重复排除", "留意", "试导入", "撤下", "审批人", "肉眼")
SAYING = ("console/**/*.py", "console/**/*.html", "console/**/*.js", "alerts/**/*.py", "kakou/**/*.py",
          "pipeline/**/*.py", "docs/*.md", "README*.md")  # fmt: skip


def test_a_thing_has_one_word_everywhere_that_people_read():
    root = Path(__file__).parents[1]
    found = {
        (path.relative_to(root).as_posix(), word)
        for pattern in SAYING
        for path in root.glob(pattern)
        for word in OLD_WORDS
        if word in path.read_text(encoding="utf-8")
    }
    assert found == set()
