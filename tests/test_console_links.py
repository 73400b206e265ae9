"""The link in every channel's real message opens the case, after a log-in, on the page of whoever follows it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from fastapi.testclient import TestClient

from alerts.flagged import FlaggedEvent
from console.parts import Console
from console.types import Role
from tests.alerts_rigs import CHANNELS, LINK_BASE
from tests.console_app import app_of
from tests.console_kit import GRID_A, PASSWORD, Clock, client_of, event_of, make_account, open_console

LINK = re.compile(re.escape(LINK_BASE) + r"(/[^\s\"'\\)]+)")
WITH_LINK = sorted(set(CHANNELS) - {"lane", "gat1400"})
"""A lane has a lamp or a barrier, nobody who follows links; an alarm of GA/T 1400 has no field for one."""


@pytest.fixture
def console(tmp_path: Path, redis_server: str) -> Iterator[Console]:
    console = open_console(tmp_path / "console", redis.Redis.from_url(redis_server), Clock())
    for name, role, scope in (("officer", Role.OFFICER, ""), ("worker", Role.WORKER, GRID_A),
                              ("auditor", Role.AUDITOR, ""), ("elsewhere", Role.OFFICER, "999901009")):  # fmt: skip
        make_account(console, name, role, scope)
    yield console
    console.database.close()


def followed(client: TestClient, path: str, username: str) -> str:
    """Follow a link with a browser that is not logged in; return where the log-in leads."""
    refused = client.get(path, headers={"accept": "text/html"})
    assert refused.status_code == 303
    login = urlsplit(refused.headers["location"])
    assert login.path == "/login"
    form = {"username": username, "password": PASSWORD, "next": parse_qs(login.query)["next"][0]}
    entered = client.post("/login", data=form)
    assert entered.headers["location"] == path
    return client.get(path, headers={"accept": "text/html"}).headers["location"]


@pytest.mark.parametrize("kind", WITH_LINK)
def test_the_link_in_a_real_message_opens_the_case(console: Console, tmp_path: Path, kind: str):
    event: FlaggedEvent = event_of()
    case_id = console.intake.take([event], console.now()).opened[0]
    with CHANNELS[kind](tmp_path) as rig:
        rig.channel.deliver([event])
        message = "\n".join(rig.arrived())
    found = LINK.search(message)
    assert found, message
    app = app_of(console)
    assert followed(client_of(app, console), found[1], "officer") == f"/screen?case={case_id}"
    assert followed(client_of(app, console), found[1], "worker") == f"/m?case={case_id}"


@pytest.mark.parametrize(("username", "status", "words"), [("auditor", 403, "角色"), ("elsewhere", 404, "辖区")])
def test_a_link_tells_those_who_may_not_see_the_case_why(console: Console, username: str, status: int, words: str):
    event = event_of()
    console.intake.take([event], console.now())
    answer = client_of(app_of(console), console, username).get(f"/events/{event.event_id}")
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_a_link_that_is_faster_than_its_event_says_to_come_again(console: Console):
    answer = client_of(app_of(console), console, "officer").get(f"/events/{'0' * 32}")
    assert answer.status_code == 404
    assert "稍后再打开" in answer.json()["message"]
