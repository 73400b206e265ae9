"""Cameras of one maker that write otherwise than the field lists say: the same read, or a refusal that is counted."""

import base64
import json
from datetime import timedelta

import pytest

from pipeline.reads.adapter import Message, Understood, UnreadableMessageError
from pipeline.reads.camera_read import SentRead
from pipeline.reads.makers import adapter_of
from pipeline.reads.plate_text import colour_beside, plate_text
from pipeline.reads.synthetic import (
    BOUNDARY,
    JPEG,
    NOON,
    SAMPLES,
    Said,
    gat_vehicle,
    hikvision_xml,
    multipart,
)
from pipeline.reads.texts import BrokenPicture, moment_of

SCENE = JPEG + b"the whole scene"


def read_by(maker: str, body: bytes, content_type: str = "", path: str = "") -> SentRead:
    [sent] = adapter_of(maker).understand(Message(path, content_type, body, NOON)).reads
    return sent


@pytest.mark.parametrize(
    ("said", "text", "style"),
    [
        ("苏A1B2C3蓝", "苏A1B2C3", "blue"),
        ("黄色苏A1234挂", "苏A1234挂", "yellow"),
        ("（绿）粤BD12345", "粤BD12345", "green"),
        ("黑A12345黑色", "黑A12345", "black"),
        ("粤Z1234港", "粤Z1234港", None),
        ("苏??????", "苏------", None),
        ("蓝牌苏A1B2C3", "苏A1B2C3", "blue"),
        ("苏A1B2C3 黄牌", "苏A1B2C3", "yellow"),
        ("蓝?A12345", "-A12345", "blue"),
        ("黑色粵Z1234港", "粤Z1234港", "black"),
        ("魯B1234學", "鲁B1234学", None),
    ],
)
def test_a_colour_may_stand_before_or_behind_the_plate(said: str, text: str, style: str | None):
    assert (plate_text(said), colour_beside(said)) == (text, style)


@pytest.mark.parametrize(
    "word",
    [
        "车牌",
        "未识别车牌",
        "无号牌",
        "_无_",
        "无 法 识 别",
        "0",
        "000",
        "--",
        "noplate",
        "Unlicensed",
        "NOT RECOGNIZED",
    ],
)
def test_a_word_is_no_plate(word: str):
    assert plate_text(word) == ""


@pytest.mark.parametrize("said", ["2026-11-24T12:00:00+8:00", "1763956800.25", "1763956800"])
def test_a_time_is_read_as_it_was_meant(said: str):
    moment = moment_of(said, timedelta(hours=8))
    assert moment is not None
    assert abs(moment.timestamp() % 1) <= 0.25
    assert moment.hour == 4


@pytest.mark.parametrize("said", ["20261124", "2026-11-24", "2026/11/24"])
def test_a_day_is_no_moment(said: str):
    assert moment_of(said, timedelta(hours=8)) is None


def test_hikvision_tags_count_whatever_their_case():
    xml = hikvision_xml(Said()).replace("licensePlate>", "licenseplate>").replace("ANPR>", "anpr>")
    assert read_by("hikvision", xml.encode()).read.text == "鲁B12345"
    wide = xml.encode("utf-16")
    assert read_by("hikvision", wide).read.text == "鲁B12345"


@pytest.mark.parametrize(
    ("plate", "scene"),
    [("车牌图.jpg", "全景图.jpg"), ("licensePlatePicture.jpg", ""), ("licensePlatePicture.jpg", "1")],
)
def test_hikvision_pictures_are_found_by_chinese_names_and_without_any(plate: str, scene: str):
    xml = hikvision_xml(Said()).encode()
    parts = [("anpr.xml", "text/xml", xml), (scene, "image/jpeg", SCENE), (plate, "image/jpeg", JPEG)]
    sent = read_by("hikvision", multipart(parts, BOUNDARY), f"multipart/form-data; boundary={BOUNDARY}")
    assert (sent.plate_picture, sent.scene_picture) == (JPEG, SCENE)


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_gat1400_vehicles_are_found_under_either_name_of_their_list(is_wrapped: bool):
    document: dict[str, object] = {"MotorVehicleObjectList": {"MotorVehicleObject": [gat_vehicle(Said())]}}
    body = json.dumps({"data": document} if is_wrapped else document).encode()
    assert read_by("gat1400", body, path="VIID/MotorVehicles").read.text == "鲁B12345"


def test_gat1400_vehicles_that_cannot_be_found_are_not_answered_as_taken():
    adapter = adapter_of("gat1400")
    with pytest.raises(UnreadableMessageError, match="MotorVehicleObject"):
        adapter.understand(Message("VIID/MotorVehicles", "", b'{"Vehicles": [{"PlateNo": "x"}]}', NOON))
    empty = b'{"MotorVehicleListObject": {"MotorVehicleObject": []}}'
    assert adapter.understand(Message("VIID/MotorVehicles", "", empty, NOON)).reads == ()


def test_alarm_info_plate_may_hold_lists_and_seconds_with_a_fraction():
    result = {"license": ["鲁B12345"], "timeStamp": {"Timeval": {"sec": NOON.timestamp() + 0.5}}}
    body = json.dumps({"AlarmInfoPlate": {"result": {"PlateResult": [result]}}}).encode()
    read = read_by("alarm_info_plate", body).read
    assert (read.text, read.captured_at) == ("鲁B12345", NOON + timedelta(seconds=0.5))


def test_each_vehicle_of_a_list_is_a_read():
    results = [{"license": text} for text in ("鲁B12345", "鲁B54321")]
    body = json.dumps({"AlarmInfoPlate": {"serialno": "S1", "result": {"PlateResult": results}}}).encode()
    reads = adapter_of("alarm_info_plate").understand(Message("", "", body, NOON)).reads
    assert [(sent.read.text, sent.read.serial) for sent in reads] == [("鲁B12345", "S1"), ("鲁B54321", "S1")]


def test_a_picture_that_is_no_base64_costs_the_picture_and_not_the_read():
    document = json.loads(SAMPLES["alarm_info_plate"](Said()).body)
    result = document["AlarmInfoPlate"]["result"]["PlateResult"]
    result["imageFile"] = "@@@" + result["imageFile"][5:-3] + "z"
    result["imageFragmentFile"] = base64.urlsafe_b64encode(JPEG).decode().rstrip("=")
    sent = read_by("alarm_info_plate", json.dumps(document).encode())
    assert (sent.read.text, sent.plate_picture) == ("鲁B12345", JPEG)
    for broken in ("A", "@@@", base64.b64encode(b"<html>404</html>").decode()):
        result["imageFile"] = broken
        assert isinstance(read_by("alarm_info_plate", json.dumps(document).encode()).scene_picture, BrokenPicture)
    for none in ("", " ", None):
        result["imageFile"] = none
        assert not isinstance(read_by("alarm_info_plate", json.dumps(document).encode()).scene_picture, BrokenPicture)


def hikvision_events(*parts: tuple[str, bytes], boundary: str = BOUNDARY) -> Understood:
    body = multipart([(name, "", content) for name, content in parts], boundary)
    return adapter_of("hikvision").understand(Message("", f"multipart/form-data; boundary={boundary}", body, NOON))


@pytest.mark.parametrize("is_behind", [True, False])
def test_each_event_of_a_hikvision_message_is_a_read_with_its_own_pictures(is_behind: bool):
    parts = []
    for number, text in enumerate(("鲁B12345", "鲁B54321")):
        xml = ("anpr.xml", hikvision_xml(Said(text=text, message_id="one for both")).encode())
        picture = ("detectionPicture.jpg", JPEG + bytes([number]))
        parts += [xml, picture] if is_behind else [picture, xml]
    other = ("vmd.xml", b"<EventNotificationAlert><eventType>VMD</eventType></EventNotificationAlert>")
    reads = hikvision_events(*parts, other).reads
    assert [(sent.read.text, sent.scene_picture[-1]) for sent in reads] == [("鲁B12345", 0), ("鲁B54321", 1)]
    assert [sent.read.message_id for sent in reads] == ["one for both", None]
    reads = hikvision_events(other, *parts).reads
    assert [sent.read.text for sent in reads] == ["鲁B12345", "鲁B54321"]


def test_what_a_hikvision_message_says_twice_is_one_read_and_what_cannot_be_read_costs_itself_alone():
    xml = ("anpr.xml", hikvision_xml(Said()).encode())
    understood = hikvision_events(xml, ("cut.xml", b"<EventNotificationAlert><ANPR>"), xml)
    assert [sent.read.text for sent in understood.reads] == ["鲁B12345"]
    assert understood.unreadable
    with pytest.raises(UnreadableMessageError):
        hikvision_events(("cut.xml", b"<EventNotificationAlert><ANPR>"))


@pytest.mark.parametrize(
    "namespace", ["http://www.hikvision.com/ver20/XMLSchema", "http://www.isapi.org/ver20/XMLSchema"]
)
@pytest.mark.parametrize("boundary", ["boundary", BOUNDARY, "--", "a b'()+_,-./:=?"])
def test_a_hikvision_message_is_the_same_whatever_its_boundary_and_namespace(namespace: str, boundary: str):
    xml = hikvision_xml(Said(), namespace=namespace).encode()
    picture = JPEG + b"\r\n--" + boundary.encode() + b"\r\n" + JPEG
    body = multipart([("detectionPicture.jpg", "image/jpeg", picture), ("anpr.xml", "text/xml", xml)], boundary)
    [sent] = (
        adapter_of("hikvision").understand(Message("", f'multipart/form-data; boundary="{boundary}"', body, NOON)).reads
    )
    assert (sent.read.text, sent.scene_picture, sent.plate_picture) == ("鲁B12345", picture, b"")
    assert sent.read.char_scores == (0.99,) * 7
    assert (sent.read.style, sent.read.plate_class) == ("blue", "02")


def test_another_event_of_a_hikvision_camera_is_answered_and_holds_no_read():
    xml = b'<EventNotificationAlert version="1.0"><eventType>VMD</eventType></EventNotificationAlert>'
    understood = adapter_of("hikvision").understand(Message("", "application/xml", xml, NOON))
    assert understood.reads == ()
    assert understood.reply.status == 200


def test_a_hikvision_camera_may_say_the_same_in_json():
    document = {"eventType": "ANPR", "ANPR": {"licensePlate": "蓝鲁B12345", "plateCharBelieve": "1,2,3,4,5,6,7,8"}}
    body = json.dumps(document, ensure_ascii=False).encode()
    [sent] = adapter_of("hikvision").understand(Message("", "application/json", body, NOON)).reads
    assert sent.read.text == "鲁B12345"
    assert sent.read.char_scores == (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08)
