"""A dispatch arrives: in the worker's own messenger, by user id, with a link and without a plate."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from console.cases.steps import Action
from console.parts import Console
from console.settings import MessengerSettings
from console.store.tables import MessageRow
from console.types import SYSTEM, Actor, Role
from tests.alerts_server import Answer, Received, ScriptedServer, scripted_server, secret_file
from tests.console_kit import (
    GRID_A,
    GRID_B,
    Clock,
    act,
    event_of,
    make_account,
    officer,
    open_console,
    settings_with,
)

SECRET = "secret-of-the-application"
NOTE = "家住东港，先打电话"


def wecom_told(received: Received) -> tuple[str, str, str]:
    body = json.loads(received.body)
    assert body["agentid"] == 1000002
    return body["touser"], body["text"]["content"], parse_qs(urlsplit(received.path).query)["access_token"][0]


def dingtalk_told(received: Received) -> tuple[str, str, str]:
    body = json.loads(received.body)
    assert body["agent_id"] == "1000002"
    token = parse_qs(urlsplit(received.path).query)["access_token"][0]
    return body["userid_list"], body["msg"]["text"]["content"], token


def feishu_told(received: Received) -> tuple[str, str, str]:
    body = json.loads(received.body)
    assert parse_qs(urlsplit(received.path).query)["receive_id_type"] == ["user_id"]
    token = received.headers["authorization"].removeprefix("Bearer ")
    return body["receive_id"], json.loads(body["content"])["text"], token


KINDS: dict[str, tuple[str, Callable[[Received], tuple[str, str, str]]]] = {
    "wecom": ("/cgi-bin/message/send", wecom_told),
    "dingtalk": ("/topapi/message/corpconversation/asyncsend_v2", dingtalk_told),
    "feishu": ("/open-apis/im/v1/messages", feishu_told),
}


def gateway(received: Received) -> Answer:
    """Answer as the three vendors do: a token for the right secret, then the message."""
    if "oken" in received.path.split("?")[0]:
        is_right = SECRET in received.path or SECRET in received.body.decode()
        answer = {"errcode": 0 if is_right else 40001, "access_token": "T1", "tenant_access_token": "T1"}
        return Answer(body=json.dumps(answer).encode())
    return Answer()


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.answer = gateway
        yield server


@pytest.fixture
def console(tmp_path: Path, redis_server: str, server: ScriptedServer, kind: str, clock: Clock) -> Iterator[Console]:
    messenger = MessengerSettings.model_validate(
        {"kind": kind, "app_id": "app", "secret_file": secret_file(tmp_path, SECRET), "agent_id": "1000002",
         "url": server.url, "allowed_networks": ["127.0.0.1/32"], "timeout_s": 2}
    )  # fmt: skip
    settings = settings_with(messenger=(messenger,), public_url="https://console.example")
    console = open_console(tmp_path / "console", redis.Redis.from_url(redis_server), clock, settings=settings)
    for name, scope in (("worker", GRID_A), ("second", GRID_A), ("elsewhere", GRID_B), ("silent", GRID_A)):
        worker = make_account(console, name, Role.WORKER, scope)
        if name != "silent":
            console.accounts.set_message(worker.account_id or 0, kind, f"{name}-id", SYSTEM, clock())
    yield console
    console.dispatch.close()
    console.database.close()


def hand_out(console: Console, assignee_id: int | None = None) -> None:
    console.intake.take([event_of()], console.now())
    act(console, officer(), Action.CONFIRM)
    act(console, officer(), Action.ASSIGN, note=NOTE, assignee_id=assignee_id)


def told_by(server: ScriptedServer, kind: str) -> list[tuple[str, str, str]]:
    path, read = KINDS[kind]
    return [read(received) for received in server.received if received.path.split("?")[0] == path]


def test_those_who_may_take_the_task_are_told_with_a_link_and_without_a_plate(
    console: Console, server: ScriptedServer, kind: str
):
    hand_out(console)
    assert console.dispatch.step(console.now()) == 2
    told = told_by(server, kind)
    assert sorted(user for user, _, _ in told) == ["second-id", "worker-id"]
    for _, text, token in told:
        assert token == "T1"
        assert text.endswith("https://console.example/m?case=1")
        assert "A12345" not in text
        assert NOTE not in text
    assert console.dispatch.step(console.now()) == 0, "nobody is told twice"


def test_a_named_worker_alone_is_told(console: Console, server: ScriptedServer, kind: str):
    worker = next(account for account in console.accounts.all() if account.username == "second")
    hand_out(console, assignee_id=worker.account_id)
    console.dispatch.step(console.now())
    assert [user for user, _, _ in told_by(server, kind)] == ["second-id"]


def test_a_messenger_that_fails_is_tried_again_and_the_failure_names_no_secret(
    console: Console, server: ScriptedServer, clock: Clock
):
    server.answer = lambda received: (
        Answer(body=b'{"errcode": 60011, "code": 60011}') if received.body else gateway(received)
    )
    hand_out(console)
    assert console.dispatch.step(clock()) == 0
    with console.database.reading() as session:
        row = session.get_one(MessageRow, 1)
    assert "60011" in row.last_error
    assert SECRET not in row.last_error
    server.answer = gateway
    assert console.dispatch.step(clock()) == 0, "it rests first"
    clock.forward(6)
    assert console.dispatch.step(clock()) == 2


def test_the_note_of_the_desk_and_the_stays_reach_the_worker(console: Console):
    worker = next(account for account in console.accounts.all() if account.username == "worker")
    actor = Actor(worker.account_id, "worker", Role.WORKER, GRID_A)
    hand_out(console)
    (task,) = console.cases.tasks(actor)
    assert (task.desk_note, task.stays) == (NOTE, ())
    act(console, actor, Action.ACCEPT)
    (task,) = console.cases.tasks(actor)
    assert task.stays[0].startswith("示例高风险区（高风险）11月21日 12:00 至 11月22日")
