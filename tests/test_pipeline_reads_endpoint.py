"""What cameras post is on disk before they are answered; who is not known, or plays an old message, is refused."""

import base64
import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kakou.box.reads import check_reads
from kakou.doctor.sending_devices import sending_devices
from kakou.settings import SettingsError
from kakou.wiring.reads import build_intake, open_journal, open_quarantine
from pipeline.reads import hikvision as hikvision_file
from pipeline.reads.adapter import Message
from pipeline.reads.settings import ReadsSettings
from pipeline.reads.synthetic import (
    BOUNDARY,
    SAMPLES,
    Wire,
    alarm_info_plate,
    axis,
    hikvision,
    hikvision_xml,
    multipart,
)
from tests.reads_kit import SECRET, Box, reads_settings, said, serving

MAKERS: list[dict[str, object]] = [
    {"device_id": f"dev-{maker}", "maker": maker, "serials": ["K01-serial"]} for maker in SAMPLES if maker != "gat1400"
]
OTHERS: list[dict[str, object]] = [
    {},
    {"device_id": "K02", "auth": "header"},
    {"device_id": "K04", "reads_per_s": 1},
    {"device_id": "gat", "maker": "gat1400"},
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One endpoint for all tests that only look at their own device's reads."""
    settings = reads_settings(tmp_path_factory.mktemp("box"), *OTHERS, *MAKERS, receive_timeout_s=0.5)
    with serving(settings) as served:
        yield served


def kept_of(box: Box, message_id: str) -> int:
    return sum(arrival.sent.read.message_id == message_id for arrival in box.kept())


@pytest.mark.parametrize("maker", [str(device["maker"]) for device in MAKERS])
def test_a_read_of_every_maker_is_on_disk_when_it_is_answered(box: Box, maker: str):
    wire = SAMPLES[maker](said(scene=b"\xff\xd8" + bytes(5000)))
    before = len(box.kept())
    assert box.send(wire, f"dev-{maker}").status == 200
    [arrival] = box.kept()[before:]
    assert (arrival.device_id, arrival.sent.read.text, arrival.is_late) == (f"dev-{maker}", "鲁B12345", False)
    assert len(arrival.sent.scene_picture) == 5002


def test_a_read_that_is_sent_again_is_answered_and_not_taken_twice(box: Box):
    one = said()
    assert [box.send(hikvision(one)).status for _ in range(3)] == [200] * 3
    assert kept_of(box, one.message_id) == 1


def test_a_read_that_is_sent_again_after_a_restart_is_not_taken_twice(tmp_path: Path):
    settings, one = reads_settings(tmp_path), said()
    for _ in range(2):
        with serving(settings) as served:
            assert served.send(hikvision(one)).status == 200
    assert len(served.kept()) == 1
    assert (served.report().reads, served.report().resent) == (1, 1)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/reads/K01/{SECRET[:-1]}x", {}, 403),
        ("/reads/K01/", {}, 403),
        ("/reads/K01", {"x-kakou-key": SECRET}, 403),
        (f"/reads/K99/{SECRET}", {}, 403),
        (f"/reads/K02/{SECRET}", {}, 403),
        ("/reads/K02", {"x-kakou-key": SECRET}, 200),
        ("/reads/K02", {"authorization": f"Bearer {SECRET}"}, 200),
        ("/reads/K02", {"authorization": "Basic " + base64.b64encode(f"a:{SECRET}".encode()).decode()}, 200),
        ("/reads/K02", {"authorization": "Basic x"}, 403),
        ("/reads/K01", {"x-forwarded-for": "127.0.0.1"}, 403),
        ("/NotificationInfo/TollgateInfo", {}, 403),
        ("/%zz/..//", {}, 403),
    ],
)
def test_only_a_device_with_its_own_secret_is_let_in(box: Box, path: str, headers: dict[str, str], status: int):
    wire = hikvision(said())
    assert box.post(path, wire.body, headers | {"content-type": wire.content_type}).status == status


@pytest.mark.parametrize("path", ["/reads/F01//x", "/reads/F01", "/reads/D01//x"])
def test_a_device_that_posts_nothing_is_nobodys_way_in(tmp_path: Path, path: str):
    folder: dict[str, object] = {"device_id": "F01", "maker": "folder", "folder": tmp_path / "in"}
    (tmp_path / "in").mkdir()
    asked: dict[str, object] = {"device_id": "D01", "maker": "dahua", "pull": {"url": "http://127.0.0.1:1"}}
    with serving(reads_settings(tmp_path, folder, asked)) as box:
        assert box.post(path, b"{}").status == 403
    assert open_quarantine(box.settings).count() == 0


def test_a_platform_that_wants_vehicles_watched_is_told_that_they_are_not_and_people_are_told_too(box: Box):
    body = json.dumps({"DispositionListObject": {"DispositionObject": {"DispositionID": "D1"}}})
    answer = box.post(f"/reads/gat/{SECRET}/VIID/Dispositions", body)
    assert (answer.status, b'"StatusCode": 1' in answer.body) == (200, True)


def test_a_message_of_another_device_is_refused_whatever_secret_it_came_with(box: Box):
    one = said(serial="another")
    assert box.send(hikvision(one), "dev-hikvision").status == 403
    assert kept_of(box, one.message_id) == 0


def test_what_nobody_understands_is_kept_encrypted_and_counted_and_nothing_else_suffers(tmp_path: Path):
    with serving(reads_settings(tmp_path)) as served:
        for _ in range(2):
            assert served.send(Wire("", "text/xml", b"<!DOCTYPE a><a/>" + "鲁B12345".encode())).status == 200
        assert served.send(hikvision(said())).status == 200
    with contextlib.closing(open_journal(served.settings)):
        quarantine = open_quarantine(served.settings)
    assert (served.report().quarantined, served.report().reads, quarantine.count()) == (2, 1, 1)
    [(head, body)] = quarantine.messages()
    assert (head["device_id"], body[:9]) == ("K01", b"<!DOCTYPE")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any("鲁B12345".encode() in path.read_bytes() for path in files)
    assert quarantine.purge(datetime.now(UTC) + timedelta(hours=25)) == 1
    assert quarantine.count() == 0


def test_a_read_whose_picture_or_neighbour_is_broken_is_taken_and_that_is_counted(tmp_path: Path):
    one, cut = said(scene=b"404 Not Found"), b"<EventNotificationAlert><ANPR>"
    parts = [("anpr.xml", "", hikvision_xml(one).encode()), ("detectionPicture.jpg", "", one.scene), ("x", "", cut)]
    with serving(reads_settings(tmp_path, {}, {"device_id": "A", "maker": "alarm_info_plate"})) as served:
        wire = Wire("", f"multipart/form-data; boundary={BOUNDARY}", multipart(parts))
        assert served.send(wire).status == 200
        assert served.send(alarm_info_plate(one), "A").status == 200
        assert [arrival.sent.scene_picture for arrival in served.kept()] == [b"", b""]
    report = served.report()
    assert (report.reads, report.quarantined, report.broken_pictures) == (1, 1, 1)
    assert (served.report("A").reads, served.report("A").broken_pictures) == (1, 1)
    assert open_quarantine(served.settings).count() == 1
    with_them = [one.says for one in sending_devices(served.settings) if "照片" in one.says]
    assert len(with_them) == 2


def test_an_adapter_that_fails_costs_its_own_message_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Failing:
        title = "failing"

        def understand(self, message: Message) -> object:
            raise KeyError(message.body[:3])

    with serving(reads_settings(tmp_path, {}, {"device_id": "A", "maker": "axis"})) as served:
        monkeypatch.setattr(hikvision_file, "ADAPTER", Failing())
        assert served.send(hikvision(said())).status == 200
        assert served.send(axis(said()), "A").status == 200
    assert (served.report().quarantined, served.report("A").reads) == (1, 1)
    assert "KeyError" in served.report().why_quarantined


def test_a_message_that_is_too_large_or_too_slow_or_lies_about_its_length_is_refused(box: Box):
    head = f"POST /reads/K01/{SECRET} HTTP/1.1\r\nHost: a\r\n".encode()
    assert box.post(f"/reads/K01/{SECRET}", b"x" * (4 * 2**20 + 1)).status == 413
    assert b" 413 " in box.raw(head + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 100)
    assert b" 408 " in box.raw(head + b"Content-Length: 500\r\n\r\n" + b"x" * 100)
    assert b" 408 " in box.raw(head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    assert b" 400 " in box.raw(head + b"Content-Length: x\r\n\r\n")
    assert box.raw(head) == b"", "headers that do not end are waited for no longer than a body"
    assert b" 200 " not in box.raw(head + b"a: " + b"x" * 100_000), "nor are they kept however long they are"


def test_a_chunked_message_is_read_like_any_other(box: Box):
    wire = hikvision(one := said())
    chunks = b"".join(
        f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        for piece in (wire.body[i : i + 100] for i in range(0, len(wire.body), 100))
    )
    head = f"POST /reads/K01/{SECRET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    assert b" 200 " in box.raw(head.encode() + chunks + b"0\r\n\r\n")
    assert kept_of(box, one.message_id) == 1


def test_a_device_that_sends_too_much_is_told_to_send_again(box: Box):
    statuses = [box.send(hikvision(said()), "K04").status for _ in range(8)]
    assert statuses.count(200) >= 5
    assert statuses[-1] == 429


def test_an_endpoint_that_others_can_reach_needs_tls_or_a_network_of_its_own():
    with pytest.raises(SettingsError, match="camera_network_is_separate"):
        check_reads(ReadsSettings(host="0.0.0.0"))
    check_reads(ReadsSettings(host="0.0.0.0", camera_network_is_separate=True))
    check_reads(ReadsSettings(host="127.0.0.1"))


@pytest.mark.parametrize("secret", ["short", "has a blank in it 1234", ""])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, secret: str):
    settings = reads_settings(tmp_path)
    (tmp_path / "secret").write_text(secret)
    with pytest.raises(SettingsError, match="openssl rand"):
        build_intake(settings)


def test_a_gate_is_answered_and_never_opened(box: Box):
    reply = json.loads(box.send(alarm_info_plate(said()), "dev-alarm_info_plate").body)
    assert reply["Response_AlarmInfoPlate"]["info"] == "no"


def test_more_connections_than_allowed_are_closed_and_one_address_cannot_take_them_all(tmp_path: Path):
    with serving(reads_settings(tmp_path, max_connections=4)) as served, contextlib.ExitStack() as stack:
        for address in ["127.0.0.2"] * 12:
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 5, (address, 0)))
        assert served.send(hikvision(said())).status == 200
        for number in range(3, 9):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 5, (f"127.0.0.{number}", 0)))
        time.sleep(0.05)
        with pytest.raises((OSError, http.client.HTTPException)):
            served.send(hikvision(said()))
        stack.close()
        time.sleep(0.05)
        assert served.send(hikvision(said())).status == 200
