"""The Redis configurations of docs/replica.md start as they are written: TLS by a private CA, a chain of replicas."""

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from alerts.redis_link import connect
from kakou.wiring.embedded_redis import find_redis_server
from riskdb.hotset.redis_link import RedisLink
from riskdb.types import RiskDBError
from tests.certificates import make_certificate

PAGE = (Path(__file__).parents[1] / "docs" / "replica.md").read_text(encoding="utf-8")
WITHIN_S = 30.0


@dataclass(slots=True)
class Documented:
    """A server as the page configures it."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    port: int
    client: "redis.Redis"

    def stop(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


def conf_of(name: str) -> str:
    """Return the block of the page that begins with `# NAME`."""
    found = re.search(rf"```\n# {name}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, f"docs/replica.md has no configuration # {name}"
    return found.group(1)


def started(name: str, folder: Path, port: int, above: int) -> Documented:
    """Start what the page says with this machine's folders and ports; `above` is the port that it copies from."""
    folder.mkdir(exist_ok=True)
    text = conf_of(name).replace("/etc/kakou", str(folder.parent))
    text = re.sub(r"/run/redis/\S+\.sock", f"{folder}/redis.sock", text)
    text = re.sub(r"tls-port \d+", f"tls-port {port}", text)
    text = text.replace("PASSWORD", "secret")
    text = re.sub(r"replicaof \S+ 6379", f"replicaof 127.0.0.1 {above}", text)
    path = folder / "redis.conf"
    path.write_text(f"{text}dir {folder}\n", encoding="utf-8")
    process = subprocess.Popen([find_redis_server().path, str(path)], stdout=subprocess.DEVNULL)
    server = Documented(folder, process, port, redis.Redis.from_url(f"unix://{folder}/redis.sock"))
    until(lambda: process.poll() is not None or is_up(server))
    assert process.poll() is None, f"{name}: this configuration does not start"
    return server


def is_up(server: Documented) -> bool:
    try:
        return bool(server.client.ping())
    except redis.ConnectionError:  # not yet, or still loading
        return False


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_linked(server: Documented) -> bool:
    return server.client.info("replication").get("master_link_status") == "up"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Documented]]:
    """Centre, city and box; the centre's certificate is its own authority."""
    tmp_path = tmp_path_factory.mktemp("chain")
    certificate = make_certificate(tmp_path, "ca", "127.0.0.1").read_bytes()
    for name in ("redis.pem", "redis.key"):
        (tmp_path / name).write_bytes(certificate)
    centre_port, city_port = free_port(), free_port()
    servers: dict[str, Documented] = {}
    try:
        servers["centre"] = started("centre", tmp_path / "centre", centre_port, 0)
        servers["city"] = started("city", tmp_path / "city", city_port, centre_port)
        servers["box"] = started("box", tmp_path / "box", 0, city_port)
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@pytest.mark.long
def test_the_documented_chain_starts_copies_the_list_and_heals(chain: dict[str, Documented]):
    centre, city, box = chain["centre"], chain["city"], chain["box"]
    until(lambda: is_linked(city) and is_linked(box))
    centre.client.set("risk:meta", "1")
    until(lambda: box.client.get("risk:meta") == b"1")
    with pytest.raises(redis.exceptions.ReadOnlyError):
        box.client.set("risk:meta", "forged")
    city.stop()
    until(lambda: not is_linked(box))
    assert box.client.get("risk:meta") == b"1", "alone, it has the list that it had"
    centre.client.set("risk:meta", "2")
    chain["city"] = started("city", city.folder, city.port, centre.port)
    until(lambda: box.client.get("risk:meta") == b"2")


def test_the_centres_second_redis_starts_as_it_is_written(chain: dict[str, Documented]):
    events = started("events", chain["centre"].folder.parent / "events", free_port(), 0)
    try:
        assert events.client.info("replication")["role"] == "master"
    finally:
        events.stop()


def test_kakou_speaks_tls_by_a_private_authority_and_to_no_other(chain: dict[str, Documented]):
    url = f"rediss://127.0.0.1:{chain['centre'].port}"
    chain["centre"].client.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
    trusted = f"{url}?ssl_ca_certs={chain['centre'].folder.parent}/ca.pem"
    with closing(connect(trusted)) as client, closing(RedisLink(trusted, 5.0, 5.0)) as link:
        assert client.ping()
        assert link.ask(("PING",)) == [b"PONG"]
    with closing(connect(url)) as client, closing(RedisLink(url, 5.0, 5.0)) as link:
        with pytest.raises(redis.ConnectionError, match="certificate"):
            client.ping()
        with pytest.raises(RiskDBError, match="certificate"):
            link.ask(("PING",))
