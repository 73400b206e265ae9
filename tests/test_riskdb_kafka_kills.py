"""A topic's records count once each, whoever is killed: the bridge, the broker or the keeper of the list."""

import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from bench.feed import CONFIG, TOPIC
from kakou.settings import load_settings
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.matching import key_path
from kakou.wiring.risk import open_keeper, record_path
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.record.declaring import Declared
from tests.kafka_broker import BrokerProcess, durable_broker
from tests.riskdb_kit import HUANGDAO

WITHIN_S, PER_S = 180.0, 40


class Centre:
    """`kakou risk serve` and `kakou risk feed` as processes, and the broker: each can be killed and started again."""

    def __init__(self, folder: Path, config: Path, broker: BrokerProcess) -> None:
        self._folder, self._config, self._broker = folder, config, broker
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        if name == "broker":
            self._broker.start()
            return
        command = [sys.executable, "-m", "kakou.main", "risk", name, "--config", str(self._config)]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        if name == "broker":
            self._broker.kill()
        else:
            self._processes[name].kill()
            self._processes[name].wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


class Sender:
    """Sends a record of another vehicle forty times a second until told to stop."""

    def __init__(self, address: str) -> None:
        # Gathered for a second: this broker hands out some ten batches a second, however small they are.
        self._producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 1000,
                "delivery.timeout.ms": 300_000,
                "log_level": 0,
            }
        )
        self._stop, self._turn = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._send)
        self.plates: list[str] = []
        self._refused: list[str] = []

    @property
    def sent(self) -> int:
        return len(self.plates)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(WITHIN_S) == 0, "the broker never took the rest"
        assert not self._refused

    @contextlib.contextmanager
    def holding_back(self) -> Iterator[None]:
        """Nothing is on its way to the broker: this one (tansu 0.6) does not get over a write that was cut short."""
        with self._turn:
            assert self._producer.flush(WITHIN_S) == 0
            yield

    def _send(self) -> None:
        while not self._stop.wait(1 / PER_S):
            with self._turn:
                self._send_one()

    def _send_one(self) -> None:
        plate = f"鲁B{self.sent:05}"
        self.plates.append(plate)
        at = datetime.now(UTC) - timedelta(hours=1)
        value = json.dumps({"plate": plate, "area": HUANGDAO, "from": at.isoformat()}, ensure_ascii=False)
        self._producer.produce(
            TOPIC, value.encode(), key=plate,
            on_delivery=lambda error, _: self._refused.append(error.str()) if error else None,
        )  # fmt: skip
        self._producer.poll(0)


@pytest.mark.long
@pytest.mark.parametrize("kills", [3, 50])
def test_whoever_is_killed_no_record_is_lost_and_none_counts_twice(kills: int, tmp_path: Path):
    chance = random.Random(kills)
    with at_work(tmp_path) as (centre, broker, config):
        sender = Sender(broker.address)
        sender.start()
        for number in range(kills):
            name = ("feed", "broker", "serve")[number % 3]
            before = taken(config)
            # Killed at a moment of its own, at work: something was taken since it was started.
            wait_until(partial(has_taken_more, config, before))
            time.sleep(chance.uniform(0, 1.0))
            with sender.holding_back() if name == "broker" else contextlib.nullcontext():
                centre.kill(name)
            time.sleep(chance.uniform(0, 0.5))
            centre.start(name)
        sender.finish()
        wait_until(lambda: taken(config) == sender.sent)
        assert counted(config) == (sender.sent, sender.sent), "each vehicle is there, and each message counted once"
        wait_until(lambda: listed(config, sender.plates) == sender.sent)


@contextlib.contextmanager
def at_work(folder: Path) -> Iterator[tuple[Centre, BrokerProcess, Path]]:
    with embedded_redis(folder / "redis") as url, durable_broker(folder) as broker:
        config = folder / "kakou.toml"
        config.write_text(CONFIG.format(state=folder / "state", url=url, brokers=broker.address), encoding="utf-8")
        settings = load_settings(config)
        with open_keeper(settings, url) as keeper:
            keeper.declare([Declared(HUANGDAO, "high", source="test")])
        centre = Centre(folder, config, broker)
        try:
            centre.start("serve")
            centre.start("feed")
            yield centre, broker, config
        finally:
            centre.stop()


def taken(config: Path) -> int:
    query = "SELECT COALESCE(SUM(next_offset), 0) FROM feed_offset"
    with contextlib.closing(sqlite3.connect(record_path(load_settings(config)))) as record:
        return int(record.execute(query).fetchone()[0])


def has_taken_more(config: Path, than: int) -> bool:
    return taken(config) > than


def counted(config: Path) -> tuple[int, int]:
    """Return the vehicles in the record, and how many messages were counted."""
    with contextlib.closing(sqlite3.connect(record_path(load_settings(config)))) as record:
        (vehicles,) = record.execute("SELECT COUNT(DISTINCT digest) FROM visit").fetchone()
        (rows,) = record.execute("SELECT COALESCE(SUM(rows), 0) FROM feed_hour").fetchone()
    return int(vehicles), int(rows)


def listed(config: Path, plates: list[str]) -> int:
    """Return how many of the plates a reader finds."""
    settings = load_settings(config)
    assert settings.redis_url
    link = RedisLink(settings.redis_url, timeout_s=5.0, connect_timeout_s=5.0)
    hot_set = HotSet(link, lambda: load_or_create_key(key_path(settings)), settings.risk)
    answer = hot_set.reasons_of([("02", plate) for plate in plates], datetime.now(UTC))
    return sum(bool(reasons) for reasons in answer.reasons)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
