"""A Redis whose answers come byte by byte holds nobody up."""

import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from kakou.wiring.embedded_redis import find_redis_server
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError
from tests.alerts_kit import wait_until
from tests.certificates import make_certificate
from tests.riskdb_kit import Guess, RiskRig, risk_rig

EVERY_S = 0.02
SETTINGS = RiskSettings()
LIMIT_S = 0.1


class Trickle:
    """A proxy before a real Redis that passes answers on one byte at a time."""

    def __init__(self, upstream: str | tuple[str, int], pause_s: float = EVERY_S, piece_bytes: int = 1) -> None:
        """`upstream`: path of a socket, or host and port."""
        self._upstream, self._pause_s, self._piece = upstream, pause_s, piece_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.is_slow = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET)
            server.connect(self._upstream)
            self._open += [client, server]
            threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._trickle, args=(server, client), daemon=True).start()

    def _trickle(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while answer := server.recv(65_536):
                if not self.is_slow:
                    client.sendall(answer)
                    continue
                for number in range(0, len(answer), self._piece):
                    client.sendall(answer[number : number + self._piece])
                    time.sleep(self._pause_s)
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    try:
        while question := client.recv(65_536):
            server.sendall(question)
    except OSError:
        return


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.travelled("粤B82500")
        made.declared()
        yield made


@pytest.fixture
def trickle(redis_url: str) -> Iterator[Trickle]:
    with redis.Redis.from_url(redis_url) as client:
        path = client.connection_pool.connection_kwargs["path"]
    proxy = Trickle(path)
    yield proxy
    proxy.close()


@pytest.fixture
def hot_set(rig: RiskRig, trickle: Trickle) -> Iterator[HotSet]:
    """A reader with the limits of a box."""
    link = RedisLink(trickle.url, SETTINGS.timeout_s, SETTINGS.connect_timeout_s)
    yield HotSet(link, lambda: load_or_create_key(rig.key_path), SETTINGS, rig.clock)
    link.close()


@pytest.mark.timing
@pytest.mark.parametrize("plate", ["粤B82500", "粤B99999"])
@pytest.mark.parametrize("is_connected", [True, False])
def test_a_redis_that_trickles_holds_a_lookup_no_longer_than_its_limit(
    rig: RiskRig, trickle: Trickle, hot_set: HotSet, plate: str, is_connected: bool
):
    if is_connected:
        wait_until(lambda: is_found(rig, hot_set), what="a first answer")
    trickle.is_slow = True
    started = time.monotonic()
    with pytest.raises(RiskDBError):
        rig.match(Guess(plate), hot_set=hot_set)
    assert time.monotonic() - started < LIMIT_S + 0.05


def is_found(rig: RiskRig, hot_set: HotSet) -> bool:
    try:
        return rig.match(Guess("粤B82500"), hot_set=hot_set) is not None
    except RiskDBError:  # a busy machine answers late, too
        return False


def test_a_lookup_works_again_once_the_answers_come_whole(rig: RiskRig, trickle: Trickle, hot_set: HotSet):
    trickle.is_slow = True
    with pytest.raises(RiskDBError):
        rig.match(Guess("粤B82500"), hot_set=hot_set)
    trickle.is_slow = False
    wait_until(lambda: is_found(rig, hot_set), what="an answer")


PASSWORD = "an-invented-password"


@pytest.fixture(scope="module")
def tls_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a real Redis that wants TLS and a password, and the certificate that it shows."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = make_certificate(folder, "redis", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "port": 0, "tls-port": port, "tls-cert-file": certificate, "tls-key-file": certificate, "save": "",
        "tls-ca-cert-file": certificate, "tls-auth-clients": "no", "requirepass": PASSWORD, "dir": folder,
        "tls-session-caching": "no",
    }  # fmt: skip
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    server = subprocess.Popen([find_redis_server().path, *words], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_open(port), what="Redis")
        yield port, certificate
    finally:
        server.kill()
        server.wait()


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def protected_link(proxy: Trickle, certificate: Path) -> RedisLink:
    url = f"rediss://:{PASSWORD}@127.0.0.1:{proxy.port}?ssl_ca_certs={certificate}"
    return RedisLink(url, SETTINGS.timeout_s, SETTINGS.connect_timeout_s)


def asked(link: RedisLink) -> float:
    """Return how long a question took that was not answered."""
    started = time.monotonic()
    with pytest.raises(RiskDBError), link.limited():
        link.ask(("PING",))
    return time.monotonic() - started


def test_a_server_that_trickles_during_tls_or_log_in_holds_a_lookup_no_longer_either(tls_redis: tuple[int, Path]):
    port, certificate = tls_redis
    proxy = Trickle(("127.0.0.1", port))
    proxy.is_slow = True
    link = protected_link(proxy, certificate)
    threads = threading.active_count()
    assert statistics.median(asked(link) for _ in range(15)) < LIMIT_S  # of a busy machine one may be late
    assert threading.active_count() <= threads + 3, "one set-up at a time: its thread, and two of the proxy"
    proxy.is_slow = False
    wait_until(lambda: is_answered(link), what="an answer once the line is sound")
    link.close()
    proxy.close()


def is_answered(link: RedisLink) -> bool:
    try:
        return link.ask(("PING",)) == [b"PONG"]
    except RiskDBError:
        return False


def test_a_line_that_is_slow_and_sound_is_set_up_while_lookups_go_on(tls_redis: tuple[int, Path]):
    """The set-up takes longer than a lookup may; it goes on behind them."""
    port, certificate = tls_redis
    proxy = Trickle(("127.0.0.1", port), pause_s=0.03, piece_bytes=400)
    proxy.is_slow = True
    link = protected_link(proxy, certificate)
    assert asked(link) < LIMIT_S + 0.05
    wait_until(lambda: is_answered(link), what="an answer")
    link.close()
    proxy.close()
