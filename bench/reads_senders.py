"""The cameras of `bench.reads`: threads that post over connections that stay, each read again until it is taken."""

import contextlib
import queue
import random
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.reads.synthetic import BEIJING, Said, hikvision

SECRET = "0123456789abcdef0123"
DEVICES = 8
SENDERS = 24
RESENT = 0.2
RETRY_S = 0.1
LEAST_PLATE, PLATES = 10_000, 80_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was acknowledged. Monotonic seconds."""

    due_s: float
    """When the vehicle passed; of one that is sent once more, when that began."""
    began_s: float
    """Of the try that was taken."""
    ended_s: float

    @property
    def latency_ms(self) -> float:
        return (self.ended_s - self.began_s) * 1000

    @property
    def since_due_ms(self) -> float:
        return (self.ended_s - self.due_s) * 1000


@dataclass
class Tally:
    """What the senders saw."""

    sent: list[Sent] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    sent_again: int = 0
    tries_again: int = 0


class Letter:
    """A Hikvision message on the wire. Only what differs between two reads is written anew, in place.

    What a camera would make in its own processor must not be taken from the box's.
    """

    def __init__(self, picture: bytes) -> None:
        at = datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)
        wire = hikvision(Said("鲁B00000", at, message_id(0), plate=b"", scene=picture))
        head = (
            f"POST /reads/K00/{SECRET} HTTP/1.1\r\nHost: box\r\n"
            f"Content-Type: {wire.content_type}\r\nContent-Length: {len(wire.body)}\r\n\r\n"
        ).encode()
        self.wire = bytearray(head + wire.body)
        marks = {"device": "/reads/K", "id": "<UUID>", "at": "<dateTime>", "plate": "<licensePlate>蓝鲁B"}
        self._places = {name: self.wire.index(mark.encode()) + len(mark.encode()) for name, mark in marks.items()}

    def write(self, number: int, at: datetime) -> None:
        self._put("device", f"{number % DEVICES:02d}")
        self._put("id", message_id(number))
        self._put("at", at.astimezone(BEIJING).isoformat(timespec="microseconds"))
        self._put("plate", f"{LEAST_PLATE + number % PLATES}")

    def _put(self, name: str, text: str) -> None:
        place = self._places[name]
        self.wire[place : place + len(text)] = text.encode()


def message_id(number: int) -> str:
    return f"{number:08d}-bench-of-reads-0123456789"


class Senders:
    """Posts what is due from SENDERS threads, and one in five once more."""

    def __init__(self, port: int, picture: bytes) -> None:
        self.tally = Tally()
        self._port = port
        self._picture = picture
        self._due: queue.SimpleQueue[tuple[int, float] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(SENDERS)]

    def send_all(self, reads_per_s: int, seconds: float) -> None:
        """Send so many reads a second, and return when all are acknowledged."""
        for thread in self._threads:
            thread.start()
        began = time.monotonic()
        for number in range(int(reads_per_s * seconds)):
            due = began + number / reads_per_s
            if (wait_s := due - time.monotonic()) > 0:
                time.sleep(wait_s)
            self._due.put((number, due))
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, sender: int) -> None:
        dice, letter = random.Random(sender), Letter(self._picture)
        connection = _Connection(self._port)
        while (wanted := self._due.get()) is not None:
            number, due = wanted
            letter.write(number, datetime.now(UTC))
            for _ in range(2 if dice.random() < RESENT else 1):
                self._send_until_taken(connection, letter.wire, due)
                name, due = message_id(number), time.monotonic()
                self.tally.sent_again += name in self.tally.acknowledged
                self.tally.acknowledged.add(name)
        connection.close()

    def _send_until_taken(self, connection: "_Connection", wire: bytearray, due: float) -> None:
        while True:
            began = time.monotonic()
            if connection.post(wire) == 200:
                self.tally.sent.append(Sent(due, began, time.monotonic()))
                return
            self.tally.tries_again += 1
            time.sleep(RETRY_S)


class _Connection:
    """One that is made again where it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def post(self, wire: bytearray) -> int:
        """Return the status; 0 where there was no answer."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.sendall(wire)
            answer = b""
            while b"\r\n\r\n" not in answer:
                if not (piece := self._socket.recv(4096)):
                    raise ConnectionError
                answer += piece
        except OSError:
            self.close()
            return 0
        status = int(answer.split(b" ", 2)[1])
        if status != 200:
            self.close()
        return status

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
