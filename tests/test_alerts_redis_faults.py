"""The relay with a Redis that is slow, full, or comes back without part of what it had."""

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream, StreamError, connect
from kakou.wiring.embedded_redis import embedded_redis
from tests.alerts_kit import event, events, wait_until


@pytest.fixture
def outbox(tmp_path: Path):
    with Outbox(tmp_path / "outbox.sqlite") as opened:
        yield opened


def streamed(url: str) -> list[str]:
    with connect(url) as client:
        return [entry.event.event_id for entry in FlaggedStream(client).recent(10_000)]


def ids(count: int) -> list[str]:
    return [one.event_id for one in events(count)]


def test_a_redis_without_memory_takes_the_events_later_and_in_order(
    redis_url: str, redis_client: "redis.Redis", outbox: Outbox
):
    relay = Relay(outbox, FlaggedStream(redis_client))
    for one in events(3):
        outbox.append(one)
    redis_client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StreamError, match="Redis 内存已满"):
            relay.step()
    finally:
        redis_client.config_set("maxmemory", "0")
    assert outbox.pending_count() == 3
    relay.step()
    assert streamed(redis_url) == ids(3)


def test_a_redis_that_answers_too_late_gets_no_event_twice(redis_url: str, redis_client: "redis.Redis", outbox: Outbox):
    for one in events(3):
        outbox.append(one)
    with connect(redis_url, timeout_s=0.1) as hasty:
        relay = Relay(outbox, FlaggedStream(hasty))
        redis_client.client_pause(60_000, all=False)
        try:
            with pytest.raises(StreamError, match="写入事件流不成"):
                relay.step()
        finally:
            redis_client.client_unpause()
        relay.step()
    assert streamed(redis_url) == ids(3)


def test_a_write_whose_answer_was_lost_is_not_repeated(redis_url: str, outbox: Outbox):
    for one in events(3):
        outbox.append(one)
    with answer_losing_proxy(redis_url) as port, connect(f"redis://127.0.0.1:{port}") as client:
        relay = Relay(outbox, FlaggedStream(client))
        with pytest.raises(StreamError, match="写入事件流不成"):
            relay.step()
    assert streamed(redis_url) == ids(3)
    assert outbox.pending_count() == 3
    with connect(redis_url) as client:
        assert Relay(outbox, FlaggedStream(client)).step() == 0
    assert streamed(redis_url) == ids(3)
    assert outbox.pending_count() == 0


@contextlib.contextmanager
def answer_losing_proxy(redis_url: str) -> Iterator[int]:
    """Yield the port of a proxy that passes everything on, but cuts the line instead of passing EXEC's answer back."""

    losing = threading.Event()

    def pass_requests(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while request := client.recv(2**20):
                if b"EXEC" in request:
                    losing.set()
                server.sendall(request)

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(redis_url.removeprefix("unix://"))
            requests = threading.Thread(target=pass_requests, args=(client, server))
            requests.start()
            while (answer := server.recv(2**20)) and not losing.is_set():
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)
            requests.join()

    def accept_one(listener: socket.socket) -> None:
        client, _ = listener.accept()
        listener.close()  # Whoever comes back finds nobody.
        serve(client)

    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    thread = threading.Thread(target=accept_one, args=(listener,))
    thread.start()
    yield port
    thread.join()


@pytest.mark.parametrize("seed", range(3))
def test_a_redis_whose_file_was_cut_short_gets_what_it_lost(seed: int, tmp_path: Path, outbox: Outbox):
    dice = random.Random(seed)
    with embedded_redis(tmp_path / "redis") as url, connect(url) as client:
        relay = Relay(outbox, FlaggedStream(client))
        for one in events(40):
            outbox.append(one)
            relay.step()
    # Redis 7 keeps its file in parts, Redis 6 in one.
    [log] = [*(tmp_path / "redis").rglob("*.incr.aof"), *(tmp_path / "redis").rglob("appendonly.aof")]
    with log.open("r+b") as file:
        file.truncate(dice.randrange(log.stat().st_size // 4, log.stat().st_size))
    with embedded_redis(tmp_path / "redis") as url, connect(url) as client:
        assert len(streamed(url)) < 40
        Relay(outbox, FlaggedStream(client)).step()
        assert streamed(url) == ids(40)


def test_the_running_relay_notices_by_itself_that_redis_was_emptied(
    redis_url: str, redis_client: "redis.Redis", outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alerts.relay.CHECK_S", 0.05)
    stop = threading.Event()
    thread = threading.Thread(target=Relay(outbox, FlaggedStream(redis_client)).run, args=(stop,))
    thread.start()
    try:
        outbox.append(event(0))
        wait_until(lambda: streamed(redis_url) == ids(1))
        redis_client.flushall()
        wait_until(lambda: streamed(redis_url) == ids(1), what="the event again")
    finally:
        stop.set()
        thread.join()
