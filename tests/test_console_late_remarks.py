"""What a grid worker wrote without a line is in the case's record also where the case has left his hands."""

from pathlib import Path

import pytest
from sqlalchemy import select

from console.cases.steps import Action, Outcome, State
from console.parts import Console
from console.store.list_tables import CorrectionRow
from console.types import Actor, LateRemarkError, NotFoundError, Role, StepRefusedError
from tests.console_app import app_of
from tests.console_kit import (
    GRID_A,
    GRID_B,
    Clock,
    act,
    client_of,
    make_account,
    officer,
    state_of,
    take_case,
)
from tests.picture_kit import jpeg

DESK = officer()
NOTE = "上门见到本人，没有到过"
KEPT = "已作为“事后补记”记入事件单，处理结果没有改变"


@pytest.fixture
def worker(console: Console) -> Actor:
    """A worker who has taken a case."""
    worker = make_account(console, "worker", Role.WORKER, GRID_A)
    take_case(console, worker)
    return worker


LOST: dict[str, tuple[Action, str | None, State]] = {
    "closed": (Action.CLOSE, Outcome.TRANSIT, State.CLOSED),
    "to another grid": (Action.ASSIGN, GRID_B, State.ASSIGNED),
    "to his grid again": (Action.ASSIGN, None, State.ASSIGNED),
}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", LOST)
def test_words_and_photo_of_a_case_that_others_have_now_are_kept_as_a_remark_and_change_nothing(
    console: Console, tmp_path: Path, how: str
):
    action, reason, state = LOST[how]
    act(console, DESK, Action.ESCALATE)
    act(console, DESK, action, reason=reason)
    before = console.cases.detail(DESK, 1)
    phone = client_of(app_of(console), console, "worker")
    photo = phone.post("/m/tasks/1/photo", files={"photo": ("a.jpg", jpeg(tmp_path))})
    assert photo.status_code == 200
    step = {"action": "close", "reason": "list_error", "note": NOTE, "channel": "上门", "key": "12345678"}
    for _ in range(2):  # the answer was lost on a bad line
        answer = phone.post("/m/tasks/1/step", json=step)
        assert (answer.status_code, KEPT in answer.json()["message"]) == (409, True)
    after = console.cases.detail(DESK, 1)
    assert state_of(console) is state
    assert (after.view.result, after.view.assignee) == (before.view.result, before.view.assignee)
    told = after.steps[len(before.steps) :]
    assert [(step.action, step.actor, step.reason, step.note) for step in told] == [
        ("事后补记", "worker", "名单有误", NOTE)
    ]
    assert after.late_photos == set(after.photos) == {photo.json()["photo_id"]}
    with console.database.reading() as session:
        assert session.scalars(select(CorrectionRow)).all() == []


def test_the_next_shift_is_told_which_cases_have_a_late_remark(console: Console, worker: Actor):
    act(console, DESK, Action.ESCALATE)
    act(console, DESK, Action.CLOSE, reason=Outcome.TRANSIT)
    make_account(console, "officer", Role.OFFICER)
    desk = client_of(app_of(console), console, "officer")
    assert "事后补记" not in desk.get("/shift").text
    with pytest.raises(LateRemarkError):
        act(console, worker, Action.CLOSE, reason=Outcome.TRUE, note=NOTE)
    assert "有事后补记 1" in desk.get("/shift").text
    assert NOTE in desk.get("/screen/cases/1").text


@pytest.mark.usefixtures("worker")
def test_whoever_never_took_the_case_adds_nothing(console: Console, tmp_path: Path):
    other = make_account(console, "other", Role.WORKER, GRID_A)
    act(console, DESK, Action.ESCALATE)
    act(console, DESK, Action.CLOSE, reason=Outcome.TRANSIT)
    with pytest.raises(StepRefusedError, match="没有记入"):
        act(console, other, Action.CLOSE, reason=Outcome.TRUE, note=NOTE)
    with pytest.raises(NotFoundError):
        console.pictures.add_photo(other, 1, "a.jpg", jpeg(tmp_path), console.now())
    assert NOTE not in [step.note for step in console.cases.detail(DESK, 1).steps]


def test_nothing_is_written_into_a_case_that_was_erased(console: Console, worker: Actor, clock: Clock, tmp_path: Path):
    act(console, DESK, Action.ESCALATE)
    act(console, DESK, Action.CLOSE, reason=Outcome.TRANSIT)
    clock.forward(31 * 86400)
    assert console.retention.step(clock()) == 1
    with pytest.raises(StepRefusedError, match="没有记入"):
        act(console, worker, Action.CLOSE, reason=Outcome.TRUE, note=NOTE)
    with pytest.raises(NotFoundError):
        console.pictures.add_photo(worker, 1, "a.jpg", jpeg(tmp_path), console.now())
