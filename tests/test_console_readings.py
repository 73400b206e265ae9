"""Who looked at a case or its pictures is in the audit log: once in a while, not at every request."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.parts import Console
from console.people.tokens import Scope
from console.store.people_tables import AuditRow
from console.types import Role
from tests.console_app import app_of
from tests.console_kit import GRID_A, Clock, client_of, event_of, make_account, officer
from tests.picture_kit import jpeg, write_pictures


@pytest.fixture
def console(console: Console, tmp_path: Path, clock: Clock) -> Console:
    """A console with one case."""
    console.intake.take([event_of(**write_pictures(tmp_path, "测A12345"))], clock())
    return console


@pytest.fixture
def app(console: Console) -> FastAPI:
    return app_of(console)


def readings(console: Console) -> list[tuple[str, str, str]]:
    with console.database.reading() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action.endswith(".view")).order_by(AuditRow.seq))
        return [(row.actor, row.action, row.subject) for row in rows]


def picture_of(kind: str) -> str:
    return f"/cases/1/events/{event_of().event_id}/{kind}"


def test_looking_at_a_case_and_its_pictures_is_written_down_once_in_a_while(
    app: FastAPI, console: Console, clock: Clock
):
    for name in ("one", "two"):
        make_account(console, name, Role.OFFICER)
    one, two = client_of(app, console, "one"), client_of(app, console, "two")
    for _ in range(5):
        for path in ("/screen/cases", "/screen/cases/1", picture_of("plate"), picture_of("vehicle")):
            assert one.get(path).status_code == 200
        clock.forward(60)
    seen = [("cases.view", "cases"), ("case.view", "case:1"), ("picture.view", "case:1")]
    assert readings(console) == [("one", *what) for what in seen]
    assert two.get(picture_of("plate")).status_code == 200
    assert readings(console)[3:] == [("two", "picture.view", "case:1")]
    clock.forward(600)
    one.get(picture_of("plate"))
    assert readings(console)[4:] == [("one", "picture.view", "case:1")]


def test_a_clock_that_is_set_back_keeps_no_reading_out_of_the_log(app: FastAPI, console: Console, clock: Clock):
    make_account(console, "one", Role.OFFICER)
    client = client_of(app, console, "one")
    client.get("/screen/cases/1")
    clock.forward(-3600)
    client.get("/screen/cases/1")
    assert len(readings(console)) == 2


def test_a_grid_worker_and_a_program_leave_rows_too(app: FastAPI, console: Console, tmp_path: Path):
    make_account(console, "worker", Role.WORKER, GRID_A)
    for action in (Action.CONFIRM, Action.ASSIGN):
        console.desk.act(StepRequest(1, action), officer(), console.now())
    worker = client_of(app, console, "worker")
    assert worker.get("/m/tasks").json()["tasks"]
    assert readings(console) == [], "a task whose plate is masked tells nothing yet"
    assert worker.post("/m/tasks/1/step", json={"action": "accept"}).status_code == 200
    photo = worker.post("/m/tasks/1/photo", files={"photo": ("a.jpg", jpeg(tmp_path))}).json()["photo_id"]
    assert worker.get(f"/cases/1/photos/{photo}").status_code == 200
    assert worker.get(f"/cases/2/photos/{photo}").status_code == 404, (
        "a photo is shown, and noted, with its own case only"
    )
    worker.get("/m/tasks")
    assert readings(console) == [("worker", "case.view", "case:1"), ("worker", "picture.view", "case:1")]
    actor = make_account(console, "maker", Role.OFFICER)
    token = console.tokens.create("报表", [Scope.CASES_READ], 9, actor, console.now())
    program = client_of(app, console, authorization=f"Bearer {token}")
    assert [program.get("/api/v1/cases/1").status_code for _ in range(3)] == [200] * 3
    assert [action for _, action, _ in readings(console)[2:]] == ["case.view"]


def test_what_cannot_be_seen_leaves_no_row(app: FastAPI, console: Console):
    make_account(console, "street", Role.OFFICER, "999901002")
    client = client_of(app, console, "street")
    assert [client.get(path).status_code for path in ("/screen/cases/1", picture_of("plate"))] == [404, 404]
    assert readings(console) == []


def test_a_case_shows_what_the_camera_and_our_own_reader_said(app: FastAPI, console: Console, clock: Clock):
    said = [
        {"by": "camera", "source": "K01", "text": "测A1Z34-", "score": 0.97},
        {"by": "kakou", "source": "K01", "text": "测A12347", "score": None},
    ]
    console.intake.take([event_of("测A12347", readings=said)], clock())
    make_account(console, "one", Role.OFFICER)
    one = client_of(app, console, "one")
    page = one.get("/screen/cases/2").text
    assert "各方识别结果" in page
    assert all(words in page for words in ("相机 K01", "测A1Z34-", "本机 K01", "0.97"))
    assert "各方识别结果" not in one.get("/screen/cases/1").text
