"""名单有误: one tap takes a vehicle off the list, with a note, and not for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from console.cases.steps import Action, State
from console.parts import Console
from console.types import Actor, ConsoleError, Role, StepRefusedError
from tests.console_app import app_of
from tests.console_kit import Clock, PaperList, act, client_of, event_of, make_account, officer, open_console, state_of
from tests.picture_kit import write_pictures

STEWARD = Actor(3, "名单管理员", Role.STEWARD, "")


@pytest.fixture
def console(tmp_path: Path, redis_server: str, clock: Clock, paper: PaperList) -> Iterator[Console]:
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), clock, paper)
    console.intake.take([event_of(**write_pictures(tmp_path, "测A12345"))], clock())
    yield console
    console.database.close()


def taken_off(console: Console, clock: Clock) -> None:
    act(console, officer(), Action.REJECT, reason="list_error", note="本人十日未离开本县，有考勤")
    console.corrections.step(clock())


def test_without_a_note_nothing_comes_off_the_list(console: Console, clock: Clock, paper: PaperList):
    with pytest.raises(StepRefusedError, match="依据"):
        act(console, officer(), Action.REJECT, reason="list_error", note="  ")
    console.corrections.step(clock())
    assert (paper.removed, state_of(console)) == ([], State.NEW)


def test_a_vehicle_comes_back_by_itself_when_nobody_confirms(console: Console, clock: Clock, paper: PaperList):
    taken_off(console, clock)
    clock.forward(24 * 3600 - 1)
    assert (console.corrections.step(clock()), paper.restored) == (0, [])
    clock.forward(1)
    assert (console.corrections.step(clock()), paper.restored) == (1, ["测A12345"])
    assert console.corrections.step(clock()) == 0
    with pytest.raises(ConsoleError, match="已经恢复"):
        console.corrections.confirm(1, "来源抄错", STEWARD, clock())


def test_a_confirmed_error_stays_off(console: Console, clock: Clock, paper: PaperList):
    taken_off(console, clock)
    with pytest.raises(ConsoleError, match="写明核查结果"):
        console.corrections.confirm(1, "\u2060…", STEWARD, clock())
    console.corrections.confirm(1, "来源抄错", STEWARD, clock())
    clock.forward(48 * 3600)
    assert (console.corrections.step(clock()), paper.restored) == (0, [])


def test_a_steward_brings_a_vehicle_back_at_once_also_after_confirming(
    console: Console, clock: Clock, paper: PaperList
):
    taken_off(console, clock)
    console.corrections.confirm(1, "来源抄错", STEWARD, clock())
    console.corrections.restore(1, "考勤是伪造的", STEWARD, clock())
    assert (console.corrections.step(clock()), paper.restored) == (1, ["测A12345"])


def test_the_steward_sees_vehicle_source_evidence_and_pictures(console: Console, clock: Clock):
    taken_off(console, clock)
    make_account(console, "steward", Role.STEWARD)
    client = client_of(app_of(console), console, "steward")
    page = client.get("/corrections", headers={"accept": "text/html"}).text
    for words in ("测A12345", "示例来源", "本人十日未离开本县", "自动恢复", "恢复到名单"):
        assert words in page
    for kind in ("plate", "vehicle"):
        assert client.get(f"/corrections/1/{kind}").headers["content-type"] == "image/jpeg"
    assert client.post("/corrections/1/restore", data={"answer": "核过"}).status_code == 303
