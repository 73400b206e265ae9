"""Where a server of ours listens, and whether what comes there is protected on its way."""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kakou.settings import SettingsError
from riskdb.system_words import system_words


class ServerSettings(Protocol):
    """What `[console]` and `[reads]` have in common."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls_certificate(self) -> Path | None: ...
    @property
    def tls_key(self) -> Path | None: ...


@dataclass(frozen=True, slots=True)
class Listening:
    socket: socket.socket
    address: str


def check_address(section: str, settings: ServerSettings, *, is_protected: bool, otherwise: str) -> None:
    """Refuse to take secrets in the clear. `otherwise` says what is_protected is set by. Raises SettingsError."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingsError(
            f"[{section}] tls_certificate 和 tls_key 要一起写 (tls_certificate and tls_key belong together)"
        )
    for path in (settings.tls_certificate, settings.tls_key):
        if path is not None and not os.access(path, os.R_OK):
            raise SettingsError(f"[{section}] {path} 读不了：核对路径，并让服务的用户可读 (cannot be read)")
    if settings.tls_certificate or is_protected or is_this_machine(settings.host):
        return
    raise SettingsError(
        f"[{section}] host {settings.host} 可从别的机器访问，却没有 TLS：设 tls_certificate 和 tls_key，或{otherwise}"
        " (can be reached from elsewhere without TLS)"
    )


@contextlib.contextmanager
def listening(section: str, settings: ServerSettings) -> Iterator[Listening]:
    """Give a socket that listens. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen()  # who is quicker than the server's start waits for it
        except OSError as error:
            raise SettingsError(
                f"[{section}] 无法在 {settings.host}:{settings.port} 监听（{system_words(error)}）："
                "换一个端口，或核对地址和权限"
            ) from error
        scheme = "https" if settings.tls_certificate else "http"
        # Browsers trust http only for this machine's own name; a __Host- cookie needs that trust.
        name = "localhost" if is_this_machine(settings.host) else settings.host
        yield Listening(listener, f"{scheme}://{name}:{listener.getsockname()[1]}")


def is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
