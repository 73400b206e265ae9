"""The process that takes the plate reads which cameras send, and puts them on disk: a child of `kakou run`."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator

import uvicorn

from kakou.box.doorkeeper import Doorkeeper, Visit
from kakou.box.listening import check_address, listening
from kakou.box.orders import Order, run_by_order
from kakou.box.patient_http import PatientProtocol, patient_protocol
from kakou.box.supervisor import Heartbeat
from kakou.exit_codes import ExitCode
from kakou.process import answer_beside_work
from kakou.settings import Settings, SettingsError
from kakou.wiring.reads import Intake, address_file, build_intake
from pipeline.reads.body import Receive, Scope, Send
from pipeline.reads.endpoint import Endpoint
from pipeline.reads.settings import ReadsSettings

BEAT_EVERY_TICKS = 10
SWITCH_INTERVAL_S = 0.002
"""Of the threads that receive and keep: with 0.5 ms a message costs 18 % more CPU, with 5 ms 10 %."""

log = logging.getLogger(__name__)


def serve_by_order(order: Order) -> int:
    serve(order.settings)
    return ExitCode.OK


def make_ready(_: Order) -> None:
    """Load what is else loaded when the server begins, and let it stay: cameras wait while a spare takes over."""
    config = server_config(_answer_nobody, ReadsSettings(), PatientProtocol)
    config.load()
    config.get_loop_factory()
    answer_beside_work(SWITCH_INTERVAL_S)


def serve(settings: Settings, stop: threading.Event | None = None) -> None:
    """Serve until a signal comes or `stop` is set. Raises SettingsError, sqlite3.Error, OSError."""
    check_reads(settings.reads)
    intake = build_intake(settings)
    with listening("reads", settings.reads) as at, _at_work(intake):
        said = address_file(settings)
        said.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        said.write_text(at.address, encoding="utf-8")
        try:
            answer_beside_work(SWITCH_INTERVAL_S)
            log.info("相机上报地址 %s/reads/设备号/密钥", at.address)
            server = ReadsServer(intake.endpoint, settings.reads, Heartbeat(os.environ), stop)
            server.run(sockets=[at.socket])
        finally:
            said.unlink(missing_ok=True)


@contextlib.contextmanager
def _at_work(intake: Intake) -> Iterator[None]:
    """Write, and watch folders and brokers, in threads while the context is open."""
    stop = threading.Event()
    watches = [threading.Thread(target=one.run, args=(stop,), name="watch") for one in intake.watches]
    intake.keeping.start()
    for watch in watches:
        watch.start()
    try:
        yield
    finally:
        stop.set()
        for watch in watches:
            watch.join()
        intake.keeping.close()


def check_reads(settings: ReadsSettings) -> None:
    """Refuse to take secrets and plates in the clear. Raises SettingsError."""
    otherwise = "在相机网络里没有别人时设 camera_network_is_separate = true"
    check_address("reads", settings, is_protected=settings.camera_network_is_separate, otherwise=otherwise)
    if settings.client_ca is not None and not os.access(settings.client_ca, os.R_OK):
        raise SettingsError(f"[reads] {settings.client_ca} 读不了：核对路径，并让服务的用户可读 (cannot be read)")


class ReadsServer(uvicorn.Server):
    """Lets senders in by a doorkeeper, and tells the supervisor that the loop still turns."""

    def __init__(
        self, endpoint: Endpoint, settings: ReadsSettings, heartbeat: Heartbeat, stop: threading.Event | None = None
    ) -> None:
        self._kind = patient_protocol(settings.receive_timeout_s)
        super().__init__(server_config(endpoint, settings, self._kind))
        self._settings = settings
        self._heartbeat = heartbeat
        self._stop = stop or threading.Event()
        self._doors: list[asyncio.Task[None]] = []

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn asks ten times a second whether to end."""
        if counter % BEAT_EVERY_TICKS == 0:
            self._heartbeat.beat()
        nobody_is_let_in = any(door.done() for door in self._doors)
        return await super().on_tick(counter) or self._stop.is_set() or nobody_is_let_in

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        for listener in sockets or ():
            self._doors.append(asyncio.create_task(self._doorkeeper(listener).run()))
        self._heartbeat.beat()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for door in self._doors:
            door.cancel()
        for ended in await asyncio.gather(*self._doors, return_exceptions=True):
            if isinstance(ended, Exception):
                log.error("connections are taken in no more: %s", type(ended).__name__)
        await super().shutdown(sockets)

    def _doorkeeper(self, listener: socket.socket) -> Doorkeeper:
        settings, connections = self._settings, self.server_state.connections
        bounds = (settings.max_connections, self.config.ssl, settings.receive_timeout_s)
        return Doorkeeper(listener, self._protocol, connections, *bounds)

    def _protocol(self, visit: Visit) -> PatientProtocol:
        return self._kind(self.config, self.server_state, {}, visit=visit)


async def _answer_nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stand for the endpoint where a server is loaded, and serves nobody."""


def server_config(
    endpoint: Callable[[Scope, Receive, Send], Awaitable[None]], settings: ReadsSettings, kind: type[PatientProtocol]
) -> uvicorn.Config:
    return uvicorn.Config(
        endpoint,
        http=kind,
        ws="none",
        lifespan="off",
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_ca_certs=str(settings.client_ca) if settings.client_ca else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if settings.client_ca else ssl.CERT_NONE,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    run_by_order(serve_by_order, make_ready)
