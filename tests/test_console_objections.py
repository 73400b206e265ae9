"""A driver objects without an account; the list's owner answers in time; nothing is told of the list."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.redis_link import connect
from console.lists.objections import PER_PLACE_AN_HOUR
from console.parts import Console
from console.store.list_tables import ObjectionRow
from console.store.people_tables import AuditRow
from console.types import Role
from tests.console_app import app_of
from tests.console_kit import Clock, PaperList, client_of, event_of, make_account, open_console

TOLD = "这辆车这几天一直停在本地，没有出过区。"


@dataclass
class Booth:
    console: Console
    clock: Clock
    office: PaperList
    driver: TestClient
    steward: TestClient
    people: dict[str, str] = field(default_factory=dict)

    def objected(self, reference: str = "1", told: str = TOLD) -> str:
        return self.driver.post("/objection", data={"reference": reference, "told": told}).text

    def audit(self) -> list[str]:
        with self.console.database.reading() as session:
            return [row.action for row in session.scalars(select(AuditRow)) if row.action.startswith("objection.")]


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    clock, office = Clock(), PaperList()
    console = open_console(tmp_path, connect("unix:///nowhere"), clock, office)
    make_account(console, "steward", Role.STEWARD)
    console.intake.take([event_of("测A12345")], clock())
    app = app_of(console)
    yield Booth(console, clock, office, client_of(app, console), client_of(app, console, "steward"))
    console.database.close()


def without_receipt(page: str) -> str:
    return re.sub(r"<strong class=\"num\">\w{8}</strong>", "", page)


def test_the_driver_learns_nothing_whatever_stands_there(booth: Booth):
    known, unknown = booth.objected("1"), booth.objected("999999")
    assert "已收到。受理编号" in known
    assert without_receipt(known) == without_receipt(unknown)
    assert "测A12345" not in known
    assert "示例" not in known


def test_the_owner_sees_it_with_the_case_and_takes_the_vehicle_off(booth: Booth):
    booth.objected()
    page = booth.steward.get("/corrections").text
    assert TOLD in page
    assert "测A12345" in page
    assert "示例高风险区" in page
    assert "前答复" in page
    assert booth.steward.post("/objections/1/grant", data={"answer": " "}).status_code == 400
    assert booth.steward.post("/objections/1/grant", data={"answer": "来源抄错车号"}).status_code == 303
    booth.console.corrections.step(booth.clock())
    assert booth.office.removed == ["测A12345"]
    assert "属实，已更正" in booth.steward.get("/corrections").text
    assert booth.steward.post("/objections/1/refuse", data={"answer": "再来"}).status_code == 404
    booth.clock.forward(30 * 3600)
    booth.console.corrections.step(booth.clock())
    assert booth.office.restored == [], "the owner has confirmed it"
    assert booth.audit() == ["objection.grant"]


def test_the_owner_refuses_and_what_is_late_is_said_so(booth: Booth):
    booth.objected("777")
    booth.clock.forward(25 * 3600)
    client = client_of(booth.driver.app, booth.console, "steward")  # type: ignore[arg-type]  # the same application
    page = client.get("/corrections").text
    assert "已超过答复期限" in page
    assert "没有这个编号的事件单" in page
    assert client.post("/objections/1/grant", data={"answer": "x"}).status_code == 400
    assert client.post("/objections/1/refuse", data={"answer": "\u200b。"}).status_code == 400
    assert client.post("/objections/1/refuse", data={"answer": "没有这个事件单"}).status_code == 303
    assert booth.office.removed == []


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("", TOLD),
        ("一号", TOLD),
        ("1; DROP", TOLD),
        ("9" * 11, TOLD),
        ("1", " "),
        ("1", "错"),
        ("1", "错" * 1001),
        ("1", "\u200b" * 8),
    ],
)
def test_what_is_no_objection_is_said_and_stays_in_the_form(booth: Booth, reference: str, told: str):
    answer = booth.driver.post("/objection", data={"reference": reference, "told": told})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_words_are_shown_as_words(booth: Booth):
    booth.objected(told="<script>alert(1)</script> 错了")
    assert "<script>alert(1)" not in booth.steward.get("/corrections").text


def test_a_flood_from_one_place_is_slowed_down_and_old_words_are_deleted(booth: Booth):
    for _ in range(PER_PLACE_AN_HOUR):
        assert "已收到" in booth.objected()
    answer = booth.driver.post("/objection", data={"reference": "1", "told": TOLD})
    assert (answer.status_code, "太频繁" in answer.text) == (429, True)
    booth.clock.forward(3601)
    assert "已收到" in booth.objected()
    booth.console.lists.objections.forget_old(booth.clock() + timedelta(days=91))
    with booth.console.database.reading() as session:
        assert session.scalars(select(ObjectionRow)).all() == []


def test_the_poster_carries_the_address_for_a_telephone(booth: Booth):
    page = booth.steward.get("/objection/poster").text
    assert "<svg" in page
    assert "https://testserver/objection" in page
    assert booth.driver.get("/objection/poster").status_code in (303, 401)
