"""A certificate of the box's own for its booth page: made once, for its names and addresses, and anew before it ends.

Nobody vouches for it: whoever pairs a tablet compares the fingerprint that `kakou booth pair` shows with the browser's.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from riskdb.own_file import make_way, read_own
from riskdb.whole_file import whole_file

_VALID_FOR = timedelta(days=800)
"""Apple's systems take no certificate that is valid for more than 825 days."""
_RENEWED_BEFORE = timedelta(days=30)
_LOCAL_ADDRESS = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where it lies."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex, in pairs, as browsers show it. Raises OSError, ValueError."""
        digest = x509.load_pem_x509_certificate(read_own(self.certificate)).fingerprint(hashes.SHA256())
        return ":".join(f"{byte:02X}" for byte in digest)


def own_certificate(state_dir: Path, now: datetime) -> Certificate:
    """Return the box's own certificate, made now where there is none that still holds. Raises OSError."""
    own = Certificate(state_dir / "booth.pem", state_dir / "booth.key")
    if not _holds(own, now):
        make_way(own.certificate)
        make_way(own.key)
        _make(own, [socket.gethostname(), "localhost"], ["127.0.0.1", *local_addresses()], now)
    return own


def local_addresses() -> list[str]:
    """Return this machine's IPv4 addresses but the loopback's; asks no network."""
    try:
        table = Path("/proc/net/fib_trie").read_text(encoding="ascii")
    except OSError:
        return []
    found = dict.fromkeys(_LOCAL_ADDRESS.findall(table))
    return [address for address in found if not address.startswith("127.")]


def _holds(own: Certificate, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(read_own(own.certificate))
        key = serialization.load_pem_private_key(read_own(own.key), None)
    except (OSError, ValueError):
        return False
    return found.not_valid_after_utc > now + _RENEWED_BEFORE and found.public_key() == key.public_key()


def _make(own: Certificate, names: list[str], addresses: list[str], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kakou booth")])
    called = [
        *map(x509.DNSName, dict.fromkeys(names)),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in dict.fromkeys(addresses)),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(called), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, content in ((own.key, secret), (own.certificate, certificate.public_bytes(serialization.Encoding.PEM))):
        with whole_file(path, mode=0o600, is_durable=True) as partial:
            partial.write_bytes(content)
