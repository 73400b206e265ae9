"""A crossing of a guarded door is told while the household's consent holds: once, and not when it may go out."""

import contextlib
import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.publish import multiple

from alerts.channels.payload import chat_line, envelope_of
from alerts.crossing import CrossingEvent
from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox
from alerts.pictures import PICTURE_NAME
from kakou.settings import SettingsError, load_settings
from pipeline.reads.adapter import Message, SentCrossing, UnreadableMessageError
from pipeline.reads.device_state import Device
from pipeline.reads.guarding import Guarding
from pipeline.reads.makers import adapter_of
from pipeline.reads.mqtt_doors import MqttDoors
from pipeline.reads.settings import DeviceSettings
from pipeline.reads.synthetic import BOUNDARY, DOOR_SAMPLES, Said, frigate_crossing, multipart
from pipeline.reads.synthetic import NOON as SAID_AT
from tests.alerts_kit import wait_until
from tests.camera_fuzz import damaged
from tests.mqtt_broker import mqtt_broker
from tests.reads_kit import SECRET, reads_settings, serving

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
CONSENT = {"by": "张三", "given_at": NOON - timedelta(days=1), "until": NOON + timedelta(days=7)}
DOOR = "3号楼2单元301"
PICTURE = b"\xff\xd8\xff\xe0 a picture"
HIKVISION = (
    b'<EventNotificationAlert version="1.0"><dateTime>2026-11-24T12:00:00+08:00</dateTime>'
    b"<eventType>fielddetection</eventType><eventState>%s</eventState></EventNotificationAlert>"
)


def guard(**changes: object) -> DeviceSettings:
    usual = {"device_id": "G01", "maker": "hikvision", "checkpoint": "东苑微网格", "secret_file": "s", "door": DOOR}
    return DeviceSettings.model_validate({**usual, "consent": CONSENT, **changes})


def told(device: DeviceSettings, *moments: datetime) -> list[CrossingEvent]:
    events: list[CrossingEvent] = []
    guarding = Guarding(lambda event: events.append(event) is None, lambda: bytes(32))  # type: ignore[arg-type,func-returns-value]  # a list for an outbox
    for moment in moments:
        guarding.take(device, SentCrossing(None, moment), moment)
    return events


def test_a_crossing_is_an_event_with_a_link_to_call_the_household():
    [event] = told(guard(meeting_url="https://meet.example/{event_id}"), NOON)
    assert (event.door, event.meeting_url) == (DOOR, f"https://meet.example/{event.event_id}")
    assert from_cloudevent(envelope_of(event, full_payload=True, link_base="")) == event


def test_a_group_chat_does_not_learn_which_door():
    [event] = told(guard(), NOON)
    thin = envelope_of(event, full_payload=False, link_base="https://console.example").decode()
    assert DOOR not in thin + chat_line(event, "https://console.example")
    assert "有人出入" in chat_line(event, "")


@pytest.mark.parametrize("away", [timedelta(days=-2), timedelta(days=7), timedelta(days=30)])
def test_without_a_consent_that_holds_there_is_no_event(away: timedelta):
    assert told(guard(), NOON + away) == []


def test_a_door_without_a_consent_is_refused_in_the_settings(tmp_path: Path):
    text = '[[reads.device]]\ndevice_id = "G"\nmaker = "dahua"\ncheckpoint = "a"\nsecret_file = "s"\ndoor = "d"\n'
    (tmp_path / "kakou.toml").write_text(text)
    with pytest.raises(SettingsError, match="consent"):
        load_settings(tmp_path / "kakou.toml")


@pytest.mark.parametrize(
    ("quiet", "count"), [("11:30-12:30", 0), ("12:00-12:30", 0), ("07:00-12:00", 1), ("23:00-12:30", 0)]
)
def test_at_the_times_for_tests_and_rubbish_nothing_is_told(quiet: str, count: int):
    assert len(told(guard(quiet=[quiet]), NOON)) == count


def test_a_camera_that_repeats_itself_every_second_tells_one_crossing():
    assert len(told(guard(), *(NOON + timedelta(seconds=second) for second in range(50)))) == 1
    assert len(told(guard(), NOON, NOON + timedelta(minutes=5))) == 2


@pytest.mark.parametrize(
    ("maker", "body", "count"),
    [
        ("hikvision", HIKVISION % b"active", 1),
        ("hikvision", HIKVISION % b"inactive", 0),
        ("dahua", b'{"Code": "CrossLineDetection", "Index": 0, "Data": {"UTC": 1795492800}}', 1),
        ("dahua", b'{"Code": "CrossRegionDetection", "Index": 1}', 1),
        ("dahua", b'{"Code": "VideoMotion"}', 0),
    ],
)
def test_what_makers_say_of_a_crossing_is_understood(maker: str, body: bytes, count: int):
    understood = adapter_of(maker).understand(Message("", "", body, NOON))
    assert (len(understood.crossings), understood.reads) == (count, ())


def test_crossings_without_a_time_are_not_all_the_same():
    body = b'{"Code": "CrossLineDetection", "Index": 0}'
    [crossing] = adapter_of("dahua").understand(Message("", "", body, NOON)).crossings
    assert crossing.message_id is None


def test_a_crossing_is_in_the_outbox_when_the_camera_is_answered(tmp_path: Path):
    now = datetime.now(UTC)
    consent = {"by": "张三", "given_at": now - timedelta(days=1), "until": now + timedelta(days=1)}
    with serving(reads_settings(tmp_path, {"device_id": "G01", "door": DOOR, "consent": consent}, {})) as box:
        for device in ("G01", "K01"):  # K01 watches no door
            assert box.post(f"/reads/{device}/{SECRET}", HIKVISION % b"active").status == 200
    with Outbox(tmp_path / "var" / "outbox.sqlite") as outbox:
        [row] = outbox.pending()
    event = from_cloudevent(row.body)
    assert isinstance(event, CrossingEvent)
    assert (event.camera_id, event.door, event.picture) == ("G01", DOOR, None)


@pytest.mark.parametrize("said_as", ["lineCrossing.jpg", "detectionPicture.jpg", "x"])
def test_the_picture_that_came_along_lies_where_the_centre_fetches_it(tmp_path: Path, said_as: str):
    parts = [("linedetection.xml", "application/xml", HIKVISION % b"active"), (said_as, "image/jpeg", PICTURE)]
    message = Message("", f"multipart/form-data; boundary={BOUNDARY}", multipart(parts), NOON)
    [crossing] = adapter_of("hikvision").understand(message).crossings
    events: list[CrossingEvent] = []
    Guarding(lambda event: events.append(event) is None, lambda: bytes(32), tmp_path).take(guard(), crossing, NOON)  # type: ignore[arg-type,func-returns-value]  # a list for an outbox
    [event] = events
    assert event.picture is not None
    assert PICTURE_NAME.fullmatch(event.picture), "else the console leaves it"
    assert (tmp_path / event.picture).read_bytes() == PICTURE
    assert oct((tmp_path / event.picture).stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("picture", [b"", b"GIF89a", b"\xff\xd8\xff" + bytes(6 * 2**20)])
def test_what_is_no_picture_or_too_large_does_not_hold_the_crossing_up(tmp_path: Path, picture: bytes):
    events: list[CrossingEvent] = []
    guarding = Guarding(lambda event: events.append(event) is None, lambda: bytes(32), tmp_path)  # type: ignore[arg-type,func-returns-value]  # a list for an outbox
    assert guarding.take(guard(), SentCrossing(None, NOON, picture), NOON)
    assert (events[0].picture, list(tmp_path.iterdir())) == (None, [])


@pytest.mark.parametrize("maker", DOOR_SAMPLES)
def test_a_maker_of_crossings_alone_is_understood_whatever_is_done_to_its_message(maker: str):
    adapter, wire = adapter_of(maker), DOOR_SAMPLES[maker](Said())
    [crossing] = adapter.understand(wire.message()).crossings
    assert crossing.captured_at is not None
    assert abs(crossing.captured_at - SAID_AT) < timedelta(seconds=1)
    assert crossing.message_id
    again, later = (DOOR_SAMPLES[maker](Said(at=at)).message() for at in (SAID_AT, SAID_AT + timedelta(minutes=3)))
    ids = [adapter.understand(each).crossings[0].message_id for each in (again, later)]
    assert ids[0] == crossing.message_id != ids[1]
    dice = random.Random(7)
    for _ in range(300):
        with contextlib.suppress(UnreadableMessageError):
            found = adapter.understand(replace(wire.message(), body=damaged(wire.body, dice)))
            assert len(found.crossings) <= 2


@pytest.mark.parametrize(
    ("maker", "said", "instead"),
    [
        ("onvif", b"LineDetector/Crossed", b"VideoSource/MotionAlarm"),
        ("onvif", b'Name="ObjectId" Value="17"', b'Name="IsInside" Value="false"'),
        ("frigate", b'"label": "person"', b'"label": "cat"'),
        ("frigate", b'"entered_zones": ["door"]', b'"entered_zones": ["garden"]'),
        ("frigate", b'"entered_zones": []', b'"entered_zones": ["door"]'),
    ],
)
def test_what_is_no_crossing_is_answered_and_left(maker: str, said: bytes, instead: bytes):
    wire = DOOR_SAMPLES[maker](Said())
    assert said in wire.body
    assert adapter_of(maker).understand(replace(wire.message(), body=wire.body.replace(said, instead))).crossings == ()


def test_what_frigate_publishes_at_a_broker_is_an_event(tmp_path: Path):
    now = datetime.now(UTC)
    consent = {"by": "张三", "given_at": now - timedelta(days=1), "until": now + timedelta(days=1)}
    with mqtt_broker(tmp_path) as port:
        broker = {"host": "127.0.0.1", "port": port, "tls": False, "user": "u", "topic": "kakou/frigate/events"}
        (tmp_path / "secret").write_text("p")
        device = DeviceSettings.model_validate(
            {"device_id": "G01", "maker": "frigate", "checkpoint": "东苑", "secret_file": "s", "door": DOOR,
             "consent": consent, "broker": broker, "serials": ["door-cam"]})  # fmt: skip
        told: list[CrossingEvent] = []
        guarding = Guarding(lambda event: told.append(event) is None, lambda: bytes(32))  # type: ignore[arg-type,func-returns-value]  # a list for an outbox
        watched = Device.of(device, "p", timedelta(hours=1), None)
        stop = threading.Event()
        listener = threading.Thread(target=MqttDoors(watched, device.broker, guarding).run, args=(stop,))  # type: ignore[arg-type]  # it was given
        listener.start()
        try:

            def is_told() -> bool:
                cameras = [frigate_crossing(Said(at=now, serial=serial)).body for serial in ("another-cam", "door-cam")]
                messages = [{"topic": broker["topic"], "payload": body, "qos": 1} for body in (*cameras, b"no JSON")]
                multiple(messages, "127.0.0.1", port, auth={"username": "u", "password": "p"})  # type: ignore[arg-type]  # its own example is no TypedDict either
                return bool(told)

            wait_until(is_told, what="a crossing")
        finally:
            stop.set()
            listener.join()
    assert [(event.door, event.camera_id) for event in told] == [(DOOR, "G01")]
    assert watched.report.last_message_at is not None
