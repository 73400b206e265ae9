"""The first time for a form a steward says what each of its columns means; from then on it is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from alerts.redis_link import connect
from console.lists.changes import ChangeState
from console.lists.keeper_office import KeeperOffice
from console.parts import Console
from console.types import Role
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from tests.console_app import app_of
from tests.console_kit import client_of, make_account, open_console
from tests.office_kit import CHINESE, FORM_ROWS, HEADER, NOW, ROWS, text, xlsx

BEGIN, END = (f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (3, 2))
"""The record of the list goes by the machine's own clock."""


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    office = KeeperOffice(lambda: open_keeper(Settings(state_dir=tmp_path / "list"), publishes=False))
    made = open_console(tmp_path / "console", connect("unix:///nowhere"), lambda: NOW, office)
    make_account(made, "steward", Role.STEWARD, "")
    yield made
    made.database.close()


def upload(client: TestClient, content: bytes, name: str = "表.xlsx") -> str:
    """Return the path of the upload's page."""
    answer = client.post("/list", files={"file": (name, content)})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def state(console: Console, page: str) -> ChangeState:
    return console.list_changes.find(int(page.rsplit("/", 1)[-1])).state


def test_a_form_is_asked_about_once_and_lists_nobody_before(console: Console):
    client = client_of(app_of(console), console, "steward")
    page = upload(client, xlsx(("协查", [CHINESE, *FORM_ROWS])))
    asked = client.get(page).text
    assert "第一次见到这种表" in asked
    assert "确认生效" not in asked
    assert "先确认每一列的含义" in client.post(f"{page}/apply").text
    assert state(console, page) is ChangeState.WAITING
    assert client.post(f"{page}/columns").status_code == 303
    assert client.post(f"{page}/apply").status_code == 303
    again = upload(client, xlsx(("协查", [["协查车辆登记表"], CHINESE, FORM_ROWS[0]])))
    assert "第一次见到这种表" not in client.get(again).text
    assert state(console, page) is ChangeState.APPLIED


def test_a_form_with_two_header_rows_is_asked_about_once(console: Console):
    client = client_of(app_of(console), console, "steward")
    rows = [["车牌号", "途经地区", "停留时间", "", "来源"], ["", "", "起", "止", ""],
            ["鲁B12345", "370211", BEGIN, END, "函12"]]  # fmt: skip
    page = upload(client, xlsx(("表", rows)))
    assert "第一次见到这种表" in client.get(page).text
    client.post(f"{page}/columns", data={"0-4": "", "source": "函99"})
    again = client.get(upload(client, xlsx(("表", rows)))).text
    assert "已确认过" in again
    assert "缺少“来源”列" in again, "the last column is not read any more"


def test_a_form_with_the_documented_columns_is_not_asked_about(console: Console):
    client = client_of(app_of(console), console, "steward")
    page = upload(client, text([HEADER, *ROWS]), "documented.csv")
    assert "第一次见到这种表" not in client.get(page).text
    assert client.post(f"{page}/apply").status_code == 303


@pytest.mark.parametrize(
    ("header", "said", "source"),
    [
        (
            ["甲", "乙", "丙", "丁", "戊"],
            {"0-0": "plate", "0-1": "area", "0-2": "from", "0-3": "to", "0-4": ""},
            "函12",
        ),
        (["车牌号", "", "", "到", "戊"], {"0-1": "area", "0-2": "from", "0-3": "to"}, "函12"),
        (["车牌号", "时间", "时间", "地区", "来源"], {"0-1": "from", "0-2": "to"}, ""),
        (["车牌号", "途经地区", "起", "止", "车牌号"], {"0-4": ""}, "函12"),
    ],
)
def test_a_form_that_nobody_could_read_is_read_as_the_steward_says(
    console: Console, header: list[str], said: dict[str, str], source: str
):
    client = client_of(app_of(console), console, "steward")
    rows = [["鲁B12345", "370211", BEGIN, END, "苏E5G806"]]
    if header[3] == "地区":
        rows = [["鲁B12345", BEGIN, END, "370211", "函12"]]
    page = upload(client, xlsx(("表", [header, *rows])))
    assert "还读不懂这个文件" in client.get(page).text
    assert client.post(f"{page}/columns", data={**said, "source": source}).status_code == 303
    sample = console.list_changes.find(1).report.sample
    assert [(row.plate, row.area, row.source) for row in sample] == [("鲁B***45", "370211", "函12")]
    assert [f"{row.arrived + timedelta(hours=8):%Y-%m-%d}" for row in sample] == [BEGIN]
    assert client.post(f"{page}/apply").status_code == 303
    assert console.list_changes.find(1).report.new_rows == 1


def test_who_is_no_steward_explains_no_columns_and_nonsense_is_refused(console: Console):
    make_account(console, "approver", Role.APPROVER, "")
    app = app_of(console)
    client = client_of(app, console, "steward")
    page = upload(client, xlsx(("协查", [CHINESE, *FORM_ROWS])))
    assert client_of(app, console, "approver").post(f"{page}/columns").status_code == 403
    assert client.post(f"{page}/columns", data={"0-1": "nonsense"}).status_code == 400
    assert "第一次见到这种表" in client.get(page).text
