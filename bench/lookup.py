"""How fast is a lookup, how large is the list, and what do readers feel while it changes?

Run `python -m bench.lookup` (10^4 to 10^6 entries, two minutes) or `python -m bench.lookup --sizes 10000 10000000`.
The server is the first that `kakou` itself would start: redis-server or valkey-server of PATH.
"""

import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from statistics import median

import numpy as np
import redis

from bench.list_reader import KEY, SETTINGS, ListReader, patient_hot_set
from bench.lookup_growth import measure_growth
from bench.lookup_walk import CANDIDATES, ROUNDS, add_sample, measure_walk, time_each
from bench.report import Report, bench_options
from bench.yardstick import RAW_REPLAY, Sample, raw_replay, sample, yardstick, yardstick_name
from kakou.wiring.embedded_redis import embedded_redis
from riskdb.digest import PlateDigester
from riskdb.hotset.compute import HotEntries
from riskdb.hotset.hotset import HotSet
from riskdb.hotset.keys import ReasonBuckets
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.reason_store import PACKET, chunks
from riskdb.hotset.reasons import PACKED
from riskdb.hotset.redis_link import RedisLink, open_writer
from riskdb.record.columns import digests_to_bytes
from riskdb.types import Declaration, RiskDBError

BATCH = 1000
SECOND_REASON_SHARE = 0.2


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], metavar="N")
    options = parser.parse_args()
    report = Report("risk list: lookups")
    with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, embedded_redis(Path(folder)) as url:
        report.add_row("server", name=_server_name(url))
        # What a server takes for good at its first list, whatever the size, is no entry's.
        load_list(url, random_entries(1000))
        for size in options.sizes:
            _empty(url)
            _measure_size(url, size, report)
        if len(options.sizes) > 1:
            _measure_growth(Path(folder, "small"), min(options.sizes), url, options.sizes[-1], report)
        _measure_dead_server(folder, report)
    report.finish(options)


def _measure_size(url: str, size: int, report: Report) -> None:
    entries = random_entries(size)
    before = _used_memory(url)
    load_s, swap_ms = load_list(url, entries)
    per_entry = (_used_memory(url) - before) / size
    report.add_row(
        "list", entries=size, load_s=round(load_s, 2), swap_ms=round(swap_ms, 2), bytes_per_entry=round(per_entry, 1)
    )
    if size >= 1_000_000:
        report.add_bar(f"bytes an entry at {size:,}", per_entry, 140, "at most")
    pool = _some(entries, 4 * BATCH)
    _measure_batches(url, size, _mixed(pool, BATCH), report)
    _measure_reads(url, size, _mixed(pool, CANDIDATES), report)
    measure_walk(url, size, _mixed(pool, 3 * CANDIDATES), report)
    _measure_swap(url, size, entries, report)


def _measure_growth(folder: Path, small: int, large_url: str, large: int, report: Report) -> None:
    """A small list in a server of its own beside the large one."""
    with embedded_redis(folder) as small_url:
        entries = random_entries(small)
        load_list(small_url, entries)
        lists: dict[int, tuple[str, Sequence[bytes]]] = {
            small: (small_url, _some(entries)),
            large: (large_url, _some(random_entries(large))),
        }
        measure_growth(lists, report)


def _some(entries: HotEntries, count: int = 100_000) -> list[bytes]:
    """Return listed digests from the whole list, `count` or somewhat more, or all there are."""
    listed = digests_to_bytes(entries.digests[:: max(1, len(entries) // count)])
    return [listed[start : start + 16] for start in range(0, len(listed), 16)]


def _measure_swap(url: str, size: int, entries: HotEntries, report: Report) -> None:
    """A list of the same size takes the place of this one, while another process looks vehicles up without a pause."""
    always = digests_to_bytes(entries.digests[:CANDIDATES])
    listed = [always[start : start + 16] for start in range(0, len(always), 16)]
    with ListReader(url, listed, [bytes(reversed(digest)) for digest in listed]) as at_work:
        _, swap_ms = load_list(url, entries, before_swap=at_work.notes)
        notes = at_work.notes()
    report.add_row(
        "a reader while a list of the same size is swapped in", entries=size, swap_and_cleaning_ms=round(swap_ms, 1),
        lookups=notes.lookups, wrong=notes.wrong + notes.errors, p99_ms=round(notes.p99_ms, 3),
        longest_ms=round(notes.longest_ms, 2),
    )  # fmt: skip
    report.add_bar(f"wrong or no answers while {size:,} are swapped in", notes.wrong + notes.errors, 0, "at most")
    report.add_bar(f"longest lookup while {size:,} are swapped in (ms)", notes.longest_ms, 50, "at most")


def _measure_batches(url: str, size: int, batch: list[bytes], report: Report) -> None:
    """One connection, 1000 digests a question."""
    hot_set = patient_hot_set(url)
    repeats = 1000
    yardsticks, ours, flying = [], [], []
    for _ in range(ROUNDS):
        yardsticks.append(yardstick(url, batch, repeats))
        ours.append(time_each(lambda: hot_set.members(batch), repeats, BATCH))
        flying.append(_time_in_flight(hot_set, batch, repeats))
    names = (yardstick_name(), "members(), one by one", "members_of_batches(), 4 in flight")
    for name, samples in zip(names, (yardsticks, ours, flying), strict=True):
        add_sample(report, f"batches of {BATCH}", size, name, samples)
    if size == 1_000_000:
        for name, samples, limit in ((names[1], ours, 0.9), (names[2], flying, 1.1)):
            ratio = max(s.per_second for s in samples) / max(s.per_second for s in yardsticks)
            report.add_bar(f"{name} / {names[0]}, 1,000,000 entries", ratio, limit, "at least")


def _measure_reads(url: str, size: int, batch: list[bytes], report: Report) -> None:
    """One read of a plate: 32 candidates a question."""
    hot_set = patient_hot_set(url)
    repeats = 5000
    yardsticks, replays, ours = [], [], []
    for _ in range(ROUNDS):
        yardsticks.append(yardstick(url, batch, repeats))
        replays.append(raw_replay(url, batch, repeats))
        ours.append(time_each(lambda: hot_set.members(batch), repeats, CANDIDATES))
    for name, samples in ((yardstick_name(), yardsticks), (RAW_REPLAY, replays), ("members()", ours)):
        add_sample(report, f"reads of {CANDIDATES}", size, name, samples)
    if size == 1_000_000:
        # redis-benchmark rounds to 8 microseconds, so its best round says too little.
        p50 = median(s.p50_ms for s in ours) / median(s.p50_ms for s in yardsticks)
        p99 = min(s.p99_ms for s in ours) / min(s.p99_ms for s in yardsticks)
        report.add_bar(f"read p50 / {yardstick_name()}", p50, 1.25, "at most")
        report.add_bar(f"read p99 / {yardstick_name()}", p99, 2.0, "at most")
        report.add_bar("read p99 ms", min(s.p99_ms for s in ours), 1.0, "at most")
        _add_digesting(report)


def _add_digesting(report: Report) -> None:
    """The digests of a read are counted apart: they are made on the box, whatever Redis does."""
    digester = PlateDigester(KEY)
    texts = [f"粤B{number:05d}" for number in range(CANDIDATES)]
    sample = time_each(lambda: [digester.digest("02", text) for text in texts], 2000, CANDIDATES)
    add_sample(report, f"reads of {CANDIDATES}", 0, f"digests of {CANDIDATES} plates", [sample])


def _measure_dead_server(folder: str, report: Report) -> None:
    """How long until a reader knows that the server hangs, or is gone?"""
    with embedded_redis(Path(folder) / "dying") as url:
        load_list(url, random_entries(1000))
        hot_set = HotSet(RedisLink(url, SETTINGS.timeout_s, SETTINGS.connect_timeout_s), lambda: KEY, SETTINGS)
        hot_set.members([KEY[:16]])
        with redis.Redis.from_url(url) as client:
            server = int(client.info("server")["process_id"])
        for name, number in (("hung server", signal.SIGSTOP), ("killed server", signal.SIGKILL)):
            os.kill(server, number)
            report.add_bar(f"{name} known to the caller (ms)", _time_to_error_ms(hot_set), 100, "at most")


def _time_to_error_ms(hot_set: HotSet) -> float:
    """Return the longest of some lookups that all must fail."""
    elapsed = []
    for _ in range(20):
        started = time.perf_counter()
        try:
            hot_set.members([KEY[:16]])
        except RiskDBError:
            elapsed.append((time.perf_counter() - started) * 1000)
        else:
            raise SystemExit("a lookup on a dead server gave an answer")
    return max(elapsed)


def random_entries(count: int, seed: int = 7) -> HotEntries:
    """Return a list of `count` random digests, a fifth of them with a second reason."""
    rng = np.random.default_rng(seed)
    digests = np.sort(rng.integers(0, 2**64, size=(count, 2), dtype=np.uint64), axis=0)
    per_plate = 1 + (rng.random(count) < SECOND_REASON_SHARE)
    now = int(time.time())
    reason = PACKED.pack(now + 10**6, now - 10**5, now, 1, 1)
    return HotEntries(digests, reason * int(per_plate.sum()), np.concatenate(([0], np.cumsum(per_plate))))


def load_list(url: str, entries: HotEntries, before_swap: Callable[[], object] = lambda: None) -> tuple[float, float]:
    """Put a list in force; return seconds to build it and milliseconds to swap it in."""
    with contextlib.closing(open_writer(url)) as link:
        store = ListStore(link)
        started = time.perf_counter()
        before = store.meta()
        version = (before.version if before else 0) + 1
        buckets = ReasonBuckets.for_count(version, len(entries))
        meta = ListMeta(version, len(entries), entries.checksum(), "bench", _key_id(), buckets)
        store.begin_next(before)
        declaration = Declaration(area="370211", name="x", level="high", declared_from=0, declared_until=None)
        store.names.write({1: declaration.model_dump_json()}, {1: "bench"})
        for part in chunks(entries, PACKET):
            store.add_to_next(buckets, part)
        store.verify_next(meta)
        load_s = time.perf_counter() - started
        before_swap()
        started = time.perf_counter()
        store.swap(meta, time.time())
        return load_s, (time.perf_counter() - started) * 1000


def _time_in_flight(hot_set: HotSet, batch: list[bytes], repeats: int) -> Sample:
    started = time.perf_counter()
    last, latencies = started, []
    for _ in hot_set.members_of_batches(repeat(batch, repeats), in_flight=4):
        latencies.append(time.perf_counter() - last)
        last = time.perf_counter()
    each = sample(latencies, len(batch))
    return Sample(repeats * len(batch) / (last - started), each.p50_ms, each.p95_ms, each.p99_ms)


def _mixed(listed: Sequence[bytes], count: int) -> list[bytes]:
    """Return digests of which half are listed; none holds a NUL, so that redis-benchmark can send them."""
    rng = random.Random(5)
    unlisted: Iterator[bytes] = (rng.randbytes(16) for _ in repeat(None))
    halves = ((d for d in source if 0 not in d) for source in (listed, unlisted))
    return list(chain.from_iterable([next(half) for _ in range(count // 2)] for half in halves))


def _key_id() -> str:
    return PlateDigester(KEY).key_id


def _server_name(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        about = client.info("server")
        if about.get("server_name") == "valkey":
            return f"Valkey {about['valkey_version']}"
        return f"Redis {about['redis_version']}"


def _used_memory(url: str) -> int:
    """Return the server's memory without what its clients and its append-only file need for the moment."""
    with redis.Redis.from_url(url) as client:
        memory = client.info("memory")
        passing = ("mem_clients_normal", "mem_aof_buffer")
        return int(memory["used_memory"]) - sum(int(memory.get(name, 0)) for name in passing)


def _empty(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb(asynchronous=True)
        while int(client.info("memory").get("lazyfree_pending_objects", 0)):
            time.sleep(0.05)


if __name__ == "__main__":
    main()
