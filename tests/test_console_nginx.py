"""The console behind a real nginx: the documented snippet works, and nginx's defaults are told what they lack."""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from bench.documented_nginx import behind_nginx, documented_snippet, nginx_path
from console.types import Role
from console.web.access import COOKIE
from tests.console_kit import PASSWORD, Clock, make_account, open_console, served, settings_with


@pytest.fixture(autouse=True)
def _needs_nginx() -> None:
    if nginx_path() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no nginx found: apt-get install nginx-light")


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


def test_the_documented_snippet_sends_a_phone_everything_over_one_connection(tmp_path: Path, console_address: str):
    with behind_nginx(tmp_path, console_address, documented_snippet()) as address:
        trust = ssl.create_default_context(cafile=str(tmp_path / "console.pem"))
        trust.set_alpn_protocols(["h2", "http/1.1"])
        place = urlsplit(address)
        plain = socket.create_connection((place.hostname, place.port))
        with trust.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.selected_alpn_protocol() == "h2"
