"""What a higher platform wants watched reaches the data steward as a proposal, once, and changes nothing by itself."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.kinds import KIND_NAMES, from_cloudevent
from alerts.proposal import ProposalEvent
from kakou.wiring.outbox import open_outbox
from pipeline.reads.dispositions import plates_in, proposals_of
from pipeline.reads.proposing import Proposing, TooManyProposalsError
from pipeline.reads.settings import DeviceSettings
from tests.reads_kit import SECRET, Box, reads_settings, serving

BEIJING = timedelta(hours=8)
NOON = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
ASKED: dict[str, object] = {
    "DispositionID": "370200000000000012026112900000001", "Title": "涉疫车辆", "TargetFeature": "鲁B12345",
    "ApplicantName": "张三", "ApplicantInfo": "13900000000", "ApplicantOrg": "示例指挥部",
    "ReceiveMobile": "13900000001",
    "BeginTime": "20261129080000", "EndTime": "20261206080000", "OperateType": "0",
    "Reason": "联系 139 0000 0000 核对鲁B12345",
}  # fmt: skip


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    settings = reads_settings(tmp_path_factory.mktemp("box"), {"device_id": "gat", "maker": "gat1400"})
    with serving(settings) as served:
        yield served


def ask(box: Box, *asked: dict[str, object], headers: dict[str, str] | None = None) -> int:
    body = json.dumps({"DispositionListObject": {"DispositionObject": asked}})
    return box.post(f"/reads/gat/{SECRET}/VIID/Dispositions", body, headers).status


def kept(box: Box, reference: str) -> list[ProposalEvent]:
    with closing(open_outbox(box.settings)) as outbox:
        events = [from_cloudevent(row.body) for row in outbox.pending(10_000)]
    return [event for event in events if isinstance(event, ProposalEvent) and event.reference == reference]


def test_what_is_wanted_is_on_disk_for_the_steward_before_it_is_answered_and_only_once(box: Box):
    once = ASKED | {"DispositionID": "once"}
    assert [ask(box, once), ask(box, once)] == [200, 200]
    [event] = kept(box, "once")
    assert (event.platform, event.text, event.is_lift, event.office) == ("gat", "鲁B12345", False, "示例指挥部")
    assert event.until == datetime(2026, 12, 6, tzinfo=UTC)
    body = event.model_dump_json()
    assert not any(word in body for word in ("张三", "1390", "139 0")), "whom to call is nobody's business here"
    assert ask(box, once | {"EndTime": "20261213080000"}) == 200
    assert len(kept(box, "once")) == 2, "what says something else is another one"


def test_one_that_is_lifted_and_asked_again_in_the_same_words_is_told_again(box: Box):
    asked = ASKED | {"DispositionID": "again"}
    words = [asked, asked | {"OperateType": "1"}, asked, asked, asked | {"OperateType": "1"}]
    assert [ask(box, one) for one in words] == [200] * 5
    assert [event.is_lift for event in kept(box, "again")] == [False, True, False, True]
    box.post(f"/reads/gat/{SECRET}/VIID/Dispositions?IDList=again", b"", method="DELETE")
    assert ask(box, asked) == 200
    assert [event.text for event in kept(box, "again")][4:] == ["", "鲁B12345"]


def test_two_of_one_message_or_without_a_number_are_told_once_however_often_they_come(box: Box):
    for number in ("", "twins"):
        twins = [ASKED | {"DispositionID": number, "Reason": why} for why in ("甲", "乙")]
        for _ in range(3):
            assert ask(box, *twins) == 200
        assert [event.reason[-1] for event in kept(box, number)] == ["甲", "乙"]
    first, second = ({**ASKED, "DispositionID": "", "TargetFeature": "鲁B54321", "Reason": why} for why in "甲乙")
    assert [ask(box, one) for one in (first, second, first, second)] == [200] * 4
    assert len([event for event in kept(box, "") if event.text == "鲁B54321"]) == 2


def test_a_test_of_the_way_proposes_nothing_and_no_channel_takes_a_proposal(box: Box):
    assert ask(box, ASKED | {"DispositionID": "trial"}, headers={"x-kakou-test": "1"}) == 200
    assert kept(box, "trial") == []
    assert "proposal" not in KIND_NAMES


@pytest.mark.parametrize(
    "wrong", [{"DispositionID": "\ud800\0x"}, {"Title": "\ud800"}, {"Reason": ["a", {}]}, {"EndTime": "9" * 14}]
)
def test_odd_words_never_cost_the_answer(box: Box, wrong: dict[str, object]):
    assert ask(box, ASKED | wrong) == 200


@pytest.mark.parametrize(
    ("feature", "plates"),
    [
        ("鲁B12345", [("鲁B12345", "")]),
        ("鲁B·12345蓝色", [("鲁B12345", "02")]),
        ("鲁BD12345绿", [("鲁BD12345", "52")]),
        ("号牌：鲁b12345，车型：小型汽车", [("鲁B12345", "")]),
        ("鲁B12345、鲁B54321", [("鲁B12345", ""), ("鲁B54321", "")]),
        ("张三 370202199001011234", []),
        ("鲁B1234567890", []),
        ("鲁B1?345", []),
        ("B12345", []),
        ("", []),
    ],
)
def test_only_whole_plates_are_taken_of_a_feature(feature: str, plates: list[tuple[str, str]]):
    assert plates_in(feature) == plates


def test_what_lifts_one_says_so_even_without_a_plate():
    lifted = {"DispositionID": "D1", "OperateType": 1, "DispositionRemoveReason": "已到案"}
    [sent] = proposals_of(lifted, BEIJING)
    assert (sent.reference, sent.is_lift, sent.text, sent.reason) == ("D1", True, "", "已到案")
    assert proposals_of({"OperateType": "1"}, BEIJING) == []
    [sent] = proposals_of(ASKED | {"DispositionStatus": "1"}, BEIJING)
    assert sent.is_lift


def test_one_that_is_deleted_by_its_number_is_lifted(box: Box):
    for address in ("Dispositions?IDList=gone1,gone2&x=%00", "Dispositions/gone3"):
        answer = box.post(f"/reads/gat/{SECRET}/VIID/{address}", b"", method="DELETE")
        assert (answer.status, b'"StatusCode": 1' in answer.body) == (200, True)
    assert [(each.is_lift, each.text) for number in "123" for each in kept(box, f"gone{number}")] == [(True, "")] * 3


def test_an_alarm_from_above_is_a_word_of_its_own_and_says_whom_it_means(box: Box):
    vehicle = {"PlateNo": "鲁B54321", "DriverName": "张三"}
    alarm = {"NotificationID": "N1", "DispositionID": "told", "Title": "布控车辆告警", "MotorVehicleObject": vehicle}
    body = json.dumps({"DispositionNotificationListObject": {"DispositionNotificationObject": [alarm]}})
    answer = box.post(f"/reads/gat/{SECRET}/VIID/DispositionNotifications", body)
    assert (answer.status, "未生效" in answer.body.decode()) == (200, True)
    [event] = kept(box, "告警 told")
    assert (event.text, event.reason, "张三" in event.model_dump_json()) == ("鲁B54321", "布控车辆告警", False)


def test_a_platform_cannot_fill_the_box(tmp_path: Path):
    device = DeviceSettings(device_id="gat", maker="gat1400", checkpoint="东门卡口", secret_file=tmp_path / "secret")
    taken: list[object] = []
    door = Proposing(lambda event: taken.append(event) is None, lambda: bytes(32), most_a_day=3)  # type: ignore[func-returns-value]  # a list for an outbox
    asked = [proposals_of(ASKED | {"DispositionID": f"D{number}"}, BEIJING)[0] for number in range(5)]
    assert door.take(device, asked[:3], NOON) == 3
    assert door.take(device, asked[:3], NOON) == 0
    with pytest.raises(TooManyProposalsError):
        door.take(device, asked[2:], NOON)
    assert len(taken) == 3
    assert door.take(device, asked[2:], NOON + timedelta(days=1)) == 3
