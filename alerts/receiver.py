"""A reference receiver of kakou's webhooks, for integrators to copy and for our tests to talk to.

    python -m alerts.receiver --secret-file secret --ledger received.sqlite --port 8080

It checks the signature, keeps each event durably and once (by `webhook-id`), and only then answers 204. That order is
the point: a receiver that answers first and keeps later loses what its crash interrupts. New events go to stdout, one
JSON line each.
"""

import argparse
import json
import logging
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts.channels.base import ChannelConfigError
from alerts.channels.webhook import load_signer
from alerts.database import open_database
from alerts.envelope import MAX_EVENT_BYTES

READ_TIMEOUT_S = 10.0
LENGTH = re.compile(r"[0-9]+", re.ASCII)
"""The one spelling of a Content-Length (RFC 9110, 8.6); str.isdigit also takes ² and ١."""
SCHEMA = "CREATE TABLE IF NOT EXISTS received (event_id TEXT PRIMARY KEY, received_ms INTEGER, body BLOB) STRICT"

log = logging.getLogger(__name__)


class Ledger:
    """Which events have been applied. One fsynced SQLite transaction an event."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_database(path, SCHEMA, synchronous="FULL")

    def keep(self, event_id: str, body: bytes) -> bool:
        """Keep an event; return False when it was here before."""
        row = (event_id, round(time.time() * 1000), body)
        with self._lock:
            return self._connection.execute("INSERT OR IGNORE INTO received VALUES (?, ?, ?)", row).rowcount == 1

    def event_ids(self) -> list[str]:
        with self._lock:
            rows = self._connection.execute("SELECT event_id FROM received ORDER BY rowid").fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        self._connection.close()


class ReceiverServer(ThreadingHTTPServer):
    """Takes signed webhooks on any path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        signers: Sequence[Webhook],
        ledger: Ledger,
        on_event: Callable[[bytes], None],
    ) -> None:
        super().__init__(address, _Handler)
        self.signers = signers
        self.ledger = ledger
        self.on_event = on_event

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  the server's signature
        """Say in one line what ended a connection: a sender that breaks off is no fault of ours."""
        log.warning("a request was broken off: %s", type(sys.exception()).__name__)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = READ_TIMEOUT_S
    server: ReceiverServer

    def do_POST(self) -> None:
        said = self.headers.get_all("content-length", [])
        if len(said) != 1 or not LENGTH.fullmatch(said[0]):
            self.close_connection = True
            self._answer(411 if not said else 400)
            return
        if len(said[0]) > len(str(MAX_EVENT_BYTES)) or int(said[0]) > MAX_EVENT_BYTES:
            self.close_connection = True
            self._answer(413)
            return
        body = self.rfile.read(int(said[0]))
        if not self._is_signed(body):
            self._answer(401)
            return
        try:
            is_new = self.server.ledger.keep(self.headers["webhook-id"], body)
        except sqlite3.Error as error:
            # Not kept, so not taken: the sender tries again.
            log.error("cannot keep an event: %s", error)
            self._answer(503)
            return
        if is_new:
            self.server.on_event(body)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Keep no access log: its lines would go to the terminal between the events."""

    def _is_signed(self, body: bytes) -> bool:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return any(_verifies(signer, body, headers) for signer in self.server.signers)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def _verifies(signer: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        signer.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError, OSError):
        return False  # also a time outside the calendar
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m alerts.receiver", description=__doc__.partition("\n")[0])
    parser.add_argument("--secret-file", type=Path, action="append", required=True, help="holds a whsec_ secret")
    parser.add_argument("--ledger", type=Path, default=Path("received.sqlite"), help="SQLite file of applied events")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(arguments)
    try:
        signers = [load_signer(path, "receiver") for path in options.secret_file]
    except ChannelConfigError as error:
        parser.exit(5, f"{error}\n")
    server = ReceiverServer((options.host, options.port), signers, Ledger(options.ledger), _print_event)
    print(f"receiving on {server.url}", file=sys.stderr, flush=True)  # noqa: T201  a tool for trying out webhooks, apart from the command line
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


def _print_event(body: bytes) -> None:
    # One write: print() puts the line's end apart, and another thread's event in between.
    sys.stdout.write(json.dumps(json.loads(body), ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
