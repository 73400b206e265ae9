"""The process that takes the plate reads which cameras send, and puts them on disk: a child of `kakou run`."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator

import uvicorn

from kakou.box.listening import check_address, listening
from kakou.box.orders import Order, run_by_order
from kakou.box.patient_http import patient_protocol
from kakou.box.supervisor import Heartbeat
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.wiring.reads import Intake, address_file, build_intake
from pipeline.reads.endpoint import Endpoint
from pipeline.reads.settings import ReadsSettings

BEAT_EVERY_TICKS = 10

log = logging.getLogger(__name__)


def serve_by_order(order: Order) -> int:
    serve(order.settings)
    return ExitCode.OK


def serve(settings: Settings, stop: threading.Event | None = None) -> None:
    """Serve until a signal comes or `stop` is set. Raises SettingsError, sqlite3.Error, OSError."""
    check_reads(settings.reads)
    intake = build_intake(settings)
    with listening("reads", settings.reads) as at, _at_work(intake):
        said = address_file(settings)
        said.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        said.write_text(at.address, encoding="utf-8")
        try:
            log.info("相机上报地址 %s/reads/设备号/密钥", at.address)
            config = server_config(intake.endpoint, settings.reads)
            BeatingServer(config, Heartbeat(os.environ), stop).run(sockets=[at.socket])
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
    otherwise = "camera_network_is_separate = true when nobody else is in the cameras' network"
    check_address("reads", settings, is_protected=settings.camera_network_is_separate, otherwise=otherwise)


class BeatingServer(uvicorn.Server):
    """Tells the supervisor that the loop still turns."""

    def __init__(self, config: uvicorn.Config, heartbeat: Heartbeat, stop: threading.Event | None) -> None:
        super().__init__(config)
        self._heartbeat = heartbeat
        self._stop = stop or threading.Event()

    async def on_tick(self, counter: int) -> bool:
        """Uvicorn asks ten times a second whether to end."""
        if counter % BEAT_EVERY_TICKS == 0:
            self._heartbeat.beat()
        return await super().on_tick(counter) or self._stop.is_set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._heartbeat.beat()


def server_config(endpoint: Endpoint, settings: ReadsSettings) -> uvicorn.Config:
    protocol = patient_protocol(settings.receive_timeout_s, settings.max_connections)
    return uvicorn.Config(
        endpoint,
        http=protocol,
        ws="none",
        lifespan="off",
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    run_by_order(serve_by_order)
