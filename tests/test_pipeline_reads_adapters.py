"""One contract for every maker that there is a file of; its messages stand in synthetic.py."""

import base64
import contextlib
import json
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocr.grammar import STYLES
from pipeline.reads.adapter import Adapter, Mapping, Message, UnreadableMessageError
from pipeline.reads.makers import adapter_of, adapters
from pipeline.reads.plate_text import plate_text
from pipeline.reads.synthetic import (
    BEIJING,
    BOUNDARY,
    DOOR_SAMPLES,
    JPEG,
    NOON,
    SAMPLES,
    Said,
    Wire,
    alarm_info_plate,
    gat_vehicle,
    hikvision,
)
from tests.camera_fuzz import mangled


@pytest.fixture(params=[name for name in adapters() if name not in DOOR_SAMPLES])
def maker(request: pytest.FixtureRequest) -> str:
    assert request.param in SAMPLES, f"give the maker {request.param} a message in pipeline/reads/synthetic.py"
    return str(request.param)


@pytest.fixture
def adapter(maker: str) -> Adapter:
    return adapter_of(maker)


def test_a_message_is_understood_as_it_was_said(maker: str, adapter: Adapter):
    [sent] = adapter.understand(SAMPLES[maker](Said()).message()).reads
    assert (sent.read.text, sent.read.captured_at, sent.read.serial) == ("鲁B12345", NOON, "K01-serial")
    assert (sent.plate_picture, sent.scene_picture) == (JPEG, JPEG + b"scene")
    assert sent.read.style in (None, *STYLES)
    assert sent.read.score is None or 0.9 <= sent.read.score < 1


def test_the_same_message_has_the_same_id_and_another_vehicle_another(maker: str, adapter: Adapter):
    ids = [
        adapter.understand(SAMPLES[maker](Said(message_id=given, at=at)).message()).reads[0].read
        for given, at in (("a" * 20, NOON), ("a" * 20, NOON), ("b" * 20, NOON + timedelta(seconds=9)))
    ]
    keys = [(read.message_id, read.captured_at) for read in ids]
    assert keys[0] == keys[1] != keys[2]


def test_no_plate_is_no_text_and_never_a_plate(maker: str, adapter: Adapter):
    [sent] = adapter.understand(SAMPLES[maker](Said(text="无车牌")).message()).reads
    assert sent.read.text == ""


def test_an_unreadable_character_stays_unknown(maker: str, adapter: Adapter):
    [sent] = adapter.understand(SAMPLES[maker](Said(text="鲁B12-45")).message()).reads
    assert sent.read.text == "鲁B12-45"


def test_characters_that_nobody_sees_are_not_part_of_a_plate(maker: str, adapter: Adapter):
    [sent] = adapter.understand(SAMPLES[maker](Said(text="\u202e鲁B·12\u200b345\u2066")).message()).reads
    assert sent.read.text == "鲁B12345"


def test_a_message_in_gb18030_is_the_same_message(maker: str, adapter: Adapter):
    wire = SAMPLES[maker](Said(plate=b"", scene=b""))
    other = Wire(wire.path, wire.content_type, wire.body.decode().encode("gb18030"))
    assert adapter.understand(other.message()).reads[0].read.text == "鲁B12345"


@pytest.mark.parametrize("text", ["鲁B12345", "豫A12345", "012345使", "京A1234学", "沪A12345", "KA·12345"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_province_is_never_taken_for_a_letter_of_europe(text: str, encoding: str):
    """鲁 in GB18030 is ³ in UTF-8."""
    body = json.dumps({"text": text}, ensure_ascii=False).encode(encoding)
    if encoding == "gb18030" and "·" in text:
        body = body.replace(text.encode("gb18030"), b"KA12345")
    [sent] = adapter_of("json_mapping").understand(Message("", "application/json", body, NOON)).reads
    assert sent.read.text == text.replace("·", "")


def test_no_answer_opens_a_barrier(maker: str, adapter: Adapter):
    reply = adapter.understand(SAMPLES[maker](Said()).message()).reply
    assert b'"ok"' not in reply.body.lower().replace(b'"statusstring": "ok"', b"")
    assert reply.status == 200


def test_a_text_that_is_far_too_long_is_refused(maker: str, adapter: Adapter):
    with pytest.raises(UnreadableMessageError):
        adapter.understand(SAMPLES[maker](Said(text="鲁B12345" * 20)).message())


HOSTILE = (
    b"",
    b"\0" * 100,
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    b"<!DOCTYPE l [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'><!ENTITY c '&b;&b;'>]><l>&c;</l>",
    b"<a>" * 5000,
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"Picture": [1], "AlarmInfoPlate": 7, "MotorVehicleObject": {"PlateNo": {}}, "text": [], "eventType": "ANPR"}',
    b'{"text": ' + b"9" * 5000 + b"}",
    b'{"text": NaN}',
    b"--x\r\n" + b"a: b\r\n" * 2000,
    b"--x\r\n\r\n" * 100,
    b"--" + BOUNDARY.encode(),
)


@pytest.mark.parametrize("content_type", ["", f"multipart/form-data; boundary={BOUNDARY}"])
def test_a_hostile_message_is_refused_or_says_nothing(adapter: Adapter, content_type: str):
    for body in HOSTILE:
        with contextlib.suppress(UnreadableMessageError):
            understood = adapter.understand(Message("VIID/MotorVehicles", content_type, body, NOON))
            assert all(sent.read.text == "" for sent in understood.reads)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_it_is_a_read_or_a_refusal(maker: str, adapter: Adapter, data: st.DataObject):
    _is_read_or_refusal(adapter, SAMPLES[maker](Said()), mangled(SAMPLES[maker](Said(plate=b"", scene=b"")).body, data))


def _is_read_or_refusal(adapter: Adapter, wire: Wire, body: bytes) -> None:
    try:
        understood = adapter.understand(Message(wire.path, wire.content_type, body, NOON))
    except UnreadableMessageError:
        return
    assert all(len(sent.read.text) <= 10 for sent in understood.reads)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("蓝苏A1B2C3", "苏A1B2C3"),
        ("黄绿粤BD12345", "粤BD12345"),
        ("渐变绿粤BD12345", "粤BD12345"),
        ("黑AD12345", "黑AD12345"),
        ("黑A12345", "黑A12345"),
        ("黑粤Z1234港", "粤Z1234港"),
        ("白WJ苏12345", "WJ苏12345"),
        ("白KA12345", "KA12345"),
        ("苏A-12345", "苏A12345"),
        ("苏A·1O345", "苏A10345"),
        ("蓝-A12345", "-A12345"),
        ("38AAP084", "38AAP084"),
        ("无牌车", ""),
        ("-------", ""),
    ],
)
def test_a_colour_in_front_is_dropped_only_where_a_plate_follows(sent: str, meant: str):
    assert plate_text(sent) == meant


@pytest.mark.parametrize("cut", [b"\r\n--" + BOUNDARY.encode() + b"--\r\n", b"\r\n"])
def test_a_body_that_lacks_its_end_or_its_lengths_is_read_all_the_same(cut: bytes):
    body = hikvision(Said()).body.replace(b"Content-Length", b"X-Length").removesuffix(cut)
    [sent] = (
        adapter_of("hikvision").understand(Message("", f"multipart/form-data; boundary={BOUNDARY}", body, NOON)).reads
    )
    assert (sent.read.text, sent.plate_picture) == ("鲁B12345", JPEG)


def test_a_part_of_length_nothing_is_no_picture():
    wire = hikvision(Said(plate=b"", scene=b""))
    [sent] = adapter_of("hikvision").understand(wire.message()).reads
    assert (sent.read.text, sent.plate_picture, sent.scene_picture) == ("鲁B12345", b"", b"")


def test_an_alarm_info_plate_message_through_a_broker_has_its_text_in_base64():
    inner = json.loads(alarm_info_plate(Said()).body)
    inner["AlarmInfoPlate"]["result"]["PlateResult"]["license"] = base64.b64encode("鲁B12345".encode()).decode()
    body = json.dumps({"id": "1", "name": "ivs_result", "payload": inner}).encode()
    [sent] = adapter_of("alarm_info_plate").understand(Message("", "application/json", body, NOON)).reads
    assert sent.read.text == "鲁B12345"


def test_a_sign_of_life_of_a_gate_camera_is_told_to_do_nothing():
    reply = adapter_of("alarm_info_plate").understand(Message("", "", b'{"heartbeat": {"x": 1}}', NOON)).reply
    assert json.loads(reply.body) == {"Response_Heartbeat": {"info": "no", "shutoff": "no", "snapnow": "no"}}


def test_a_list_of_vehicles_has_a_status_for_each():
    good, bad = gat_vehicle(Said(message_id="1" * 48)), gat_vehicle(Said(message_id="2" * 48, text="x" * 40))
    body = json.dumps({"MotorVehicleListObject": {"MotorVehicleObject": [good, bad]}}).encode()
    understood = adapter_of("gat1400").understand(Message("VIID/MotorVehicles", "", body, NOON))
    [first, second] = json.loads(understood.reply.body)["ResponseStatusListObject"]["ResponseStatusObject"]
    assert (first["Id"], first["StatusCode"], second["Id"], second["StatusCode"]) == ("1" * 48, 0, "2" * 48, 8)
    assert len(understood.reads) == 1
    assert understood.reads[0].read.char_scores == (0.9,) * 7


def test_a_notification_of_another_platform_holds_reads_too():
    notice = {"NotificationID": "1", "MotorVehicleObjectList": {"MotorVehicleObject": gat_vehicle(Said())}}
    body = json.dumps({"SubscribeNotificationListObject": {"SubscribeNotificationObject": [notice]}}).encode()
    [sent] = adapter_of("gat1400").understand(Message("VIID/SubscribeNotifications", "", body, NOON)).reads
    assert sent.read.text == "鲁B12345"


@pytest.mark.parametrize(
    "pass_time", [f"{NOON.astimezone(BEIJING):%Y%m%d%H%M%S}", str(round(NOON.timestamp() * 1000)), NOON.isoformat()]
)
def test_a_pass_time_is_understood_in_each_of_its_forms(pass_time: str):
    vehicle = gat_vehicle(Said()) | {"PassTime": pass_time}
    body = json.dumps({"MotorVehicleListObject": {"MotorVehicleObject": [vehicle]}}).encode()
    [sent] = adapter_of("gat1400").understand(Message("VIID/MotorVehicles", "", body, NOON)).reads
    assert sent.read.captured_at == NOON


def test_the_platform_tells_its_time():
    reply = adapter_of("gat1400").understand(Message("VIID/System/Time", "", b"", NOON, method="GET")).reply
    said = json.loads(reply.body)["SystemTimeObject"]
    assert (said["LocalTime"], said["TimeZone"]) == ("20261124120000", "UTC+8")


def test_any_json_is_understood_by_a_mapping():
    body = json.dumps({"a": {"b": [{"plate": "鲁B12345"}]}, "when": "2026/11/24 12:00:00", "sure": 88}).encode()
    paths = (("text", "a.b.plate"), ("captured_at", "when"), ("score", "sure"))
    wire = Wire("", "application/json", body)
    [sent] = adapter_of("json_mapping").understand(wire.message(Mapping(paths))).reads
    assert (sent.read.text, sent.read.captured_at, sent.read.score) == ("鲁B12345", NOON, 0.88)


def test_a_clock_that_is_years_off_is_told_as_it_is():
    off = datetime(2034, 1, 4, 7, 57, 3, tzinfo=NOON.tzinfo)
    [sent] = adapter_of("hikvision").understand(hikvision(Said(at=off)).message()).reads
    assert sent.read.captured_at == off


def test_ids_as_bare_numbers_stay_exact():
    vehicle = gat_vehicle(Said()) | {"DeviceID": 37021100001190000001}
    body = json.dumps({"MotorVehicleListObject": {"MotorVehicleObject": [vehicle]}}).encode()
    [sent] = adapter_of("gat1400").understand(Message("VIID/MotorVehicles", "", body, NOON)).reads
    assert sent.read.serial == "37021100001190000001"


def test_what_a_platform_wants_watched_never_becomes_the_list_by_itself():
    asked = [{"DispositionID": f"D{number}", "TargetFeature": "鲁B12345"} for number in range(2)]
    body = json.dumps({"DispositionListObject": {"DispositionObject": asked}}).encode()
    understood = adapter_of("gat1400").understand(Message("VIID/Dispositions", "", body, NOON))
    told = json.loads(understood.reply.body)["ResponseStatusListObject"]["ResponseStatusObject"]
    assert [(one["Id"], one["StatusCode"], "未生效" in one["StatusString"]) for one in told] == [
        ("D0", 1, True), ("D1", 1, True)]  # fmt: skip
    assert (understood.reads, "2 条未生效" in understood.declined, "鲁B" in understood.declined) == ((), True, False)
