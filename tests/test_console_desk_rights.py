"""What steps, pictures and files do at the edges of people's rights and of time."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from console.cases.steps import Action, Outcome, State
from console.lists.changes import ChangeState
from console.parts import Console
from console.store.list_tables import CorrectionRow
from console.types import NotFoundError, Role, StepRefusedError
from tests.console_app import app_of
from tests.console_kit import GRID_A, GRID_B, START, Clock, act, client_of, event_of, make_account, officer, state_of
from tests.picture_kit import jpeg

DESK = officer()


def handed_out(console: Console) -> None:
    console.intake.take([event_of()], console.now())
    act(console, DESK, Action.CONFIRM)
    act(console, DESK, Action.ASSIGN)


def test_a_worker_who_did_not_take_a_case_can_neither_close_it_nor_see_or_add_photos(console: Console, tmp_path: Path):
    one, other = (make_account(console, name, Role.WORKER, GRID_A) for name in ("one", "other"))
    handed_out(console)
    act(console, one, Action.ACCEPT)
    photo = console.pictures.add_photo(one, 1, "a.jpg", jpeg(tmp_path), console.now())
    act(console, one, Action.CLOSE, reason=Outcome.UNREACHABLE)
    assert state_of(console) is State.ESCALATED
    for step in (Action.CLOSE, Action.ESCALATE, Action.CONTACT):
        with pytest.raises(StepRefusedError, match="先接单"):
            act(console, other, step, reason=Outcome.LIST_ERROR)
    with pytest.raises(NotFoundError):
        console.pictures.photo(other, 1, photo)
    with pytest.raises(NotFoundError):
        console.pictures.add_photo(other, 1, "b.jpg", jpeg(tmp_path), console.now())
    act(console, other, Action.ACCEPT)
    assert console.pictures.photo(other, 1, photo).is_file()
    act(console, other, Action.CLOSE, reason=Outcome.TRUE)
    assert state_of(console) is State.CLOSED


def test_a_photo_that_is_sent_again_is_kept_once(console: Console, tmp_path: Path):
    worker = make_account(console, "one", Role.WORKER, GRID_A)
    handed_out(console)
    act(console, worker, Action.ACCEPT)
    sent = [console.pictures.add_photo(worker, 1, "a.jpg", jpeg(tmp_path), console.now()) for _ in range(2)]
    assert sent[0] == sent[1]
    assert len(console.cases.detail(DESK, 1).photos) == 1


@pytest.mark.parametrize("note", ["\u200b\u2060", "……", " \ufeff。"])
def test_a_vehicle_is_taken_off_the_list_for_words_alone(console: Console, note: str):
    handed_out(console)
    act(console, DESK, Action.ESCALATE)
    with pytest.raises(StepRefusedError, match="写明依据"):
        act(console, DESK, Action.CLOSE, reason=Outcome.LIST_ERROR, note=note)


def test_only_a_finding_opens_a_correction(console: Console):
    handed_out(console)
    act(console, DESK, Action.ESCALATE, reason=Outcome.LIST_ERROR)
    with console.database.reading() as session:
        assert session.scalars(select(CorrectionRow)).all() == []


@pytest.fixture
def street_officer(console: Console) -> TestClient:
    make_account(console, "street", Role.OFFICER, GRID_A[:9])
    return client_of(app_of(console), console, "street")


def test_an_officer_who_hands_a_case_to_another_street_is_told_that_it_is_done(
    console: Console, street_officer: TestClient
):
    handed_out(console)
    answer = street_officer.post("/screen/cases/1/step", json={"action": "assign", "reason": GRID_B})
    assert (answer.status_code, answer.json()) == (200, None)
    assert console.cases.some(officer(GRID_B), [1])[0].state is State.ASSIGNED


def test_what_a_colleague_confirmed_is_not_closed_among_duplicates(console: Console, street_officer: TestClient):
    console.intake.take([event_of(f"测A1234{number}") for number in range(2)], console.now())
    act(console, DESK, Action.CONFIRM, 1)
    answer = street_officer.post("/screen/duplicates", json={"case_ids": [1, 2], "key": "12345678"})
    assert answer.json()["closed"] == [2]
    assert "人工确认" in answer.json()["refused"]["1"]


def test_an_event_that_comes_late_is_no_wrong_clock_and_says_when_the_car_passed(console: Console, clock: Clock):
    clock.forward(6 * 3600)
    console.intake.take([event_of(at=START)], clock())
    detail = console.cases.detail(DESK, 1)
    assert (detail.clock_skew_s, detail.view.late_s, detail.view.passed_at) == (0, 6 * 3600, START)
    page = client_of(app_of(console), console, make_account(console, "desk", Role.OFFICER).name)
    text = page.get("/screen/cases/1").text
    assert "迟到" in text
    assert "时钟" not in text


def test_a_camera_clock_that_is_behind_is_a_wrong_clock_and_no_late_event(console: Console, clock: Clock):
    console.intake.take([event_of(captured_at=START - timedelta(hours=1))], clock())
    detail = console.cases.detail(DESK, 1)
    assert (detail.clock_skew_s, detail.view.late_s) == (-3600, 0)


def test_a_file_that_nobody_decides_on_is_deleted_after_a_week_and_a_stray_one_after_a_day(
    console: Console, clock: Clock, tmp_path: Path
):
    steward = make_account(console, "steward", Role.STEWARD)
    change = console.list_changes.submit("行程.csv", b"plate", steward, clock())
    folder = tmp_path / "imports"
    [kept] = folder.iterdir()
    stray = folder / "left-by-a-crash.csv"
    stray.write_bytes(b"plate")
    for path, age in ((kept, 2), (stray, 2)):
        written = (clock() - timedelta(days=age)).timestamp()
        os.utime(path, (written, written))
    console.list_changes.forget_old(clock())
    assert [path.name for path in folder.iterdir()] == [kept.name]
    clock.forward(7 * 86400 + 1)
    console.list_changes.forget_old(clock())
    assert console.list_changes.find(change.change_id).state is ChangeState.REFUSED
    assert list(folder.iterdir()) == []


def test_a_case_whose_evidence_was_erased_is_not_reopened(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.REJECT, reason="misread")
    clock.forward(31 * 86400)
    console.retention.step(clock())
    with pytest.raises(StepRefusedError, match="不能重开"):
        act(console, DESK, Action.REOPEN)


def test_an_old_case_that_is_reopened_is_looked_at_again_before_it_expires(console: Console, clock: Clock):
    console.intake.take([event_of()], clock())
    act(console, DESK, Action.REJECT, reason="misread")
    clock.forward(2 * 86400)
    act(console, DESK, Action.REOPEN)
    clock.forward(120)
    console.desk.act_on_overdue(clock())
    assert state_of(console) is State.ESCALATED
