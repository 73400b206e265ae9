"""What does changing the list cost, and what do readers feel of it?

Tries and imports 1,000,000 rows, flips one area at 1,000,000 plates x 5 visits, and rebuilds the list, while another
process looks plates up without a pause. Run `python -m bench.list_changes` (five minutes; `--plates 100000` for one).
"""

import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.list_reader import KEY, SETTINGS, ListReader, ReaderNotes, patient_hot_set
from bench.report import Report, bench_options
from kakou.process import give_way
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.risk import OcrGrammar
from ocr.grammar import PROVINCES, SERIAL
from riskdb.digest import PlateDigester
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.publish import Publisher
from riskdb.hotset.reason_store import chunks
from riskdb.hotset.redis_link import open_writer
from riskdb.keeper import RiskKeeper
from riskdb.record.declaring import Declared
from riskdb.record.record import RiskRecord
from riskdb.record.rows import Visit
from riskdb.rule import ListRule

AREAS = [f"37{city:02d}{county:02d}" for city in range(1, 18) for county in range(1, 22)]
"""357 counties; each holds 14,000 of 5,000,000 visits."""
STANDING = AREAS[:40]
MORE = AREAS[40:190]
"""Declared besides, they list nine vehicles in ten: too large a change for a diff."""
FLIPPED = AREAS[200]
VISITS_A_PLATE = 5
PROBES = 32
NO_CHANGE_S = 5.0


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--plates", type=int, default=1_000_000, metavar="N")
    options = parser.parse_args()
    report = Report("risk list: changes")
    with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder:
        _measure_import(Path(folder, "import"), options.plates, report)
        with embedded_redis(Path(folder, "redis")) as url, RiskRecord(Path(folder, "risk.sqlite")) as record:
            _measure_changes(url, record, options.plates, report)
    report.finish(options)


# --- import


def _measure_import(folder: Path, rows: int, report: Report) -> None:
    folder.mkdir()
    _write_travel_records(folder / "records.csv", rows)
    risk = [sys.executable, "-m", "kakou.main", "risk"]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    for name, arguments, bar_s in (
        ("area", ["area", "declare", "370211", "--level", "high", "--source", "bench"], 0),
        ("dry run", ["import", "records.csv", "--dry-run"], 45),
        ("import", ["import", "records.csv"], 60),
    ):
        started, before = time.perf_counter(), _cpu_s_of_children()
        subprocess.run([*risk, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
        elapsed_s, cpu_s = time.perf_counter() - started, _cpu_s_of_children() - before
        if bar_s:
            report.add_row(name, rows=rows, seconds=round(elapsed_s, 1), cpu_s_with_redis=round(cpu_s, 1))
            report.add_bar(f"{name} of {rows:,} rows, all of them listed (s)", elapsed_s, bar_s, "at most")
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    report.add_bar("import, memory of the largest process (GB)", peak_gb, 1.0, "at most")


def _cpu_s_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write_travel_records(path: Path, rows: int) -> None:
    rng = random.Random(3)
    day = datetime.now(UTC).date() - timedelta(days=2)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["plate", "area", "from", "to", "source"])
        for _ in range(rows):
            plate = rng.choice(PROVINCES) + "B" + "".join(rng.choices(SERIAL, k=5))
            minute = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}"
            writer.writerow([plate, "370211", f"{day} {minute}", f"{day} 23:59", "bench"])


# --- changes


def _measure_changes(url: str, record: RiskRecord, plates: int, report: Report) -> None:
    digests = [random.Random(number).randbytes(16) for number in range(plates)]
    _fill(record, digests)
    rule = ListRule.of(SETTINGS)
    link = open_writer(url)
    record.set_state("key_id", PlateDigester(KEY).key_id)
    publisher = Publisher(record, ListStore(link), rule)
    keeper = RiskKeeper(record, KEY, OcrGrammar(), SETTINGS, publisher)
    keeper.declare([Declared(code, "high", source="bench") for code in STANDING])
    always, never = _probes(keeper, digests)
    with ListReader(url, always, never) as reader:
        give_way()  # as the thread does that tends the list
        time.sleep(NO_CHANGE_S)
        _add_notes(report, "nothing changes", reader.notes())
        flips = [_flip(url, keeper, is_on) for is_on in (True, False, True, False, True, False)]
        flip_notes = reader.notes()
        _add_notes(report, "one area flips, six times", flip_notes)
        _, change = keeper.declare([Declared(code, "high", source="bench") for code in MORE])
        published = change.published
        assert published is not None
        swap_notes = reader.notes()
        _add_notes(report, f"the list of {published.count:,} is rebuilt and swapped", swap_notes)
    touched = max(count for _, count in flips)
    report.add_row("rebuild", entries=published.count, seconds=round(published.elapsed_s, 1))
    report.add_bar(
        f"an area of {touched:,} vehicles flips, seen by a reader (s)", max(s for s, _ in flips), 1.0, "at most"
    )
    for name, notes in (("diff", flip_notes), ("swap", swap_notes)):
        report.add_bar(f"wrong or no answers while a {name} runs", notes.wrong + notes.errors, 0, "at most")
        report.add_bar(f"longest lookup while a {name} runs (ms)", notes.longest_ms, 50, "at most")
    link.close()


def _fill(record: RiskRecord, digests: list[bytes]) -> None:
    now = int(time.time())
    rng = random.Random(11)
    with record.writing():
        numbers = list(record.number_areas(AREAS).values())
        record.number_sources(["bench"])
        for part in chunks(_visits(digests, numbers, now, rng), 100_000):
            record.add_visits(part)


def _visits(digests: list[bytes], areas: list[int], now: int, rng: random.Random) -> Iterator[Visit]:
    for digest in sorted(digests):
        for area in rng.sample(areas, VISITS_A_PLATE):
            begin = now - rng.randrange(86_400, 10 * 86_400)
            yield Visit(digest, area, begin, begin + 7200, 1, now)


def _probes(keeper: RiskKeeper, digests: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return vehicles that are listed whatever flips, and digests of none."""
    listed = [digest for digest, _ in zip(keeper.listed(), range(PROBES), strict=False)]
    return [digest for digest, _ in listed], [bytes(reversed(digest)) for digest in digests[:PROBES]]


def _flip(url: str, keeper: RiskKeeper, is_on: bool) -> tuple[float, int]:
    """Declare or lift the area; return the seconds until a reader sees it, and how many vehicles it touched."""
    hot_set = patient_hot_set(url)
    before = hot_set.state().version
    started = time.perf_counter()
    if is_on:
        _, change = keeper.declare([Declared(FLIPPED, "high", source="bench")])
    else:
        _, change = keeper.lift(FLIPPED)
    while patient_hot_set(url).members([KEY[:16]]).version == before:
        pass
    return time.perf_counter() - started, change.touched


def _add_notes(report: Report, phase: str, notes: ReaderNotes) -> None:
    report.add_row(
        "a reader meanwhile, 64 digests a lookup",
        phase=phase,
        lookups=notes.lookups,
        wrong=notes.wrong,
        errors=notes.errors,
        p99_ms=round(notes.p99_ms, 3),
        longest_ms=round(notes.longest_ms, 2),
    )


if __name__ == "__main__":
    main()
