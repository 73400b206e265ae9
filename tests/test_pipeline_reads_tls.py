"""The reads endpoint with TLS: who may come in by a certificate, and what those who say nothing can hold."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from kakou.box.reads import check_reads
from kakou.settings import SettingsError
from pipeline.reads.synthetic import hikvision
from tests.certificates import make_certificate
from tests.reads_kit import SECRET, Box, reads_settings, said, serving

MOST = 8
PATIENCE_S = 0.5


@dataclass
class Place:
    box: Box
    folder: Path
    authority: Path

    def post(self, device: str, certificate: Path | None = None, secret: str = "") -> int:
        """Return the status of a read that is sent over TLS; 0 where there was no answer."""
        trust = ssl.create_default_context(cafile=str(self.folder / "box.pem"))
        if certificate is not None:
            trust.load_cert_chain(certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", self.box.port, timeout=5, context=trust)
        wire = hikvision(said())
        with contextlib.closing(connection):
            try:
                connection.request("POST", f"/reads/{device}{secret}/", wire.body, {"content-type": wire.content_type})
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def certificate(self, name: str, authority: Path | None = None, days: float = 2.0) -> Path:
        return make_certificate(self.folder, name, "camera", days=days, authority=authority)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    own, authority = make_certificate(folder, "box", "127.0.0.1"), make_certificate(folder, "authority", "ca")
    shown = {"auth": "certificate", "secret_file": None}
    settings = reads_settings(
        folder, {}, {"device_id": "K02", **shown}, {"device_id": "K03", "certificate_name": "SN-3", **shown},
        tls_certificate=own, tls_key=own, client_ca=authority, max_connections=MOST, receive_timeout_s=PATIENCE_S,
    )  # fmt: skip
    with serving(settings) as box:
        yield Place(box, folder, authority)


def test_a_device_comes_in_by_its_own_certificate_and_by_no_other(place: Place):
    of_k02, of_k03 = (place.certificate(name, place.authority) for name in ("K02", "SN-3"))
    assert [place.post("K02", of_k02), place.post("K03", of_k03)] == [200, 200]
    assert [place.post("K02", of_k03), place.post("K03", of_k02), place.post("K02")] == [403] * 3
    assert place.post("K02", secret=f"/{SECRET}") == 403, "there is no secret that would do"
    assert place.post("K01", of_k02) == 403, "a certificate is no secret"
    assert place.post("K01", of_k02, f"/{SECRET}") == 200


def test_a_certificate_that_is_over_or_nobodys_makes_no_connection(place: Place):
    over, own = place.certificate("over", place.authority, days=-1.0), place.certificate("K02")
    assert [place.post("K02", each) for each in (over, own)] == [0, 0]


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_who_never_ends_a_handshake_holds_no_socket_and_keeps_nobody_out(place: Place, first: bytes):
    where, began = ("127.0.0.1", place.box.port), time.monotonic()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(where, 5, ("127.0.0.2", 0))) for _ in range(4 * MOST)]
        for wire in held:
            with contextlib.suppress(ConnectionError):
                wire.sendall(first)
        assert place.post("K01", secret=f"/{SECRET}") == 200, "one address alone cannot fill the house"
        for wire in held:
            with contextlib.suppress(ConnectionError):
                assert wire.recv(1) == b""
    assert time.monotonic() - began < 3


def test_certificates_need_their_authority_and_tls(tmp_path: Path):
    with pytest.raises(ValidationError, match="client_ca"):
        reads_settings(tmp_path, {"auth": "certificate", "secret_file": None})
    with pytest.raises(SettingsError, match="nowhere"):
        check_reads(reads_settings(tmp_path, client_ca=tmp_path / "nowhere").reads)
