"""A platform of GA/T 1400 that the box subscribes at: vehicles it notifies are reads on disk, and it is asked anew."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from pydantic import ValidationError

from alerts.digest_answer import fields_of, response_to
from kakou.links import open_links
from kakou.settings import Settings
from pipeline.reads.device_state import Device
from pipeline.reads.subscribing import Subscribing
from pipeline.reads.synthetic import gat1400
from tests.alerts_kit import wait_until
from tests.reads_kit import SECRET, reads_settings, said, serving

PASSWORD = "Platform!23"
OURS, PLATFORM = "37021100001210000001", "37020000002000000001"


class Platform(ThreadingHTTPServer):
    """Takes a registration with the right digest, then keepalives and subscriptions of who is registered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.is_known = False
        self.status_code = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [document for place, document in self.told if place.startswith(path)]


class _Answering(BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        place = f"{self.command} {self.path.removeprefix('/VIID/')}"
        given = fields_of(self.headers.get("authorization", ""))
        if place.endswith("/Register"):
            self.server.is_known = bool(given) and given["response"] == response_to(given, "POST", "box", PASSWORD)
        if not self.server.is_known:
            self._answer(401, b"")
            return
        self.server.told.append((place, document))
        code = self.server.status_code if place.startswith("POST Subscribes") else 0
        self._answer(200, json.dumps({"ResponseStatusObject": {"StatusCode": code}}).encode())

    do_PUT = do_POST

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Digest realm="viid", qop="auth", nonce="n1", opaque="o"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def settings(folder: Path, url: str, **device: object) -> Settings:
    (folder / "password").write_text(PASSWORD)
    subscribe = {
        "url": url, "device_id": OURS, "user": "box", "password_file": folder / "password",
        "receive_url": "http://127.0.0.1:8070", "resource": PLATFORM,
    }  # fmt: skip
    above = {"device_id": "上级平台", "maker": "gat1400", "serials": ["a-camera"], "subscribe": subscribe}
    return reads_settings(folder, above | device)


def test_vehicles_of_a_subscription_are_reads_on_disk_and_it_is_cancelled_at_the_end(
    platform: Platform, tmp_path: Path
):
    with serving(settings(tmp_path, platform.url)) as box:
        wait_until(lambda: bool(platform.asked("POST Subscribes")))
        [asked] = subscribes(platform)
        assert (asked["SubscribeDetail"], asked["ResourceURI"], asked["OperateType"]) == ("13", PLATFORM, 0)
        assert len(str(asked["SubscribeID"])) == 33
        place = unquote(urlsplit(str(asked["ReceiveAddr"])).path)
        assert place == f"/reads/上级平台/{SECRET}/VIID/SubscribeNotifications"
        vehicle = json.loads(gat1400(said(serial="a-camera")).body)["MotorVehicleListObject"]
        notice = {"SubscribeID": asked["SubscribeID"], "MotorVehicleObjectList": vehicle}
        body = json.dumps({"SubscribeNotificationListObject": {"SubscribeNotificationObject": [notice]}})
        assert box.post(quote(place), body).status == 200
        assert len(box.kept()) == 1
    assert [place for place, _ in platform.told][-2:] == [
        f"PUT Subscribes/{asked['SubscribeID']}",
        "POST System/UnRegister",
    ]


def test_a_subscription_is_asked_anew_in_time_and_after_the_platform_forgot_us_and_a_refusal_is_said(
    platform: Platform, tmp_path: Path
):
    [device] = settings(tmp_path, platform.url).reads.devices
    assert device.subscribe is not None
    clock, stop, known = [datetime.now(UTC)], threading.Event(), Device.of(device, SECRET, timedelta(hours=72), None)

    def now() -> datetime:
        clock[0] += timedelta(hours=1)
        return clock[0]

    work = Subscribing(known, device.subscribe, PASSWORD, now, keepalive_s=0.01, pauses_s=(0.01, 0.02))
    thread = threading.Thread(target=work.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: bool(platform.asked("PUT Subscribes")))
        first, second = subscribes(platform)[:2]
        assert f"PUT Subscribes/{first['SubscribeID']}" in [place for place, _ in platform.told]
        assert first["SubscribeID"] != second["SubscribeID"]
        platform.is_known, before = False, len(platform.asked("POST System/Register"))
        wait_until(lambda: len(platform.asked("POST System/Register")) > before)
        assert "401" in (known.report.why_refused or "")
        platform.status_code, platform.is_known = 4, False
        wait_until(lambda: "订阅：StatusCode 4" in (known.report.why_refused or ""))
    finally:
        stop.set()
        thread.join()


def subscribes(platform: Platform) -> list[dict[str, Any]]:
    return [document["SubscribeListObject"]["SubscribeObject"][0] for document in platform.asked("POST Subscribes")]


def test_who_subscribes_at_the_box_is_told_that_nothing_will_come(tmp_path: Path):
    with serving(reads_settings(tmp_path, {"device_id": "gat", "maker": "gat1400"})) as box:
        asked = {
            "SubscribeID": "370211000000032026112900000000001",
            "SubscribeDetail": "13",
            "ReceiveAddr": "http://10.0.0.1/",
        }
        for body in ({"SubscribeListObject": {"SubscribeObject": [asked]}}, {}):
            answer = box.post(f"/reads/gat/{SECRET}/VIID/Subscribes", json.dumps(body))
            assert (answer.status, '"StatusCode": 1' in answer.body.decode()) == (200, True)
            assert "未生效" in answer.body.decode()
    report = box.report("gat")
    assert (report.refused, "subscribe_id" in (report.why_refused or "")) == (2, True)


def test_a_subscription_needs_its_maker_and_says_where_it_goes_in_the_clear(tmp_path: Path):
    with pytest.raises(ValidationError, match="gat1400 alone"):
        settings(tmp_path, "https://10.0.0.5", maker="axis")
    devices = settings(tmp_path, "http://10.0.0.5").reads.devices
    assert list(open_links(None, None, None, (), (), devices)) == [("reads.device 上级平台: subscribe.url", "10.0.0.5")]
