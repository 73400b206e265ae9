"""The audit page: in words, narrowed down, taken away as a file that no spreadsheet runs."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from fastapi.testclient import TestClient

from console.cases.steps import Action
from console.parts import Console
from console.people.audit_words import detail_words
from console.people.tokens import Scope
from console.types import Actor, Role
from tests.console_app import app_of
from tests.console_kit import Clock, act, client_of, event_of, make_account, officer, open_console


@pytest.fixture
def console(tmp_path: Path, redis_server: str) -> Iterator[Console]:
    clock = Clock()
    console = open_console(tmp_path, redis.Redis.from_url(redis_server), clock)
    make_account(console, "auditor", Role.AUDITOR)
    console.intake.take([event_of()], clock())
    act(console, officer(), Action.REJECT, reason="misread")
    clock.forward(3 * 86400)
    act(console, Actor(5, "=1+1", Role.OFFICER, ""), Action.REOPEN)
    yield console
    console.database.close()


@pytest.fixture
def auditor(console: Console) -> TestClient:
    return client_of(app_of(console), console, "auditor", accept="text/html")


def exported(auditor: TestClient, query: str) -> list[list[str]]:
    answer = auditor.get(f"/audit/export.csv{query}")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))[1:]


def test_the_page_says_reasons_in_words_and_shortens_digests(auditor: TestClient):
    text = auditor.get("/audit").text
    assert "misread" not in text
    assert '<td class="small wrap">误读</td>' in text
    assert event_of().event_id not in text
    assert f"{event_of().event_id[:8]}…" in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?kind=case", {"预警到达", "排除", "重开"}),
        ("?kind=case&since=2026-11-27&until=2026-11-27", {"重开"}),
        ("?kind=case&until=2026-11-24", {"预警到达", "排除"}),
        ("?who=值班员101", {"排除"}),
        ("?kind=token", set()),
    ],
)
def test_the_log_is_narrowed_by_kind_person_and_day(auditor: TestClient, query: str, words: set[str]):
    assert {row[4] for row in exported(auditor, query)} == words


def test_an_export_is_itself_in_the_log_and_starts_no_formula(auditor: TestClient):
    rows = exported(auditor, "?kind=case")
    assert "'=1+1" in {row[2] for row in rows}
    assert "导出审计" in {row[4] for row in exported(auditor, "?kind=audit")}


def test_what_a_programs_token_may_do_is_told_in_words():
    assert detail_words(" ".join(Scope)) == "读取事件单、处理事件单、读取统计、导入名单"
