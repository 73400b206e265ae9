"""A real MQTT 5 broker on a free port."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts_kit import wait_until


def broker_binary() -> str:
    """Return the path of mosquitto; skip where there is none, fail in CI."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is not None:
        return found
    complaint = "no MQTT broker: apt-get install mosquitto"
    if os.environ.get("CI"):
        pytest.fail(complaint)
    pytest.skip(complaint)


@contextlib.contextmanager
def mqtt_broker(folder: Path) -> Iterator[int]:
    """Yield the port of a broker that lets u/p write below kakou/ and nothing else."""
    binary = broker_binary()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "acl").write_text("user u\ntopic readwrite kakou/#\n")
    (folder / "passwords").write_text("u:p\n")
    (folder / "passwords").chmod(0o600)
    subprocess.run([*_password_tool(), "-U", folder / "passwords"], check=True)
    config = (
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwords\nacl_file {folder}/acl\n"
    )
    (folder / "mosquitto.conf").write_text(config + "user root\n")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([binary, "-c", folder / "mosquitto.conf"], stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(port), what="the broker")
        yield port
    finally:
        process.terminate()
        process.wait()


def _password_tool() -> list[str]:
    found = shutil.which("mosquitto_passwd")
    assert found, "mosquitto comes with mosquitto_passwd"
    return [found]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
