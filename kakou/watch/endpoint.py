"""Tells others how this process is: /metrics, /healthz and /readyz on this machine, and systemd's watchdog."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kakou.settings import SettingsError
from kakou.watch.health import Health
from kakou.watch.watch import VERSION
from riskdb.system_words import system_words

Ask = Callable[[], Health]
LOOK_EVERY_S = 5.0


class OwnCollector(Collector):
    """What every process says of itself."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        health = self._ask()
        build = GaugeMetricFamily("kakou_build_info", "1; the version is a label.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield GaugeMetricFamily("kakou_alive", "1 while the work itself goes on.", value=health.is_alive)
        yield GaugeMetricFamily("kakou_ready", "1 while it can do all of its work.", value=health.is_ready)


@contextlib.contextmanager
def told(port: int, ask: Ask, *collectors: Collector, registry: CollectorRegistry | None = None) -> Iterator[None]:
    """Serve on 127.0.0.1 (0: nothing) and feed the watchdog while the context is open. Raises SettingsError."""
    registry = registry or CollectorRegistry()
    for collector in (OwnCollector(ask), *collectors):
        registry.register(collector)
    stop = threading.Event()
    watchdog = threading.Thread(target=_feed_watchdog, args=(ask, stop), name="watchdog", daemon=True)
    watchdog.start()
    with contextlib.ExitStack() as stack:
        if port:
            stack.enter_context(_served(port, ask, registry))
        try:
            yield
        finally:
            stop.set()
            notify("STOPPING=1")
            watchdog.join()


@contextlib.contextmanager
def _served(port: int, ask: Ask, registry: CollectorRegistry) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = answer(self.path, ask, registry)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise SettingsError(
            f"[watch] 端口 {port} 用不了（{system_words(error)}）：换一个，或停掉占用它的进程"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(path: str, ask: Ask, registry: CollectorRegistry) -> tuple[int, str, bytes]:
    """Return status, kind and body."""
    if path == "/metrics":
        return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry)
    if path not in ("/healthz", "/readyz"):
        return 404, "text/plain", b"/metrics, /healthz, /readyz\n"
    health = ask()
    is_fine = health.is_alive if path == "/healthz" else health.is_ready
    said = {"ok": is_fine, "dead": health.dead, "unready": health.unready}
    return 200 if is_fine else 503, "application/json", json.dumps(said, ensure_ascii=False).encode()


def _feed_watchdog(ask: Ask, stop: threading.Event) -> None:
    """Tell systemd that the service is up, and then, as long as the work goes on, that it is alive."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    notify("READY=1")
    pause_s = min(LOOK_EVERY_S, int(os.environ.get("WATCHDOG_USEC", "0") or 0) / 3e6 or LOOK_EVERY_S)
    while not stop.wait(pause_s):
        health = ask()
        notify("WATCHDOG=1" if health.is_alive else f"STATUS={'; '.join(health.dead)}")


def notify(message: str) -> None:
    """Send a message to systemd where it started us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(message.encode())
