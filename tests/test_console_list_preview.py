"""A steward sees what a file would do before it counts, gets the faulty rows back, and can take it back as a whole."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook

from alerts.redis_link import connect
from console.lists.changes import ChangeState
from console.lists.keeper_office import KeeperOffice
from console.parts import Console
from console.types import Role
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from tests.console_app import app_of
from tests.console_kit import Clock, client_of, make_account, open_console
from tests.office_kit import CHINESE, FORM_ROWS, xlsx

DAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
"""The record of the list goes by the machine's own clock."""


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    office = KeeperOffice(lambda: open_keeper(Settings(state_dir=tmp_path / "list"), publishes=False))
    made = open_console(tmp_path / "console", connect("unix:///nowhere"), Clock(), office)
    make_account(made, "steward", Role.STEWARD, "")
    yield made
    made.database.close()


def book(*plates: str) -> bytes:
    rows = [
        [*FORM_ROWS[0][:1], plate, "", "黄岛区", DAY, "至今", "张某", "13800000001", "函12", ""] for plate in plates
    ]
    return xlsx(("协查", [["协查车辆登记表"], CHINESE, *rows]))


def uploaded(console: Console, *plates: str) -> tuple[TestClient, str]:
    """Return the steward's browser and the page of the upload."""
    client = client_of(app_of(console), console, "steward")
    assert client.post("/list", files={"file": ("协查函.xlsx", book(*plates))}).status_code == 303
    return client, client.get("/list/1").text


def test_the_page_says_that_two_tables_lie_side_by_side_and_that_two_columns_make_a_plate(console: Console):
    names = ["车牌前缀", "后五位", "途经地区", "到达时间", "离开时间", "协查来源"]
    left, right = (["鲁B", digits, "黄岛区", DAY, "至今", "函12"] for digits in ("12345", "54321"))
    rows = [[*names, "", *names], [*left, "", *right], ["鲁B", "12346", *4 * ["同上"]]]
    client = client_of(app_of(console), console, "steward")
    client.post("/list", files={"file": ("协查函.xlsx", xlsx(("协查", rows)))})
    page = client.get("/list/1").text
    assert "号牌←车牌前缀＋后五位（两列合成）" in page
    assert "左右并排 2 组" in page
    assert "1 条记录写着“同上”之类" in page
    assert all(plate in page for plate in ("鲁B***45", "鲁B***21", "鲁B***46"))
    client.post("/list/1/columns")
    client.post("/list/1/apply")
    assert console.list_changes.find(1).state is ChangeState.APPLIED


def test_the_page_says_how_the_file_was_understood_and_the_file_is_taken_back_as_a_whole(console: Console):
    client, page = uploaded(console, "鲁B·12345（黄）", "鲁B54321")
    assert "协查函.xlsx 工作表“协查”：第 2 行是表头：号牌←车牌号" in page
    assert "没有读取的列：序号、车主姓名、联系电话、备注" in page
    assert "对名单的影响（车辆）：新增 0，移除 0，不变 0" in page
    assert "13800000001" not in page
    assert "读懂的全部 2 行（号牌已遮）" in page
    assert "鲁B***21" in page
    assert "鲁B54321" not in page.split("需要查看的行")[0]
    client.post("/list/1/columns")
    client.post("/list/1/apply")
    assert "整次撤回" in client.get("/list/1").text
    client.post("/list/1/undo", data={"reason": "来文作废"})
    assert "已撤回" in client.get("/list/1").text
    assert console.list_changes.find(1).state is ChangeState.TAKEN_BACK
    assert "不能撤回" in client.post("/list/1/undo", data={"reason": "再来一次"}).text


def test_the_faulty_rows_come_back_in_their_own_layout(console: Console):
    client, page = uploaded(console, "鲁B12345", "B54321")
    assert "/list/1/faulty.xlsx" in page
    rows = CalamineWorkbook.from_filelike(BytesIO(client.get("/list/1/faulty.xlsx").content)).get_sheet_by_index(0)
    header, only = rows.to_python()
    assert header == [*CHINESE, "问题"]
    assert only[1] == "B54321"
    assert "缺少省份简称" in str(only[-1])
    assert "张某" not in only


def test_taking_back_needs_a_reason(console: Console):
    client, _ = uploaded(console, "鲁B12345")
    client.post("/list/1/columns")
    client.post("/list/1/apply")
    assert "请写明撤回的原因" in client.post("/list/1/undo", data={"reason": " "}).text
    assert console.list_changes.find(1).state is ChangeState.APPLIED


def test_the_faulty_rows_are_told_first_however_many_others_a_file_has(console: Console):
    client, _ = uploaded(console, "鲁B12345", "鲁B54321")
    client.post("/list/1/columns")
    client.post("/list/1/apply")
    client.post("/list", files={"file": ("又来.xlsx", book("鲁B12345", "鲁B54321", "B54321"))})
    told = client.get("/list/2").text.split("需要查看的行</h2>")[1]
    assert told.index("有误") < told.index("重复，不变")


def test_a_stay_is_told_with_its_year_and_the_name_of_its_area(console: Console):
    _, page = uploaded(console, "鲁B12345")
    assert "山东省青岛市黄岛区" in page
    assert f"{DAY} 00:00" in page
