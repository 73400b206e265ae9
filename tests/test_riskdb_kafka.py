"""A Kafka topic with travel records: each counts once, also when the bridge dies; what cannot be read is put aside."""

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kakou.settings import Settings, SettingsError, load_settings
from riskdb.feed.kafka import KafkaBridge, KeeperStore
from riskdb.keeper import RiskKeeper
from riskdb.types import RiskDBError
from tests.feed_kit import TOPIC, MockCluster, feed_settings, record, topic_of
from tests.riskdb_kit import RiskRig, risk_rig

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def cluster() -> MockCluster:
    return MockCluster()


@pytest.fixture
def rig(tmp_path: Path, redis_server: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_server) as made:
        made.declared()
        yield made


def message(number: int, **more: str) -> bytes:
    return json.dumps(record(f"鲁B{number:05}", **more), ensure_ascii=False).encode()


def store_of(rig: RiskRig) -> KeeperStore:
    @contextmanager
    def opened() -> Iterator[RiskKeeper]:
        yield rig.keeper

    return KeeperStore(opened)


def carried(bridge: KafkaBridge, count: int) -> None:
    """Let the bridge run until it has taken so many messages."""
    deadline = time.monotonic() + WITHIN_S
    while count > 0:
        assert time.monotonic() < deadline
        count -= bridge.step(threading.Event())
    stopped = threading.Event()
    stopped.set()
    bridge.run(stopped)


def test_records_of_a_topic_list_their_vehicles_and_bad_ones_are_put_aside(rig: RiskRig, cluster: MockCluster):
    topic = topic_of(cluster, topic="mixed", group="mixed")
    cluster.send([message(1), b"no JSON", message(2), b"", b'{"plate": "x"}', b"\xff"], "mixed")
    carried(KafkaBridge(topic, feed_settings(), store_of(rig), print), 6)
    assert rig.is_listed("鲁B00001")
    assert rig.is_listed("鲁B00002")
    letters = cluster.read("mixed.dead", 4)
    assert sorted(value for value, _ in letters) == sorted([b"", b"\xff", b"no JSON", b'{"plate": "x"}'])
    assert {headers["kakou-problem"] for value, headers in letters if value == b"no JSON"} == {"不是 JSON"}
    assert {headers["kakou-topic"] for _, headers in letters} == {"mixed"}
    assert sum(rig.keeper.feeds.next_offsets("mixed").values()) == 6


def test_a_bridge_goes_on_where_the_record_says_whatever_the_group_says(rig: RiskRig, cluster: MockCluster):
    cluster.send([message(number) for number in range(10)], "resume")
    one, two = topic_of(cluster, topic="resume", group="one"), topic_of(cluster, topic="resume", group="two")
    carried(KafkaBridge(one, feed_settings(), store_of(rig), print), 10)
    cluster.send([message(number) for number in range(10, 12)], "resume")
    carried(KafkaBridge(two, feed_settings(), store_of(rig), print), 2)
    assert rig.record.count_visits()[1] == 12
    (hour,) = rig.record.connection.execute("SELECT SUM(rows) FROM feed_hour").fetchone()
    assert hour == 12


def test_a_batch_waits_while_the_record_cannot_be_written(rig: RiskRig, cluster: MockCluster):
    class Hesitant(KeeperStore):
        tries = 0

        def take(self, *arguments, **more):
            Hesitant.tries += 1
            if Hesitant.tries == 1:
                raise RiskDBError("the disk is full")
            return super().take(*arguments, **more)

    told: list[str] = []
    cluster.send([message(1)], "waiting")
    topic = topic_of(cluster, topic="waiting", group="waiting")
    carried(KafkaBridge(topic, feed_settings(), Hesitant(store_of(rig).open_keeper), told.append), 1)
    assert rig.is_listed("鲁B00001")
    assert any("稍后再试" in text for text in told)


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.long)])
def test_a_bridge_that_is_killed_loses_nothing_and_counts_nothing_twice(
    rig: RiskRig, cluster: MockCluster, redis_server: str, kills: int
):
    rng = random.Random(kills)
    total = 400 * (kills + 1)
    values = [b"bad %d" % number if number % 100 == 7 else message(number) for number in range(total)]
    sender = threading.Thread(target=slowly, args=(cluster, values, kills))
    sender.start()
    for _ in range(kills):
        with bridge_process(rig.folder, redis_server, cluster.address) as process:
            before = taken(rig.folder)
            # A quick bridge may have taken everything before the last kills: they hit it at rest.
            wait_until(lambda before=before: taken(rig.folder) > before or taken(rig.folder) == total)
            time.sleep(rng.uniform(0, 0.2))
            process.kill()
    sender.join()
    with bridge_process(rig.folder, redis_server, cluster.address) as process:
        wait_until(lambda: taken(rig.folder) == total)
        process.kill()
    bad = total // 100
    assert rig.record.count_visits()[:2] == (total - bad, total - bad)
    (rows, refused) = rig.record.connection.execute("SELECT SUM(rows), SUM(bad) FROM feed_hour").fetchone()
    assert (rows, refused) == (total, bad), "each message was counted once"
    letters = {
        (headers["kakou-partition"], headers["kakou-offset"]) for _, headers in cluster.read(f"{TOPIC}.dead", bad)
    }
    assert len(letters) == bad
    assert rig.is_listed("鲁B00001")


def slowly(cluster: MockCluster, values: list[bytes], kills: int) -> None:
    for start in range(0, len(values), 100):
        cluster.send(values[start : start + 100])
        time.sleep(0.05 if kills < 10 else 0.2)


@contextmanager
def bridge_process(folder: Path, redis_url: str, brokers: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.feed_kit", str(folder), redis_url, brokers, "100"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def taken(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "risk.sqlite")) as record:
        return int(record.execute("SELECT COALESCE(SUM(next_offset), 0) FROM feed_offset").fetchone()[0])


def wait_until(is_so) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_topic_needs_a_feed_and_a_link_to_elsewhere_needs_tls(tmp_path: Path):
    config = tmp_path / "kakou.toml"
    feed = '[[risk.feed]]\nname = "gantry"\n'
    topic = '[[risk.kafka]]\nbrokers = "10.1.2.3:9092, 10.1.2.4:9092"\ntopic = "t"\nfeed = "gantry"\n'
    for text, told in ((topic, "no feed named gantry"), (feed + topic, "10.1.2.3 的连接没有 TLS")):
        config.write_text(text)
        with pytest.raises(SettingsError, match=told):
            load_settings(config)
    config.write_text(feed + topic + "tls = true\n")
    assert isinstance(load_settings(config), Settings)
