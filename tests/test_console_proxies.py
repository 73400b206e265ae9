"""The console behind a real nginx and a real Caddy: the documented snippets work, defaults are told what they lack."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from bench.documented_nginx import behind_nginx, documented_snippet
from console.parts import Console
from console.types import Role
from console.web.access import COOKIE
from tests.console_kit import make_account, open_console, served, settings_with
from tests.proxy_kit import behind_caddy, documented_caddyfile, log_in, need, protocol_of, trust_of

Proxy = Callable[[Path, str, str], AbstractContextManager[str]]


@pytest.fixture
def console(tmp_path: Path, redis_server: str) -> Console:
    settings = settings_with(behind_tls_proxy=True, trusted_proxies=("127.0.0.1",))
    client = redis.Redis.from_url(redis_server)
    console = open_console(tmp_path / "console", client, lambda: datetime.now(UTC), settings=settings)
    make_account(console, "officer", Role.OFFICER)
    return console


@pytest.fixture
def console_address(console: Console) -> Iterator[str]:
    with served(console) as address:
        yield address


@pytest.fixture(params=["nginx", pytest.param("caddy", marks=pytest.mark.long)])
def address(request: pytest.FixtureRequest, tmp_path: Path, console_address: str) -> Iterator[str]:
    """What people type where a proxy with the documented snippet stands before the console."""
    need(request.param)
    behind: Proxy = behind_nginx if request.param == "nginx" else behind_caddy
    snippet = documented_snippet() if request.param == "nginx" else documented_caddyfile()
    with behind(tmp_path, console_address, snippet) as address:
        yield address


def test_the_documented_snippet_lets_people_in_and_gives_them_everything_over_one_connection(
    tmp_path: Path, address: str
):
    answer = log_in(address, tmp_path)
    assert answer.status_code == 303
    assert COOKIE in answer.headers["set-cookie"]
    assert protocol_of(address, tmp_path) == "h2"


def test_what_the_screen_is_told_comes_through_at_once(tmp_path: Path, address: str):
    token = log_in(address, tmp_path).cookies[COOKIE]
    began = time.monotonic()
    with (
        httpx.Client(headers={"cookie": f"{COOKIE}={token}"}, verify=trust_of(tmp_path), trust_env=False) as http,
        http.stream("GET", f"{address}/screen/stream", timeout=20) as stream,
    ):
        assert "event:" in next(stream.iter_text())
    assert time.monotonic() - began < 4, "it was held back until there was more of it"


@pytest.mark.long
def test_who_guesses_does_not_pass_for_others_by_what_is_said_to_the_proxy(tmp_path: Path, address: str):
    """Five failed log-ins a minute is all that an address has, whatever addresses it names and accounts it tries."""
    answers = []
    for number in range(7):
        form = {"username": f"guess{number}", "password": "wrong wrong wrong", "next": "/"}
        headers = {"x-forwarded-for": f"203.0.113.{number}", "origin": address, "sec-fetch-site": "same-origin"}
        answer = httpx.post(f"{address}/login", data=form, headers=headers, verify=trust_of(tmp_path), trust_env=False)
        answers.append(answer.text)
    assert "登录失败次数过多" not in answers[0]
    assert "登录失败次数过多" in answers[-1]


def test_behind_the_defaults_of_nginx_the_refusal_names_the_headers_that_differ(tmp_path: Path, console_address: str):
    need("nginx")
    bare = re.sub(r"\n +proxy_set_header Host[^\n]*", "", documented_snippet())
    with behind_nginx(tmp_path, console_address, bare) as address:
        answer = log_in(address, tmp_path)
        assert answer.status_code == 403
        message = answer.json()["message"]
        assert f"Origin（{address}）" in message
        assert f"Host（{console_address.removeprefix('http://').replace('localhost', '127.0.0.1')}）" in message
        assert "proxy_set_header Host $http_host" in message
