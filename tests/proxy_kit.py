"""Proxies that speak TLS before a console, with the snippets of docs/console.md; and who comes through one."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bench.documented_nginx import DOCS, free_port, make_certificate, nginx_path, wait_for_port
from tests.console_kit import PASSWORD

PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}


def need(proxy: str) -> None:
    """Skip the test where the proxy is missing, and fail it where CI is set."""
    if proxy_path(proxy) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {proxy} found: apt-get install {PACKAGES[proxy]}")


def proxy_path(proxy: str) -> str | None:
    return nginx_path() if proxy == "nginx" else shutil.which(proxy)


def trust_of(folder: Path) -> ssl.SSLContext:
    """Return what a browser trusts that knows the proxy's own certificate."""
    return ssl.create_default_context(cafile=str(folder / "console.pem"))


def log_in(address: str, folder: Path, **headers: str) -> httpx.Response:
    """Log in as a browser does, with the origin of the page that it shows."""
    form = {"username": "officer", "password": PASSWORD, "next": "/"}
    said = {"origin": address, "sec-fetch-site": "same-origin"} | headers
    return httpx.post(f"{address}/login", data=form, headers=said, verify=trust_of(folder), trust_env=False)


def protocol_of(address: str, folder: Path) -> str | None:
    """Return what a browser and the proxy agree on."""
    trust, place = trust_of(folder), urlsplit(address)
    trust.set_alpn_protocols(["h2", "http/1.1"])
    plain = socket.create_connection((place.hostname, place.port))
    with trust.wrap_socket(plain, server_hostname="localhost") as secure:
        return secure.selected_alpn_protocol()


def documented_caddyfile() -> str:
    found = re.search(r"```caddy\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@contextlib.contextmanager
def behind_caddy(folder: Path, console_address: str, snippet: str) -> Iterator[str]:
    """Run Caddy with the snippet; its name, port and certificate put in. Yields what people would type."""
    caddy = proxy_path("caddy")
    assert caddy
    make_certificate(folder)
    port = free_port()
    site = snippet.replace(
        "console.example {", f"localhost:{port} {{\n    tls {folder}/console.pem {folder}/console.key"
    )
    site = site.replace("127.0.0.1:8080", console_address.removeprefix("http://").replace("localhost", "127.0.0.1"))
    # Nothing else of the machine is touched: no control socket, no redirect from port 80, no state in the home folder.
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}")
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [caddy, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
        try:
            wait_for_port(port)
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)
