"""How many events a second does `kakou deliver` bring into a Kafka topic, and is each there once?

A real `kakou deliver` from a real Redis to the brokers that librdkafka brings along (its mock cluster, in a process of
its own: they speak the protocol and keep everything in memory). With `--kills` the deliverer is killed (-9) and the
brokers hang for longer than the channel waits (SIGSTOP), in turn. Brokers that lose what they acknowledged are no part
of this: these cannot be killed and come back with it, and no real Kafka was at hand.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from alerts.delivery.channel_state import channel_states
from alerts.envelope import to_cloudevent
from alerts.stream import STREAM_KEY
from bench.fault_events import event
from bench.process_usage import usage_of
from bench.report import Report, bench_options
from kakou.wiring.embedded_redis import embedded_redis

NAME, TOPIC = "province", "kakou.events"
TIMEOUT_S = 2.0
"""Of the channel; brokers hang for a little longer."""
WITHIN_S = 600.0
CHECKPOINTS = 40
"""The brokers forget what is older than 5 MB a partition: 20,000 events over four of them are fewer."""
BROKERS = "brokers"


def main() -> None:
    if sys.argv[1:2] == [BROKERS]:
        _be_brokers()
        return
    parser = bench_options(__doc__ or "")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="of the deliverer and the brokers, in turn")
    options = parser.parse_args()
    report = Report(f"Kafka channel: {options.events} events, {options.kills} kills")
    with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, embedded_redis(Path(folder, "redis")) as url:
        _measure(options, Path(folder), url, report)
    report.finish(options)


def _measure(options: argparse.Namespace, folder: Path, url: str, report: Report) -> None:
    with _brokers() as (brokers, address), closing(redis.Redis.from_url(url)) as client:
        wanted = _fill(client, options.events)
        config = _config(folder, url, address)
        dice = random.Random(1)
        started = time.monotonic()
        for number in range(options.kills):
            with _deliverer(config):
                _wait_for(client, options.events * (number + 1) // (options.kills + 1))
                time.sleep(dice.uniform(0, 0.05))
                if number % 2:
                    _hang(brokers)
        with _deliverer(config) as process:
            first_s, before, used_s = _first(client), _delivered(client), usage_of(process).cpu_s
            _wait_for(client, options.events)
            elapsed_s, used_s = time.monotonic() - first_s, usage_of(process).cpu_s - used_s
            rate = (options.events - before) / elapsed_s
        whole_s = time.monotonic() - started
        found = _ids(address, options.events)
        (state,) = channel_states(client, [NAME])
    lost, doubled = len(wanted - set(found)), len(found) - len(set(found))
    report.add_row(
        "the topic", events=options.events, found=len(found), lost=lost, doubled=doubled, kills=options.kills,
        failed_tries=state.failed, dead=state.dead, seconds=round(whole_s, 1), per_second=round(rate),
        cpu_ms_an_event=used_s / max(1, options.events - before) * 1000,
    )  # fmt: skip
    report.add_bar("events lost", lost, 0, "at most")
    report.add_bar("events doubled", doubled, 0, "at most")
    if not options.kills:
        report.add_bar("events a second", rate, 2_000, "at least")


def _be_brokers() -> None:
    producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 3})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    sys.stdout.write(f"{broker.host}:{broker.port}\n")
    sys.stdout.flush()
    signal.pause()


@contextmanager
def _brokers() -> "Iterator[tuple[subprocess.Popen[str], str]]":
    command = [sys.executable, "-m", "bench.kafka_channel", BROKERS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _hang(brokers: "subprocess.Popen[str]") -> None:
    brokers.send_signal(signal.SIGSTOP)
    time.sleep(TIMEOUT_S + 1.0)
    brokers.send_signal(signal.SIGCONT)


@contextmanager
def _deliverer(config: Path) -> Iterator[psutil.Process]:
    """`kakou deliver`, killed at the end."""
    command = [sys.executable, "-m", "kakou.main", "deliver", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _config(folder: Path, url: str, address: str) -> Path:
    config = folder / "kakou.toml"
    config.write_text(
        f'state_dir = "{folder}/state"\nredis_url = "{url}"\n[alerts]\nreserve_mib = 0\n'
        f'allowed_networks = ["127.0.0.1/32"]\nallowed_ports = [{address.rpartition(":")[2]}]\n'
        f'[[alerts.channel]]\nname = "{NAME}"\nkind = "kafka"\nbrokers = "{address}"\ntopic = "{TOPIC}"\n'
        f"tls = false\ntimeout_s = {TIMEOUT_S}\n",
        encoding="utf-8",
    )
    return config


def _fill(client: "redis.Redis", count: int) -> set[str]:
    """Put events of many checkpoints into the stream; returns their ids."""
    template, ids = event(), set[str]()
    with client.pipeline(transaction=False) as line:
        for number in range(count):
            changes = {"event_id": f"{number:032x}", "checkpoint": f"{number % CHECKPOINTS}号卡口"}
            one = template.model_copy(update=changes)
            line.xadd(STREAM_KEY, {"event_id": one.event_id, "event": to_cloudevent(one)})
            ids.add(one.event_id)
            if number % 1000 == 999:
                line.execute()
        line.execute()
    return ids


def _delivered(client: "redis.Redis") -> int:
    (state,) = channel_states(client, [NAME])
    return state.delivered


def _first(client: "redis.Redis") -> float:
    """Return when the first of what is left has arrived: a process takes its time to start."""
    before = _delivered(client)
    _wait_for(client, before + 1)
    return time.monotonic()


def _wait_for(client: "redis.Redis", count: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while _delivered(client) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{_delivered(client)} of {count} events were delivered")
        time.sleep(0.01)


def _ids(address: str, count: int) -> list[str]:
    """Return the ids of all that the topic holds."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "bench", "enable.partition.eof": True})
    parts = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
    consumer.assign([TopicPartition(TOPIC, part, OFFSET_BEGINNING) for part in parts])
    found: list[str] = []
    quiet_at = time.monotonic() + 10.0
    while time.monotonic() < quiet_at:
        for message in consumer.consume(2_000, 0.2):
            if message.error() is None:
                found.append(str(json.loads(message.value() or b"")["id"]))
                quiet_at = time.monotonic() + (10.0 if len(found) < count else 1.0)
    with suppress(RuntimeError):
        consumer.close()
    return found


if __name__ == "__main__":
    main()
