"""What the walk asks of the list about one vehicle, and how a lookup is timed."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from statistics import median

from bench.list_reader import KEY, SETTINGS, patient_hot_set
from bench.report import Report
from bench.yardstick import RAW_REPLAY, Sample, raw_replay, sample, yardstick, yardstick_name
from ocr.hypotheses import PlateHypothesis
from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.match import MatchRule, match_plate

CANDIDATES = 32
ROUNDS = 9
"""Ours and the yardstick take turns; the best round of each counts, because other work comes and goes."""


def measure_walk(url: str, size: int, batch: list[bytes], report: Report) -> None:
    """What the walk asks about a vehicle that is not listed: 32 texts in two classes, their digests made on the way.

    `batch` has as many members as the question has digests: each text is also asked for without a class. Of a plate
    that was read surely only the readings that decide are asked about.
    """
    hot_set, now, rule = patient_hot_set(url), datetime.now(UTC), MatchRule.of(SETTINGS)
    plates, sure = unsure_plates(range(CANDIDATES)), sure_readings(range(CANDIDATES))
    digester = PlateDigester(KEY)
    every = [*plates, *((ANY_CLASS, one.text) for one in sure)]
    yardsticks, replays, ours, of_sure, digests = [], [], [], [], []
    for _ in range(ROUNDS):
        yardsticks.append(yardstick(url, batch, 2000))
        replays.append(raw_replay(url, batch, 2000))
        ours.append(time_each(lambda: hot_set.reasons_of(plates, now), 2000, len(every)))
        of_sure.append(time_each(lambda: match_plate(sure, hot_set, rule, now), 2000, 1))
        digests.append(time_each(lambda: digester.digests(every), 2000, len(every)))
    rows = {
        yardstick_name(): yardsticks, RAW_REPLAY: replays, "reasons_of(), nothing sure": ours,
        "match_plate(), read surely": of_sure, "of that, digests of nothing sure": digests,
    }  # fmt: skip
    for name, samples in rows.items():
        add_sample(report, f"the walk's question: {CANDIDATES} texts, two classes", size, name, samples)
    against = median(s.p50_ms for s in yardsticks)
    for name, samples in (("nothing sure", ours), ("read surely", of_sure)):
        ratio = median(s.p50_ms for s in samples) / against
        report.add_bar(f"the walk's question p50, {name} / {yardstick_name()}, {size:,}", ratio, 1.5, "at most")
    report.add_bar(f"digests of a question (µs), {size:,}", median(s.p50_ms for s in digests) * 1000, 120, "at most")


def unsure_plates(numbers: Iterable[int]) -> list[tuple[str, str]]:
    """Return (class, text) pairs of which nothing is sure: two classes of each number."""
    return [(plate_class, f"粤B{number:05d}") for number in numbers for plate_class in ("01", "02")]


def sure_readings(numbers: Sequence[int]) -> list[PlateHypothesis]:
    """Return readings of which the first is sure."""
    return [PlateHypothesis(f"粤B{number:05d}", "02", 0.0006 if rank else 0.98) for rank, number in enumerate(numbers)]


def add_sample(report: Report, table: str, size: int, name: str, samples: Sequence[Sample]) -> None:
    report.add_row(
        table,
        entries=size,
        client=name,
        digests_per_s=round(median(s.per_second for s in samples)),
        p50_ms=round(median(s.p50_ms for s in samples), 4),
        p95_ms=round(median(s.p95_ms for s in samples), 4),
        p99_ms=round(median(s.p99_ms for s in samples), 4),
    )


def time_each(call: Callable[[], object], repeats: int, digests: int) -> Sample:
    latencies = []
    for _ in range(repeats // 10):
        call()
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        latencies.append(time.perf_counter() - started)
    return sample(latencies, digests)
