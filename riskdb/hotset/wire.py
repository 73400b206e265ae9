"""The bytes of one connection to Redis: waits that end in time, whoever sends how slowly."""

import re
import select
import socket
import ssl
import struct
import time
from typing import Any

import hiredis
import redis

END = b"\r\n"
NO_FIELD = b"$-1\r\n"
READ_BYTES = 65_536
FLAG_BYTES = len(b":0\r\n")
"""Of each answer to a membership."""
MONSTROUS = re.compile(rb"[*~%>][0-9]{8,}\r")
"""The head of an array of more elements than any of our questions asks for: room for it alone would be 100 MB."""
MONSTROUS_BYTES = 24


def let_kernel_time_out(wire: socket.socket, timeout_s: float) -> None:
    """Keep the time limit without a poll() before every send and receive, a tenth of a short lookup."""
    if isinstance(wire, ssl.SSLSocket):
        wire.settimeout(timeout_s)
        return
    wire.settimeout(None)
    limit = struct.pack("@ll", int(timeout_s), round(timeout_s % 1 * 1_000_000))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def has_ended(wire: socket.socket) -> bool:
    """Whether an idle connection has something to read: nobody asked, so it is the other side's good-bye."""
    poller = select.poll()
    poller.register(wire, select.POLLIN)
    return bool(poller.poll(0))


def received(wire: socket.socket, size: int, deadline: float) -> bytes:
    """Return what comes next, at most `size` bytes; the kernel's own limit is for each piece, not for all."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the answer takes too long")
    if isinstance(wire, ssl.SSLSocket):
        wire.settimeout(left_s)
    else:
        poller = select.poll()
        poller.register(wire, select.POLLIN)
        if not poller.poll(max(1.0, left_s * 1000)):
            raise TimeoutError("the answer takes too long")
    received = wire.recv(size)
    if not received:
        raise redis.ConnectionError("the server closed the connection")
    return received


def next_answer(reader: hiredis.Reader, wire: socket.socket, deadline: float) -> Any:
    """Return the next answer; one inside an array may be a redis.ResponseError. Raises redis.RedisError, OSError."""
    seen = b""
    while (answer := reader.gets()) is False:
        came = received(wire, READ_BYTES, deadline)
        # hiredis makes room for all that is announced before any of it has come.
        if MONSTROUS.search(seen + came):
            raise redis.InvalidResponse("an array is announced that nobody asked for")
        reader.feed(came)
        seen = (seen + came)[-MONSTROUS_BYTES:]
    if isinstance(answer, redis.ResponseError):
        raise answer
    return answer


def rest(wire: socket.socket, answer: bytes, wanted: int, head: bytes, deadline: float) -> bytes:
    """Return an answer of known length of which the beginning has been received."""
    while len(answer) < wanted and answer[:1] == head[:1]:
        answer += received(wire, wanted - len(answer), deadline)
    if not answer:
        raise redis.ConnectionError("the server closed the connection")
    return answer


def flags_of(answer: bytes, count: int) -> bytes:
    """Return the 0 and 1 in the answers to a membership. Raises redis.InvalidResponse where they are anything else.

    What is read as neither would be a vehicle that is not listed.
    """
    flags = answer[1::FLAG_BYTES]
    if answer.translate(None, b"01") != b":\r\n" * count or flags.strip(b"01"):
        raise redis.InvalidResponse("what came is no answer to a membership")
    return flags


def field(wire: socket.socket, answer: bytes, deadline: float) -> bytes | None:
    """Return the value in the answer to an HGET that begins so. Raises redis.RedisError, OSError."""
    while END not in answer:
        answer += received(wire, READ_BYTES, deadline)
    head, _, value = answer.partition(END)
    if answer == NO_FIELD or (head.startswith(b"-") and not value):
        return None  # or the key holds something else altogether
    if not (head.startswith(b"$") and head[1:].isdigit()):
        raise redis.InvalidResponse("what came is no answer to an HGET")
    wanted = int(head[1:]) + len(END)
    while len(value) < wanted:
        value += received(wire, wanted - len(value), deadline)
    if len(value) > wanted or not value.endswith(END):
        raise redis.InvalidResponse("more came than was asked for")
    return value[: -len(END)]
