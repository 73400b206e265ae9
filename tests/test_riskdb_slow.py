"""A Redis whose answers come byte by byte holds nobody up."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.settings import RiskSettings
from riskdb.types import RiskDBError
from tests.riskdb_kit import Guess, RiskRig, risk_rig

EVERY_S = 0.02
SETTINGS = RiskSettings()
LIMIT_S = 0.1


class Trickle:
    """A proxy before a real Redis that passes answers on one byte at a time."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
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
            server = socket.socket(socket.AF_UNIX)
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
                for number in range(len(answer)):
                    client.sendall(answer[number : number + 1])
                    time.sleep(EVERY_S)
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


@pytest.mark.parametrize("plate", ["粤B82500", "粤B99999"])
@pytest.mark.parametrize("is_connected", [True, False])
def test_a_redis_that_trickles_holds_a_lookup_no_longer_than_its_limit(
    rig: RiskRig, trickle: Trickle, hot_set: HotSet, plate: str, is_connected: bool
):
    if is_connected:
        assert rig.match(Guess("粤B82500"), hot_set=hot_set)
    trickle.is_slow = True
    started = time.monotonic()
    with pytest.raises(RiskDBError):
        rig.match(Guess(plate), hot_set=hot_set)
    assert time.monotonic() - started < LIMIT_S + 0.05


def test_a_lookup_works_again_once_the_answers_come_whole(rig: RiskRig, trickle: Trickle, hot_set: HotSet):
    trickle.is_slow = True
    with pytest.raises(RiskDBError):
        rig.match(Guess("粤B82500"), hot_set=hot_set)
    trickle.is_slow = False
    assert rig.match(Guess("粤B82500"), hot_set=hot_set)
