"""How a camera's certificate is checked, and what was wrong with it."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from pipeline.video.capture_protocol import CaptureRequest
from riskdb.system_words import system_words

TLS_PORTS = {"https": 443, "rtsps": 322}
"""RFC 9110; RFC 7826."""
ASK_TIMEOUT_S = 3.0


def tls_options(request: CaptureRequest) -> dict[str, str]:
    """Return FFmpeg's options; it checks nothing unless it is told to, and knows no authority by itself."""
    if not request.tls_verify:
        return {"tls_verify": "0"}
    return {"tls_verify": "1", "ca_file": str(_authorities(request))}


def tls_fault(request: CaptureRequest) -> str | None:
    """Say why the camera's certificate is refused; None for one that is not, and for a camera without TLS.

    FFmpeg only says that it is: the camera is asked once more, as any browser would.
    """
    try:
        address = urlsplit(request.uri)
        port = address.port or TLS_PORTS.get(address.scheme)
    except ValueError:
        return None
    if address.scheme not in TLS_PORTS or not request.tls_verify or address.hostname is None or port is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(_authorities(request)))
    except (OSError, ssl.SSLError) as error:
        return f"读不了 ca_file {request.ca_file}（{system_words(error)}）：应为 PEM 证书"
    try:
        with socket.create_connection((address.hostname, port), ASK_TIMEOUT_S) as plain:
            context.wrap_socket(plain, server_hostname=address.hostname).close()
    except ssl.SSLCertVerificationError as error:
        remedy = "用 ca_file 指明摄像机证书的签发者，或对这个 source 设 tls_verify = false"
        return f"{address.hostname}:{port} 的{system_words(error)}：{remedy}"
    except (OSError, ValueError):
        # Not there, or no TLS: what FFmpeg said of it is what there is to say.
        return None
    return None


def _authorities(request: CaptureRequest) -> Path:
    """Return the file of authorities: the source's own, else this machine's, else the one that came with us."""
    if request.ca_file is not None:
        return request.ca_file.absolute()
    machine = ssl.get_default_verify_paths().cafile
    return Path(machine or certifi.where())
