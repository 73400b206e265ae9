"""A camera that answers a challenge (RFC 7616), and one that registers as GA/T 1400 has it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.digest_answer import fields_of, response_to
from pipeline.reads.entrance import FIRST_TRIES
from pipeline.reads.synthetic import GAT_DEVICE, gat1400, hikvision
from tests.reads_kit import SECRET, Answered, Box, reads_settings, said, serving

GAT: dict[str, object] = {"device_id": GAT_DEVICE, "maker": "gat1400", "auth": "digest", "user": GAT_DEVICE}
OTHERS: list[dict[str, object]] = [
    {},
    {"device_id": "K03", "auth": "digest"},
    {"device_id": "gat", "maker": "gat1400"},
]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with serving(reads_settings(tmp_path_factory.mktemp("box"), *OTHERS, GAT)) as served:
        yield served


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
