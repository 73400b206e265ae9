"""A steward's single acts on the page: one record, one vehicle, one area; each says first what it will do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.redis_link import connect
from console.lists.changes import ChangeState
from console.lists.keeper_office import KeeperOffice
from console.parts import Console
from console.people.tokens import Scope
from console.store.people_tables import AuditRow
from console.types import Role
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from tests.console_app import app_of
from tests.console_kit import client_of, make_account, open_console

PLATE = "鲁B10001"
ARRIVED, LEFT = (f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (3, 2))
"""The record of the list goes by the machine's own clock."""


@dataclass
class Desk:
    console: Console
    client: TestClient
    """The steward's browser."""

    def entered(self, plate: str = PLATE, area: str = "370211") -> str:
        """Type one record in and apply it; return the page on which it was shown first."""
        form = {"plate": plate, "area": area, "begin": ARRIVED, "end": LEFT, "source": "函12"}
        answer = self.client.post("/list/entry", data=form)
        assert answer.status_code == 303, answer.text
        page = self.client.get(answer.headers["location"]).text
        self.client.post(f"{answer.headers['location']}/apply")
        return page

    def declared(self, step: str = "declare", area: str = "370211") -> str:
        form = {"area": area, "level": "high", "source": "通告3号"}
        return self.client.post(f"/areas/{step}", data=form, follow_redirects=True).text

    def searched(self, plate: str = PLATE, reason: str = "车主来电") -> str:
        return self.client.post("/vehicle", data={"plate": plate, "reason": reason}).text

    def audit(self, action: str) -> list[AuditRow]:
        with self.console.database.reading() as session:
            return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    office = KeeperOffice(lambda: open_keeper(Settings(state_dir=tmp_path / "list"), publishes=False))
    made = open_console(tmp_path / "console", connect("unix:///nowhere"), lambda: datetime.now(UTC), office)
    make_account(made, "steward", Role.STEWARD, "")
    yield Desk(made, client_of(app_of(made), made, "steward"))
    made.database.close()


def test_one_record_is_typed_in_and_shown_before_it_counts(desk: Desk):
    page = desk.entered(area="青岛市黄岛区")
    assert "鲁B***01" in page
    assert "370211" in page
    change = desk.console.list_changes.find(1)
    assert (change.state, change.file_name, change.report.new_rows) == (ChangeState.APPLIED, "单条录入.csv", 1)


def test_a_mistake_in_one_record_is_said_in_its_form_and_nothing_waits(desk: Desk):
    mistakes = {
        "plate": ("B10001", "缺少省份"), "area": ("城关区", "地区"), "begin": ("昨天", "到达时间"),
        "end": ("2019-01-01", "离开时间"), "source": (" ", "来源"),
    }  # fmt: skip
    for number, (field, (value, told)) in enumerate(mistakes.items(), start=1):
        form = {"plate": PLATE, "area": "370211", "begin": ARRIVED, "end": LEFT, "source": "函12"} | {field: value}
        answer = desk.client.post("/list/entry", data=form)
        assert answer.status_code == 400
        assert told in answer.text.split('role="alert">')[1].split("</p>")[0]
        assert desk.console.list_changes.find(number).state is ChangeState.REFUSED


def test_an_area_says_how_many_vehicles_it_lists_before_and_the_same_is_so_after(desk: Desk):
    desk.entered(PLATE)
    desk.entered("鲁B10002", area="370211010")
    tried = desk.declared("try", area="山东省青岛市黄岛区")
    assert "山东省青岛市黄岛区（370211）公布后：新列入 <strong>2</strong> 辆" in tried
    assert "现行风险区（0）" in tried
    assert "不在名单上" in desk.searched()
    assert "现行风险区（1）" in desk.declared()
    assert "在名单上</span>" in desk.searched()
    lifting = desk.client.post("/areas/try-lift", data={"code": "370211"}).text
    assert "移出名单 <strong>2</strong> 辆" in lifting
    assert "请写明解除的依据" in desk.client.post("/areas/lift", data={"code": "370211", "reason": " "}).text
    assert "在名单上</span>" in desk.searched()
    desk.client.post("/areas/lift", data={"code": "370211", "reason": "通告9号"})
    assert "不在名单上" in desk.searched()
    assert [row.reason for row in desk.audit("area.declare")] == ["通告3号；新增 2，移除 0"]
    assert [row.reason for row in desk.audit("area.lift")] == ["通告9号；新增 0，移除 2"]


def test_an_area_that_is_none_is_refused_in_words(desk: Desk):
    for area in ("370", "城关区", "北京市、上海市", ""):
        assert "风险区没有改变：" in desk.declared("declare", area)
    assert desk.console.lists.areas.standing() == []


def test_one_vehicle_is_looked_up_taken_off_and_put_back_with_a_reason_each_time(desk: Desk):
    desk.entered()
    desk.declared()
    assert "请写明原因" in desk.searched(reason=" ")
    assert "没有办成" in desk.searched("不是号牌")
    page = desk.searched("鲁b·10001", "车主来电，车牌鲁b·10001")
    assert "在名单上</span>" in page
    assert "函12" in page.split("查询结果")[1], "the source of the stay is named"
    out = desk.client.post("/vehicle/remove", data={"plate": PLATE, "reason": "来源抄错"}).text
    assert "已移出名单：1 条行程" in out
    gone = desk.searched()
    assert "不在名单上" in gone
    assert "steward 移出：来源抄错" in gone
    assert (
        "已恢复到名单：1 条行程"
        in desk.client.post("/vehicle/restore", data={"plate": PLATE, "reason": "核实无误"}).text
    )
    assert "在名单上</span>" in desk.searched()
    kept = [row for action in ("show", "remove", "restore") for row in desk.audit(f"vehicle.{action}")]
    assert len(kept) == 6
    assert not any("10001" in f"{row.subject} {row.reason}" for row in kept)
    assert "移出 1 条行程" in desk.audit("vehicle.remove")[0].reason


def test_only_stewards_look_vehicles_up_and_no_token_does(desk: Desk):
    approver = make_account(desk.console, "approver", Role.APPROVER, "")
    client = client_of(app_of(desk.console), desk.console, "approver")
    assert client.post("/vehicle", data={"plate": PLATE, "reason": "好奇"}).status_code == 403
    assert client.post("/areas/declare", data={"area": "370211"}).status_code == 403
    assert client.get("/areas").status_code == 200
    assert approver.role is Role.APPROVER
    assert not any("vehicle" in scope for scope in Scope)
