"""nginx before a console, with the snippet of docs/console.md: what tests and benches of the proxy share."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "console.md"
_PATIENCE_S = 20.0


def nginx_path() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


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
    nginx = nginx_path()
    if nginx is None:
        raise FileNotFoundError("no nginx found: apt-get install nginx-light")
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
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")])
    try:
        wait_for_port(port)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
