"""A yardstick where redis-benchmark is not installed: prebuilt requests over a bare socket."""

import socket
import time

import hiredis


def replay_requests(path: str, request: bytes, repeats: int) -> list[float]:
    """Send one request again and again over a unix socket; return the seconds that each answer took."""
    latencies = []
    reader = hiredis.Reader()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        for _ in range(repeats):
            started = time.perf_counter()
            connection.sendall(request)
            while reader.gets() is False:
                reader.feed(connection.recv(65536))
            latencies.append(time.perf_counter() - started)
    return latencies
