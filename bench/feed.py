"""How fast does a travel record from a Kafka topic count at a reader, and does each count once?

A bridge (`kakou risk feed`) carries 1,100 records a second from a broker of librdkafka (its mock cluster, in this
process) into the list; a reader waits for a probe twice a second. Run `python -m bench.feed` (a minute), or
`--seconds 600`.
"""

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import Producer

from bench.report import Report, bench_options, percentile
from kakou.process import beside
from kakou.settings import Settings
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.matching import key_path
from kakou.wiring.risk import open_keeper, record_path, tended_list
from ocr.grammar import PROVINCES, SERIAL
from riskdb.digest import load_or_create_key
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.redis_link import RedisLink
from riskdb.record.declaring import Declared
from riskdb.types import RiskDBError

TOPIC, DECLARED = "gantry", "370211"
AREAS = (DECLARED, *(f"3702{county:02d}" for county in (2, 3, 5, 13, 14, 15, 81, 83, 85)))
PROBE_EVERY_S, LOOK_EVERY_S, SENT_EVERY_S = 0.5, 0.02, 0.05
CAUGHT_UP_WITHIN_S = 60.0
CONFIG = """state_dir = "{state}"
redis_url = "{url}"
[[risk.feed]]
name = "gantry"
rows_per_hour = 100000000
[[risk.kafka]]
brokers = "{brokers}"
topic = "gantry"
feed = "gantry"
"""


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S")
    parser.add_argument("--rate", type=int, default=1_100, metavar="N", help="records a second")
    options = parser.parse_args()
    report = Report("risk list: live feed")
    with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, embedded_redis(Path(folder, "redis")) as url:
        settings = Settings(state_dir=Path(folder, "state"), redis_url=url)
        with open_keeper(settings, url) as keeper:
            keeper.declare([Declared(DECLARED, "high", source="bench")])
        with tended_list(settings, url, print):
            _measure(settings, url, Path(folder), options.seconds, options.rate, report)
    report.finish(options)


def _measure(settings: Settings, url: str, folder: Path, seconds: float, rate: int, report: Report) -> None:
    producer = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 3})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    config = folder / "kakou.toml"
    brokers = f"{broker.host}:{broker.port}"
    config.write_text(CONFIG.format(state=settings.state_dir, url=url, brokers=brokers), encoding="utf-8")
    probes = _Probes(settings, url)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with _bridge(config), probes.watching():
        plates = _plates()
        producer.produce(TOPIC, _record(next(plates), DECLARED))
        producer.flush(30)
        _caught_up(record_path(settings), 1)  # the bridge has started
        started = time.monotonic()
        sent = 1 + _send(producer, probes, plates, seconds, rate)
        elapsed_s = time.monotonic() - started
        left_s = _caught_up(record_path(settings), sent)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    vehicles, rows = _kept(record_path(settings))
    waits = probes.waits_s
    report.add_row(
        "feed", records=sent, seconds=round(elapsed_s, 1), per_second=round(sent / elapsed_s),
        bridge_cpu_share=round(cpu_s / elapsed_s, 2), behind_at_the_end_s=round(left_s, 1), probes=len(waits),
        p50_s=round(percentile(waits, 0.5), 2), p99_s=round(percentile(waits, 0.99), 2),
    )  # fmt: skip
    report.add_bar("records a second", sent / elapsed_s, 0.98 * rate, "at least")
    report.add_bar("from the topic to a reader's answer, p99 (s)", percentile(waits, 0.99), 5.0, "at most")
    report.add_bar("probes that never counted", probes.missing, 0, "at most")
    report.add_bar("records lost, or counted twice", abs(vehicles - sent) + abs(rows - sent), 0, "at most")


@contextmanager
def _bridge(config: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "kakou.main", "risk", "feed", "--config", str(config)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _send(producer: Producer, probes: "_Probes", plates: Iterator[str], seconds: float, rate: int) -> int:
    """Send at the rate, probes among them; return how many records that was."""
    rng = random.Random(3)
    begin = time.monotonic()
    sent, next_probe = 0, 0.0
    while (now := time.monotonic() - begin) < seconds:
        while sent < now * rate:
            plate, area = next(plates), rng.choice(AREAS)
            if now >= next_probe:
                next_probe, area = next_probe + PROBE_EVERY_S, DECLARED
                probes.add(plate)
            producer.produce(TOPIC, _record(plate, area), on_delivery=None)
            sent += 1
        producer.poll(0)
        time.sleep(SENT_EVERY_S)
    producer.flush(30)
    return sent


def _record(plate: str, area: str) -> bytes:
    at = datetime.now(UTC) - timedelta(hours=1)
    return json.dumps({"plate": plate, "area": area, "from": at.isoformat()}, ensure_ascii=False).encode()


def _plates() -> Iterator[str]:
    """Yield plates, each once."""
    number = 0
    while True:
        number += 1
        digits, left = "", number
        for _ in range(5):
            left, place = divmod(left, len(SERIAL))
            digits += SERIAL[place]
        yield PROVINCES[left % len(PROVINCES)] + "B" + digits


class _Probes:
    """Waits at a reader for vehicles that were sent."""

    def __init__(self, settings: Settings, url: str) -> None:
        link = RedisLink(url, timeout_s=5.0, connect_timeout_s=5.0)
        self._hot_set = HotSet(link, lambda: load_or_create_key(key_path(settings)), settings.risk)
        self._waiting: dict[str, float] = {}
        self.waits_s: list[float] = []

    @property
    def missing(self) -> int:
        return len(self._waiting)

    def add(self, plate: str) -> None:
        self._waiting[plate] = time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        with beside(self._watch, "probes"):
            yield

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        plates = list(self._waiting)
        try:
            answer = self._hot_set.reasons_of([("02", plate) for plate in plates], datetime.now(UTC))
        except RiskDBError as error:
            print(f"a reader got no answer: {error}", file=sys.stderr)
            return
        for plate, reasons in zip(plates, answer.reasons, strict=True):
            if reasons:
                self.waits_s.append(time.monotonic() - self._waiting.pop(plate))


def _caught_up(path: Path, sent: int) -> float:
    """Wait until everything was taken; return how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < CAUGHT_UP_WITHIN_S:
        with closing(sqlite3.connect(path)) as record:
            (taken,) = record.execute("SELECT COALESCE(SUM(next_offset), 0) FROM feed_offset").fetchone()
        if taken >= sent:
            break
        time.sleep(0.1)
    elapsed_s = time.monotonic() - began
    time.sleep(1.0)  # the reader looks once more
    return elapsed_s


def _kept(path: Path) -> tuple[int, int]:
    """Return the vehicles in the record, and how many records were counted."""
    with closing(sqlite3.connect(path)) as record:
        (vehicles,) = record.execute("SELECT COUNT(DISTINCT digest) FROM visit").fetchone()
        (rows,) = record.execute("SELECT COALESCE(SUM(rows), 0) FROM feed_hour").fetchone()
    return int(vehicles), int(rows)


if __name__ == "__main__":
    main()
