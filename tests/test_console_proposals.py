"""What a higher platform wants watched waits for the data steward; nothing of it is in the list until people say so."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.redis_link import connect
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from console.lists.changes import ChangeState
from console.lists.office import FileReport, ReportedRow
from console.lists.proposals import KEPT_FOR, WAITS_FOR, Proposals
from console.parts import Console
from console.people.keys import load_keys
from console.store.list_tables import ProposalRow
from console.store.people_tables import AuditRow
from console.types import SYSTEM, ConsoleError, NotFoundError, Role, StepRefusedError
from kakou.wiring.outbox import open_outbox
from tests.console_app import app_of
from tests.console_kit import START, Clock, PaperList, client_of, make_account, open_console, proposal_of
from tests.reads_kit import SECRET, reads_settings, serving

STAY = {"area": "370211", "begin": "2026-11-20 08:00", "end": "2026-11-21", "source": "协查函12号"}


@dataclass
class Desk:
    console: Console
    clock: Clock
    office: PaperList
    folder: Path
    steward: TestClient
    approver: TestClient

    @property
    def proposals(self) -> Proposals:
        return self.console.lists.proposals

    def rows(self) -> list[ProposalRow]:
        with self.console.database.reading() as session:
            return list(session.scalars(select(ProposalRow).order_by(ProposalRow.proposal_id)))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]

    def audit(self) -> list[str]:
        with self.console.database.reading() as session:
            told = session.scalars(select(AuditRow).order_by(AuditRow.seq))
            return [f"{row.action} {row.reason}".strip() for row in told if row.action.startswith("proposal.")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock, office = Clock(), PaperList()
    console = open_console(tmp_path, connect("unix:///nowhere"), clock, office)
    make_account(console, "steward", Role.STEWARD)
    make_account(console, "approver", Role.APPROVER)
    app = app_of(console)
    people = [client_of(app, console, name) for name in ("steward", "approver")]
    yield Desk(console, clock, office, tmp_path, *people)
    console.database.close()


def test_what_a_box_tells_is_on_the_stewards_page_and_changes_no_list(redis_client: "redis.Redis", tmp_path: Path):
    console = open_console(tmp_path / "console", redis_client, Clock())
    asked = {"DispositionID": "D1", "TargetFeature": "鲁B12345", "Reason": "涉疫车辆", "ApplicantOrg": "示例指挥部"}
    body = json.dumps({"DispositionListObject": {"DispositionObject": [asked]}})
    with serving(reads_settings(tmp_path, {"device_id": "上级平台", "maker": "gat1400"})) as box:
        assert box.post(f"/reads/{quote('上级平台')}/{SECRET}/VIID/Dispositions", body).status == 200
    with open_outbox(box.settings) as outbox:
        Relay(outbox, FlaggedStream(redis_client)).step()
    console.feed.step()
    make_account(console, "steward", Role.STEWARD)
    steward = client_of(app_of(console), console, "steward")
    page = steward.get("/proposals").text
    for word in ("鲁B12345", "上级平台", "示例指挥部", "涉疫车辆", "D1", "待处理"):
        assert word in page
    assert "上级布控建议 1 条等待处理" in steward.get("/list").text
    assert console.list_changes.recent() == []
    console.database.close()


def test_one_that_is_taken_up_is_an_entry_that_waits_at_the_usual_door(desk: Desk):
    desk.proposals.take([proposal_of(plate_class="02")], START)
    answer = desk.steward.post("/proposals/1/enter", data=STAY)
    assert (answer.status_code, answer.headers["location"]) == (303, "/list/1")
    [change] = desk.console.list_changes.recent()
    assert change.state is ChangeState.WAITING, "nothing is in the list yet"
    [kept] = (desk.folder / "imports").iterdir()
    assert kept.read_text().splitlines()[1] == "测A12341,02,370211,2026-11-20 08:00,2026-11-21,协查函12号"
    [row] = desk.rows()
    assert (row.state, row.change_id, row.plate_text, row.told) == ("taken", 1, "测A***41", "")
    assert "录入 1" in desk.steward.get("/proposals").text
    assert desk.steward.post("/proposals/1/enter", data=STAY).status_code == 400
    assert len(desk.console.list_changes.recent()) == 1
    assert desk.audit()[:3] == ["proposal.open", "proposal.taken list_change:1", "proposal.view"]


def test_above_the_limit_the_entry_takes_the_second_person_as_any_other(desk: Desk):
    desk.office.report = FileReport(counts={"接受": 101}, new_rows=101, invalid_rows=0)
    desk.proposals.take([proposal_of()], START)
    desk.steward.post("/proposals/1/enter", data=STAY)
    assert "须由另一人审批" in desk.steward.post("/list/1/apply").text
    assert desk.approver.post("/list/1/apply").status_code == 303
    assert desk.console.list_changes.find(1).state is ChangeState.APPLIED


def test_a_mistake_in_the_form_is_said_there_and_the_proposal_goes_on_waiting(desk: Desk):
    desk.office.report = FileReport(
        counts={"有误": 1},
        new_rows=0,
        invalid_rows=1,
        rows=(ReportedRow(number=1, outcome="有误", detail="没有这个地区"),),
    )
    desk.proposals.take([proposal_of()], START)
    answer = desk.steward.post("/proposals/1/enter", data=STAY | {"area": "不知何处"})
    assert (answer.status_code, "没有这个地区" in answer.text, "不知何处" in answer.text) == (400, True, True)
    assert desk.states() == ["waiting"]


def test_who_is_slower_leaves_no_second_entry(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.proposals.take([proposal_of()], START)
    enter = desk.console.list_changes.enter

    def slowly(*asked):
        change = enter(*asked)
        desk.proposals.refuse(1, "上级已更正", SYSTEM, START)
        return change

    monkeypatch.setattr(desk.console.list_changes, "enter", slowly)  # what a colleague does meanwhile
    assert "不采纳" in desk.steward.post("/proposals/1/enter", data=STAY).text
    assert [change.state for change in desk.console.list_changes.recent()] == [ChangeState.REFUSED]


def test_one_that_is_refused_takes_a_reason_and_keeps_no_whole_plate(desk: Desk):
    desk.proposals.take([proposal_of()], START)
    assert desk.steward.post("/proposals/1/refuse", data={"answer": " "}).status_code == 400
    assert desk.approver.post("/proposals/1/refuse", data={"answer": "x"}).status_code in (403, 404)
    assert desk.steward.post("/proposals/1/refuse", data={"answer": "来文号不符"}).status_code == 303
    page = desk.steward.get("/proposals").text
    assert "来文号不符" in page
    assert "测A12341" not in page
    assert desk.steward.post("/proposals/2/refuse", data={"answer": "x"}).status_code in (400, 404)
    assert desk.states() == ["refused"]


def test_one_that_comes_again_is_one_also_after_it_was_refused(desk: Desk):
    again = proposal_of().model_copy(
        update={"event_id": "f" * 32, "checkpoint": "二号卡口", "arrived_at": START + WAITS_FOR}
    )
    desk.proposals.take([proposal_of(), proposal_of()], START)
    desk.proposals.take([again], START)
    assert desk.states() == ["waiting"]
    with pytest.raises(ConsoleError, match="写明理由"):
        desk.proposals.refuse(1, "\u200b", SYSTEM, START)
    desk.proposals.refuse(1, "来文号不符", SYSTEM, START)
    desk.proposals.take([again], START)
    assert desk.states() == ["refused"]


def test_a_platforms_newer_word_takes_the_place_of_its_older_one(desk: Desk):
    desk.proposals.take([proposal_of(), proposal_of(2)], START)
    desk.proposals.take([proposal_of(event_id="a" * 32, reason="更正：同案车辆")], START)
    assert desk.states() == ["withdrawn", "waiting", "waiting"]
    desk.proposals.take([proposal_of(event_id="b" * 32, text="", is_lift=True)], START)
    assert desk.states() == ["withdrawn", "waiting", "withdrawn"], "what was never taken up needs no lifting"


def told(desk: Desk, after_h: float, **words: object) -> None:
    """What reaches a box so many hours after the start, and the console at once."""
    at = START + timedelta(hours=after_h)
    desk.proposals.take([proposal_of(1, at, event_id=f"{int(after_h * 60):032x}", **words)], at)


def test_one_that_was_withdrawn_and_is_asked_again_in_the_same_words_waits_again(desk: Desk):
    for hour in range(6):
        told(desk, hour, is_lift=hour % 2 == 1)
    assert desk.states() == ["withdrawn"] * 3, "each was taken back before anybody decided"
    told(desk, 24)
    told(desk, 25)
    assert desk.states()[3:] == ["waiting"]
    told(desk, 23, is_lift=True)
    told(desk, 22)
    assert desk.states()[3:] == ["withdrawn"], "what was said before the lift, and comes late, asks for nothing"


def test_one_that_was_decided_on_and_lifted_is_another_one_when_it_is_asked_again(desk: Desk):
    told(desk, 0)
    desk.steward.post("/proposals/1/enter", data=STAY)
    for hour, is_lift in ((1, False), (2, True), (3, True)):
        told(desk, hour, is_lift=is_lift, **({"text": ""} if is_lift else {}))
    assert desk.states() == ["taken", "waiting"]
    desk.proposals.refuse(2, "已移出名单", SYSTEM, START)
    told(desk, 4)
    desk.proposals.refuse(3, "来文号不符", SYSTEM, START)
    told(desk, 5)
    assert desk.states() == ["taken", "done", "refused"]
    told(desk, 6, is_lift=True, text="")
    assert desk.states() == ["taken", "done", "refused", "waiting"], "the list is still to be looked at"


def test_a_platform_that_goes_back_to_its_first_words_is_believed(desk: Desk):
    for hour, reason in enumerate(("涉疫车辆", "更正：同案车辆", "涉疫车辆")):
        told(desk, hour, reason=reason)
    assert [(row.state, row.told) for row in desk.rows()][1:] == [("withdrawn", ""), ("waiting", "涉疫车辆")]


def test_a_correction_that_is_lifted_leaves_the_one_that_was_taken_up_to_the_steward(desk: Desk):
    told(desk, 0)
    desk.steward.post("/proposals/1/enter", data=STAY)
    told(desk, 1, reason="更正")
    told(desk, 2, is_lift=True)
    assert desk.states() == ["taken", "withdrawn", "waiting"]
    assert desk.rows()[2].is_lift


def test_one_that_lapsed_and_is_still_asked_waits_again_unless_its_time_is_over(desk: Desk):
    told(desk, 0)
    told(desk, 1, reference="D2", until=START + timedelta(hours=2))
    desk.proposals.forget_old(START + WAITS_FOR + timedelta(days=1))
    assert desk.states() == ["lapsed", "lapsed"]
    told(desk, 24 * 32)
    told(desk, 24 * 32, reference="D2", until=START + timedelta(hours=2))
    assert desk.states() == ["lapsed", "lapsed", "waiting"]


def test_what_lifts_one_that_was_taken_up_waits_for_the_steward_and_is_no_entry(desk: Desk):
    desk.proposals.take([proposal_of()], START)
    desk.steward.post("/proposals/1/enter", data=STAY)
    desk.proposals.take([proposal_of(event_id="b" * 32, is_lift=True)], START)
    assert "单车查询" in desk.steward.get("/proposals").text
    with pytest.raises(StepRefusedError):
        desk.proposals.enter(2, tuple(STAY.values()), SYSTEM, START)
    assert desk.steward.post("/proposals/2/refuse", data={"answer": "已移出名单"}).status_code == 303
    assert desk.states() == ["taken", "done"]


def test_what_lifts_something_that_nobody_here_knows_is_nothing(desk: Desk):
    desk.proposals.take([proposal_of(7, text="", is_lift=True)], START)
    assert desk.rows() == []


def test_their_number_is_bounded_and_what_is_left_is_said(desk: Desk):
    few = Proposals(
        desk.console.database, desk.console.audit, load_keys(desk.folder / "console.key"), desk.console.list_changes, 2
    )
    few.take([proposal_of(number) for number in range(5)], START)
    assert (few.waiting_count(), desk.audit()[-1]) == (2, "proposal.left 3")
    few.take([proposal_of(0, event_id="a" * 32, reason="更正")], START)
    assert desk.states() == ["withdrawn", "waiting", "waiting"], "a newer word of one that waits is no further one"


def test_what_nobody_decides_lapses_and_all_is_deleted_in_time(each_console: Console):
    proposals = each_console.lists.proposals
    until = START + timedelta(days=2)
    proposals.take([proposal_of(until=until), proposal_of(2), proposal_of(until=until)], START)

    def kept(after: timedelta) -> list[tuple[str, str]]:
        proposals.forget_old(START + after)
        return [(each.row.state, each.row.plate_text) for each in proposals.recent()]

    day = timedelta(days=1)
    assert kept(day) == [("waiting", "测A12341"), ("waiting", "测A12342")]
    assert kept(3 * day) == [("waiting", "测A12342"), ("lapsed", "测A***41")]
    assert kept(WAITS_FOR + day) == [("lapsed", "测A***42"), ("lapsed", "测A***41")]
    assert kept(WAITS_FOR + KEPT_FOR + 2 * day) == []
    with pytest.raises(NotFoundError):
        proposals.refuse(1, "x", SYSTEM, START)
