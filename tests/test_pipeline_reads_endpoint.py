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

from alerts.digest_answer import fields_of, response_to
from kakou.box.reads import check_reads
from kakou.settings import SettingsError
from kakou.wiring.reads import build_intake, open_journal, open_quarantine
from pipeline.reads import hikvision as hikvision_file
from pipeline.reads.adapter import Message
from pipeline.reads.entrance import FIRST_TRIES
from pipeline.reads.settings import ReadsSettings
from pipeline.reads.synthetic import (
    BOUNDARY,
    GAT_DEVICE,
    SAMPLES,
    Wire,
    alarm_info_plate,
    axis,
    gat1400,
    hikvision,
)
from tests.reads_kit import SECRET, Answered, Box, reads_settings, said, serving

MAKERS: list[dict[str, object]] = [
    {"device_id": f"dev-{maker}", "maker": maker, "serials": ["K01-serial"]} for maker in SAMPLES if maker != "gat1400"
]
GAT: dict[str, object] = {"device_id": GAT_DEVICE, "maker": "gat1400", "auth": "digest", "user": GAT_DEVICE}
OTHERS: list[dict[str, object]] = [
    {},
    {"device_id": "K02", "auth": "header"},
    {"device_id": "K03", "auth": "digest"},
    {"device_id": "K04", "reads_per_s": 1},
    {"device_id": "gat", "maker": "gat1400"},
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One endpoint for all tests that only look at their own device's reads."""
    settings = reads_settings(tmp_path_factory.mktemp("box"), *OTHERS, *MAKERS, GAT, receive_timeout_s=0.5)
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


def answered(challenge: str, uri: str, user: str, secret: str = SECRET, nc: str = "1") -> str:
    """Return what a camera answers to a challenge, its counter and quotes as loose as they are met."""
    fields = fields_of(challenge)
    fields |= {"username": user, "uri": uri, "nc": nc, "cnonce": "abc"}
    response = response_to(fields, "POST", user, secret)
    words = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    return f'Digest {words}, response="{response}"'


@pytest.mark.parametrize("uri", ["/reads/K03", "http://127.0.0.1:8070/reads/K03"])
def test_digest_lets_in_once(box: Box, uri: str):
    wire = hikvision(said())
    refused = box.post("/reads/K03", wire.body)
    assert refused.status == 401
    header = answered(refused.headers["www-authenticate"], uri, "kakou")
    heads = {"authorization": header, "content-type": wire.content_type}
    assert box.post("/reads/K03", wire.body, heads).status == 200
    assert box.post("/reads/K03", wire.body, heads).status == 401, "the same answer serves once"


@pytest.mark.parametrize(
    ("uri", "user", "secret"),
    [("/reads/K01", "kakou", SECRET), ("/reads/K03", "x", SECRET), ("/reads/K03", "kakou", "y")],
)
def test_digest_of_another_place_user_or_secret_is_refused(box: Box, uri: str, user: str, secret: str):
    challenge = box.post("/reads/K03", b"").headers["www-authenticate"]
    assert box.post("/reads/K03", b"", {"authorization": answered(challenge, uri, user, secret)}).status == 401


def test_a_camera_that_answers_an_old_challenge_is_asked_anew_and_not_told_of_as_an_intruder(tmp_path: Path):
    settings = reads_settings(tmp_path, {"auth": "digest"}, {**GAT, "serials": ("K01-serial",)})
    wire = hikvision(said())

    def post(box: Box, header: str) -> Answered:
        return box.post("/reads/K01", wire.body, {"authorization": header, "content-type": wire.content_type})

    with serving(settings) as before:
        old = answered(before.post("/reads/K01", b"").headers["www-authenticate"], "/reads/K01", "kakou")
    with serving(settings) as box:  # started again: no challenge of before is known
        asked = post(box, old)
        assert (asked.status, "stale=true" in asked.headers["www-authenticate"]) == (401, True)
        assert post(box, answered(asked.headers["www-authenticate"], "/reads/K01", "kakou")).status == 200
        vehicles = json.loads(gat1400(said(serial="K01-serial")).body)
        assert viid(box, "MotorVehicles", vehicles).status == 401, "nobody has registered since"
    assert (box.report().refused, box.report().reads, box.report(GAT_DEVICE).refused) == (0, 1, 0)
    with serving(settings) as box:
        for _ in range(FIRST_TRIES + 2):
            assert post(box, old).status == 401
        assert viid(box, "MotorVehicles", vehicles).status == 401
        wrong = answered(box.post("/reads/K01", b"").headers["www-authenticate"], "/reads/K01", "kakou", "another")
        assert post(box, wrong).status == 401
    assert (box.report().refused, "摘要已用过" in box.report().why_refused) == (3, True)


def viid(box: Box, resource: str, document: object, **headers: str) -> Answered:
    heads = {"user-identify": GAT_DEVICE, "content-type": "application/VIID+JSON"} | headers
    return box.post(f"/VIID/{resource}", json.dumps(document), heads)


def test_a_checkpoint_camera_registers_and_sends_and_is_asked_to_register_again(box: Box):
    register = {"RegisterObject": {"DeviceID": int(GAT_DEVICE), "ProtocolVersion": "2.0"}}
    vehicles = json.loads(gat1400(said(serial=GAT_DEVICE)).body)
    assert viid(box, "MotorVehicles", vehicles).status == 401
    challenge = viid(box, "System/Register", register).headers["www-authenticate"]
    header = answered(challenge, "http://10.0.0.1:8070/VIID/System/Register", GAT_DEVICE)
    done = viid(box, "System/Register", register, authorization=header)
    assert (done.status, json.loads(done.body)["ResponseStatusObject"]["StatusCode"]) == (200, 0)
    assert viid(box, "System/Keepalive", {"KeepaliveObject": {"DeviceID": GAT_DEVICE}}).status == 200
    sent = viid(box, "MotorVehicles", vehicles)
    [status] = json.loads(sent.body)["ResponseStatusListObject"]["ResponseStatusObject"]
    assert (sent.status, status["StatusCode"]) == (200, 0)
    foreign = json.loads(gat1400(said(serial="37021100001190000009")).body)
    assert viid(box, "MotorVehicles", foreign).status == 403
    assert viid(box, "System/UnRegister", {"UnRegisterObject": {"DeviceID": GAT_DEVICE}}).status == 200
    assert viid(box, "MotorVehicles", vehicles).status == 401


def test_gat1400_also_works_with_a_secret_in_its_path(box: Box):
    assert box.send(gat1400(said(serial="gat")), "gat").status == 200
    assert box.post(f"/reads/gat/{SECRET}/VIID/System/Time", b"", method="GET").status == 200


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
