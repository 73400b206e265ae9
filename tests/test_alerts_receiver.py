import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from alerts.channels.webhook import load_signer
from alerts.envelope import to_cloudevent
from alerts.receiver import Ledger, ReceiverServer
from tests.alerts_kit import event
from tests.alerts_server import secret_file


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverServer]:
    ledger = Ledger(tmp_path / "received.sqlite")
    with ReceiverServer(("127.0.0.1", 0), [load_signer(secret_file(tmp_path), "t")], ledger, lambda _: None) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    ledger.close()


def post(receiver: ReceiverServer, signer: Webhook, body: bytes, moment: datetime, **changes: str) -> int:
    headers = {
        "webhook-id": event().event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signer.sign(event().event_id, moment, body.decode()),
    }
    return httpx.post(receiver.url, content=body, headers=headers | changes, trust_env=False, verify=False).status_code


def now() -> datetime:
    return datetime.now(UTC)


def test_a_signed_event_is_kept_once(receiver: ReceiverServer):
    for _ in range(3):
        assert post(receiver, receiver.signers[0], to_cloudevent(event()), now()) == 204
    assert receiver.ledger.event_ids() == [event().event_id]


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_timestamp_is_refused(receiver: ReceiverServer, minutes: int):
    assert post(receiver, receiver.signers[0], b"{}", now() + timedelta(minutes=minutes)) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": "soon"},
    ],
)
def test_a_forged_request_is_refused_and_leaves_nothing(receiver: ReceiverServer, changes: dict[str, str]):
    assert post(receiver, receiver.signers[0], b"{}", now(), **changes) == 401
    assert receiver.ledger.event_ids() == []


def test_another_secret_is_refused(receiver: ReceiverServer):
    assert post(receiver, Webhook(b"another secret of 32 bytes......"), b"{}", now()) == 401


def test_a_huge_body_is_refused_unread(receiver: ReceiverServer):
    connection = HTTPConnection("127.0.0.1", receiver.server_address[1], timeout=5)
    connection.putrequest("POST", "/")
    connection.putheader("content-length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_receiver_that_cannot_keep_an_event_does_not_take_it(receiver: ReceiverServer):
    receiver.ledger.close()
    assert post(receiver, receiver.signers[0], to_cloudevent(event()), now()) == 503


ODD_LENGTHS = ["", "²", "١٢", "-1", "+5", "0x10", "1e3", " ", "1 2", "9" * 5000, "12,12", "null", "５"]


def test_odd_lengths_are_refused_without_a_traceback(
    receiver: ReceiverServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    for length in ODD_LENGTHS:
        with socket.create_connection(("127.0.0.1", receiver.server_address[1]), timeout=5) as line:
            line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + length.encode() + b"\r\n\r\n")
            assert line.recv(100).split()[1] in (b"400", b"411", b"413"), length
    assert post(receiver, receiver.signers[0], to_cloudevent(event()), now()) == 204
    assert "Traceback" not in capfd.readouterr().err + caplog.text


@pytest.mark.parametrize("stamp", ["inf", "nan", "1e300", "-1e300", "99999999999999", "²"])
def test_a_timestamp_outside_the_calendar_is_refused(receiver: ReceiverServer, stamp: str):
    assert post(receiver, receiver.signers[0], b"{}", now(), **{"webhook-timestamp": stamp.encode()}) == 401  # type: ignore[arg-type]  # httpx takes bytes where a header is not ASCII
