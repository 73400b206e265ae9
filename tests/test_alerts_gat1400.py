"""Flagged vehicles go up to a GA/T 1400 platform as it asks for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.channels.base import Channel, DeliveryError
from alerts.viid_status import status_codes
from tests.alerts_kit import INVENTED_PLATE, event
from tests.alerts_rigs import TOKEN, built
from tests.alerts_server import ScriptedServer, port_of, scripted_server, secret_file
from tests.viid_platform import USER, Platform

DEVICE = "37021100002000000001"


@dataclass
class Upward:
    server: ScriptedServer
    platform: Platform
    folder: Path

    def channel(self, **more: object) -> Channel:
        return built(
            (port_of(self.server),), kind="gat1400", url=self.server.url, device_id=DEVICE, user=USER,
            secret_file=secret_file(self.folder, TOKEN), **more,
        )  # fmt: skip


@pytest.fixture
def upward(tmp_path: Path) -> Iterator[Upward]:
    with scripted_server() as server:
        server.answer = platform = Platform()
        yield Upward(server, platform, tmp_path)


def test_an_alarm_goes_up_with_its_vehicle_where_the_platform_may_see_it(upward: Upward):
    channel = upward.channel(full_payload=True, tollgate_id="37021100001210000001")
    channel.deliver([event()])
    channel.deliver([event()])
    channel.close()
    first, again = upward.platform.notices
    assert upward.platform.faults == []
    vehicle = first["MotorVehicleObject"]
    assert isinstance(vehicle, dict)
    assert (vehicle["PlateNo"], vehicle["TollgateID"]) == (INVENTED_PLATE, "37021100001210000001")
    assert (len(str(first["NotificationID"])), first["CntObjectID"]) == (33, vehicle["MotorVehicleID"])
    assert first == again, "the same event has the same ids"
    paths = [received.path for received in upward.server.received]
    assert paths.count("/VIID/System/Register") == 2, "a challenge and its answer, once"


def test_a_vehicle_goes_up_as_the_notification_of_a_subscription(upward: Upward):
    channel = upward.channel(full_payload=True, subscribe_id="3" * 33, receive_path="/VIID/SubscribeNotifications")
    channel.deliver([event()])
    channel.close()
    [notice] = upward.platform.notices
    assert (notice["SubscribeID"], upward.platform.faults) == ("3" * 33, [])


def test_a_platform_that_was_started_anew_is_registered_with_again(upward: Upward):
    channel = upward.channel()
    channel.deliver([event()])
    upward.platform.registered = False
    channel.deliver([event()])
    channel.close()
    assert len(upward.platform.notices) == 2


@pytest.mark.parametrize("reply", ["list", "short"])
@pytest.mark.parametrize("code", [8, "7"])
def test_what_the_platform_refuses_is_not_delivered(upward: Upward, reply: str, code: object):
    channel = upward.channel()
    channel.deliver([event()])
    upward.platform.reply, upward.platform.code = reply, code
    with pytest.raises(DeliveryError, match=f"StatusCode {code}"):
        channel.deliver([event()])
    channel.close()


def test_a_platform_with_another_password_is_an_error_that_names_no_secret(upward: Upward):
    (upward.folder / "secret").write_text("another\n")
    wrong = built(
        (port_of(upward.server),), kind="gat1400", url=upward.server.url, device_id=DEVICE, user=USER,
        secret_file=upward.folder / "secret",
    )  # fmt: skip
    with pytest.raises(DeliveryError, match="HTTP 401") as failure:
        wrong.deliver([event()])
    assert "another" not in str(failure.value)
    wrong.close()


def test_a_subscription_without_the_vehicle_is_refused(upward: Upward):
    with pytest.raises(ValidationError, match="full_payload"):
        upward.channel(subscribe_id="3" * 33)


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b'{"a": 1}', b"[" * 5000])
def test_an_answer_that_says_nothing_is_no_refusal(body: bytes):
    assert status_codes(body) == []
