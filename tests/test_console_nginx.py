"""The console behind a real nginx: the documented snippet works, and nginx's defaults are told what they lack."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from console.types import Role
from console.web.access import COOKIE
from tests.alerts_kit import wait_until
from tests.console_kit import PASSWORD, Clock, make_account, open_console, served, settings_with

DOCS = Path(__file__).parents[1] / "docs" / "console.md"


def nginx_path() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no nginx found: apt-get install nginx-light")
    return str(found)


def documented_snippet() -> str:
    found = re.search(r"```nginx\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "console.key"),
         "-out", str(folder / "console.pem")],
        check=True, capture_output=True,
    )  # fmt: skip


@contextlib.contextmanager
def behind_nginx(folder: Path, console_address: str, snippet: str) -> Iterator[str]:
    """Run nginx with the snippet, only its ports and files put in; yields the address people would type."""
    make_certificate(folder)
    port = free_port()
    server = snippet.replace(
        "127.0.0.1:8080", console_address.removeprefix("http://").replace("localhost", "127.0.0.1")
    )
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace("/etc/ssl/", f"{folder}/")
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {temporary}\n{server} }}"
    )
    nginx = subprocess.Popen(
        [nginx_path(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]
    )
    try:
        wait_until(lambda: is_open(port), what="nginx")
        yield f"https://localhost:{port}"
    finally:
        nginx.terminate()
        nginx.wait(timeout=10)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def console_address(tmp_path: Path, redis_server: str) -> Iterator[str]:
    settings = settings_with(behind_tls_proxy=True, trusted_proxies=("127.0.0.1",))
    console = open_console(tmp_path / "console", redis.Redis.from_url(redis_server), Clock(), settings=settings)
    make_account(console, "officer", Role.OFFICER)
    with served(console) as address:
        yield address


def log_in(address: str, folder: Path) -> httpx.Response:
    """Log in as a browser does, with the origin of the page that it shows."""
    trust = ssl.create_default_context(cafile=str(folder / "console.pem"))
    form = {"username": "officer", "password": PASSWORD, "next": "/"}
    headers = {"origin": address, "sec-fetch-site": "same-origin"}
    return httpx.post(f"{address}/login", data=form, headers=headers, verify=trust, trust_env=False)


def test_the_documented_snippet_lets_people_in(tmp_path: Path, console_address: str):
    with behind_nginx(tmp_path, console_address, documented_snippet()) as address:
        answer = log_in(address, tmp_path)
        assert answer.status_code == 303
        assert COOKIE in answer.headers["set-cookie"]


def test_behind_the_defaults_of_nginx_the_refusal_names_the_headers_that_differ(tmp_path: Path, console_address: str):
    bare = re.sub(r"\n +proxy_set_header Host[^\n]*", "", documented_snippet())
    with behind_nginx(tmp_path, console_address, bare) as address:
        answer = log_in(address, tmp_path)
        assert answer.status_code == 403
        message = answer.json()["message"]
        assert f"Origin（{address}）" in message
        assert f"Host（{console_address.removeprefix('http://').replace('localhost', '127.0.0.1')}）" in message
        assert "proxy_set_header Host $http_host" in message
