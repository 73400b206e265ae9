"""The risk list from the steward's file to the barrier and back: a real console process, record, Redis and matcher."""

import contextlib
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import redis
from sqlalchemy import select

from alerts.envelope import to_cloudevent
from alerts.flagged import event_from_match
from alerts.stream import STREAM_KEY
from console.parts import Console
from console.people.tokens import Scope
from console.store.people_tables import AuditRow
from console.types import Actor, Role
from kakou.settings import Settings
from kakou.wiring.matching import make_matcher
from kakou.wiring.risk import open_keeper, record_path, tended_list
from riskdb.record.declaring import Declared
from riskdb.settings import RiskSettings
from riskdb.types import RiskMatch
from tests.commands import start_kakou
from tests.console_kit import GRID_A, make_account, open_console, session_token
from tests.riskdb_kit import Guess

EVERYWHERE_WITHIN_S = 60.0
AREA = "370211"
SINGLE_HANDED_ROWS = 2
PEOPLE = {Role.STEWARD: "", Role.APPROVER: "", Role.OFFICER: "", Role.WORKER: GRID_A}
CONFIG = """state_dir = "{folder}"
redis_url = "{url}"
[console]
port = 0
county_code = "999901"
approval_rows = {rows}
[[console.checkpoint]]
name = "一号卡口"
grid_code = "{grid}"
"""


@dataclass
class Centre:
    """A command centre that runs, its people, and what the boxes see of its list."""

    console: Console
    settings: Settings
    address: str
    client: "redis.Redis"
    people: dict[str, Actor]

    def person(self, username: str) -> httpx.Client:
        """Return a browser of somebody who is logged in."""
        token = session_token(self.console, username)
        session = self.console.sessions.find(token, self.console.now())
        assert session is not None
        headers = {"cookie": f"__Host-kakou={token}", "x-csrf-token": session.csrf_token, "accept": "application/json"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=20, verify=False)

    def program(self, username: str) -> httpx.Client:
        """Return a program with a token of that person."""
        token = self.console.tokens.create("导入程序", [Scope.LIST_WRITE], 1, self.people[username], self.console.now())
        return httpx.Client(
            base_url=self.address, headers={"authorization": f"Bearer {token}"}, timeout=20, verify=False
        )

    def passes(self, plate: str) -> RiskMatch | None:
        """Let the vehicle pass a box: every time a box that knows nothing of the time before."""
        matcher = make_matcher(self.settings, str(self.settings.redis_url))
        return matcher([Guess(plate)], datetime.now(UTC))

    def flag(self, match: RiskMatch) -> None:
        now = datetime.now(UTC)
        event = event_from_match(
            match, camera_id="一号卡口-入", checkpoint="一号卡口", confidence=0.98, char_probs=[0.98] * len(match.text),
            models={"reader": "0" * 64}, captured_at=now, started_at=now, arrived_at=now, decided_at=now,
            id_key=b"0" * 32,
        )  # fmt: skip
        self.client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})

    def audit(self, action: str) -> list[AuditRow]:
        with self.console.database.reading() as session:
            return list(session.scalars(select(AuditRow).where(AuditRow.action == action).order_by(AuditRow.seq)))


@pytest.fixture(scope="module")
def centre(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("centre")
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    config = folder / "kakou.toml"
    config.write_text(CONFIG.format(folder=folder, url=redis_server, grid=GRID_A, rows=SINGLE_HANDED_ROWS))
    settings = Settings(state_dir=folder, redis_url=redis_server, risk=RiskSettings(timeout_s=1.0))
    console = open_console(folder, client, lambda: datetime.now(UTC))
    people = {role.value: make_account(console, role.value, role, scope) for role, scope in PEOPLE.items()}
    with open_keeper(settings, redis_server) as keeper:
        keeper.declare([Declared(AREA, "high", source="通告", name="示例高风险区")])
    with tended_list(settings, redis_server, lambda _: None):
        process = start_kakou("console", "--config", config, folder=folder, stdout=subprocess.PIPE)
        assert process.stdout is not None
        address = process.stdout.readline().decode().split()[-1]
        with httpx.Client(transport=httpx.HTTPTransport(verify=False, retries=20)) as http:
            http.get(f"{address}/healthz").raise_for_status()
        try:
            yield Centre(console, settings, address, client, people)
        finally:
            process.terminate()
            process.wait(timeout=20)
            process.stdout.close()
            console.database.close()
            client.close()


def travel_file(*plates: str) -> dict[str, tuple[str, bytes]]:
    """Return an upload that lists these vehicles; each stayed in the declared area two days ago."""
    start = datetime.now(UTC) - timedelta(days=2)
    stays = [
        f"{plate},02,{AREA},{start.isoformat()},{(start + timedelta(hours=5)).isoformat()},流调" for plate in plates
    ]
    return {"file": ("行程.csv", "\n".join(["plate,plate_class,area,from,to,source", *stays]).encode())}


def uploaded(browser: httpx.Client, files: Mapping[str, tuple[str, bytes]]) -> str:
    """Upload a file; return the page of its dry run."""
    answer = browser.post("/list", files=files)
    assert answer.status_code == 303
    return answer.headers["location"]


def test_a_small_file_is_tried_first_and_then_applied_by_the_steward_alone(centre: Centre):
    plates = ("苏A10001", "苏A10002")
    make_account(
        centre.console, "alone", Role.STEWARD, ""
    )  # what the other tests brought in today is not this person's
    with centre.person("alone") as steward:
        page = uploaded(steward, travel_file(*plates))
        assert "2 行" in steward.get(page).text
        assert centre.passes(plates[0]) is None, "a dry run lists nobody"
        assert steward.post(f"{page}/apply").status_code == 303
        assert "已生效" in steward.get(page).text
    assert all(centre.passes(plate) for plate in plates)


def test_a_large_file_needs_a_second_person_in_the_browser(centre: Centre):
    plates = ("苏A20001", "苏A20002", "苏A20003")
    with centre.person("steward") as steward, centre.person("approver") as approver:
        page = uploaded(steward, travel_file(*plates))
        own = steward.post(f"{page}/apply")
        assert (own.status_code, "须由另一人审批" in own.text) == (400, True)
        assert "确认生效" not in steward.get(page).text, "the button is not offered"
        assert centre.passes(plates[0]) is None
        assert "确认生效" in approver.get(page).text
        assert approver.post(f"{page}/apply").status_code == 303
        twice = approver.post(f"{page}/apply")
        assert (twice.status_code, "已生效（approver）" in twice.text) == (400, True)
    assert all(centre.passes(plate) for plate in plates)
    change = page.rsplit("/", 1)[-1]
    rows = [row for action in ("list.try", "list.applied") for row in centre.audit(action)]
    assert [row.actor for row in rows if row.subject == f"list_change:{change}"] == ["steward", "approver"]


def test_a_large_file_needs_a_second_person_over_the_api(centre: Centre):
    plates = ("苏A30001", "苏A30002", "苏A30003")
    with centre.program("steward") as program, centre.person("approver") as approver:
        tried = program.post("/api/v1/list/changes", files=travel_file(*plates))
        assert (tried.status_code, tried.json()["needs_approval"], tried.json()["report"]["new_rows"]) == (201, True, 3)
        number = tried.json()["change_id"]
        own = program.post(f"/api/v1/list/changes/{number}/apply")
        assert (own.status_code, "须由另一人审批" in own.json()["message"]) == (422, True)
        assert centre.passes(plates[0]) is None
        assert approver.post(f"/list/{number}/apply").status_code == 303
        assert program.get(f"/api/v1/list/changes/{number}").json()["state"] == "applied"
    assert all(centre.passes(plate) for plate in plates)


def test_a_file_that_was_sent_back_lists_nobody_and_says_why(centre: Centre):
    plates = ("苏A40001", "苏A40002", "苏A40003")
    with centre.person("steward") as steward, centre.person("approver") as approver:
        page = uploaded(steward, travel_file(*plates))
        assert approver.post(f"{page}/refuse", data={"reason": "  "}).status_code == 400
        assert approver.post(f"{page}/refuse", data={"reason": "来源单位未盖章"}).status_code == 303
        assert "来源单位未盖章" in steward.get(page).text
        assert approver.post(f"{page}/apply").status_code == 400
    assert not any(centre.passes(plate) for plate in plates)


def test_one_bad_row_changes_nothing_and_is_named(centre: Centre):
    good = travel_file("苏A50001")["file"][1]
    with centre.person("steward") as steward:
        page = uploaded(steward, {"file": ("行程.csv", good + "\n苏A50002,02,370211,昨天,今天,流调".encode())})
        assert re.search(r"<td class=\"num\">3</td><td class=\"keep\">有误</td>", steward.get(page).text)
        assert steward.post(f"{page}/apply").status_code == 400
    assert centre.passes("苏A50001") is None


def test_a_wrong_entry_is_off_the_list_everywhere_within_a_minute_of_the_workers_answer(centre: Centre):
    plate = "苏A60001"
    with centre.person("steward") as steward, centre.person("approver") as approver:
        # The steward of the tests above has brought in more rows today than one person may alone.
        approver.post(f"{uploaded(steward, travel_file(plate))}/apply")
    match = centre.passes(plate)
    assert match is not None
    centre.flag(match)
    with centre.person("officer") as officer, centre.person("worker") as worker, centre.person("steward") as steward:
        case_id = wait_for_case(officer, plate)
        for action in ("confirm", "assign"):
            assert officer.post(f"/screen/cases/{case_id}/step", json={"action": action}).status_code == 200
        assert worker.post(f"/m/tasks/{case_id}/step", json={"action": "accept"}).json()[0]["plate_text"] == plate
        answer = {
            "action": "close",
            "reason": "list_error",
            "channel": "电话",
            "note": "车一直停在本地",
            "key": "k" * 20,
        }
        assert worker.post(f"/m/tasks/{case_id}/step", json=answer).json() == []
        answered_at = time.monotonic()
        while centre.passes(plate) is not None:
            assert time.monotonic() - answered_at < EVERYWHERE_WITHIN_S, "still flagged"
        assert "已移出名单" in wait_for(steward, "/corrections", "已移出名单")
        correction = correction_of(steward, case_id)
        assert (
            steward.post(f"/corrections/{correction}/confirm", data={"answer": "来源把车号抄错了"}).status_code == 303
        )
        assert "来源把车号抄错了" in steward.get("/corrections").text
    assert [row.actor for row in centre.audit("correction.open") if row.subject == f"case:{case_id}"] == ["worker"]
    removed = [row for row in centre.audit("correction.removed") if row.subject == f"correction:{correction}"]
    assert [row.reason for row in removed] == [f"事件单 {case_id} 核实为名单有误，移出名单 1 条行程"]
    assert ("worker", "remove", f"事件单 {case_id} 核实为名单有误") in record_accesses(centre)
    with centre.console.database.reading() as session:
        assert centre.console.audit.verify(session) == []
        assert not any(plate in f"{row.subject} {row.reason}" for row in session.scalars(select(AuditRow)))


def record_accesses(centre: Centre) -> list[tuple[str, str, str]]:
    """Return who touched which entry of the risk record, and why."""
    with contextlib.closing(sqlite3.connect(record_path(centre.settings))) as record:
        return list(record.execute("SELECT actor, action, reason FROM access"))


def wait_for_case(officer: httpx.Client, plate: str) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for view in officer.get("/screen/cases").json():
            if view["plate_text"] == plate:
                return int(view["case_id"])
    raise AssertionError("the flagged event did not become a case")


def wait_for(browser: httpx.Client, path: str, words: str) -> str:
    deadline = time.monotonic() + 20
    while words not in (page := browser.get(path).text):
        assert time.monotonic() < deadline, f"{path} does not say {words}"
    return page


def correction_of(browser: httpx.Client, case_id: int) -> int:
    found = re.search(rf"更正 (\d+) · 事件单 {case_id} ", browser.get("/corrections").text)
    assert found is not None
    return int(found[1])
