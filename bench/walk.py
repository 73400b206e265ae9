"""How fast is the walk, and how soon is a flagged vehicle on the stream? `python -m bench.walk`

Frames per second with vehicles in view and on idle footage, next to decoding alone in the same run; and the time from
a passage's decision to a consumer of the event stream having it.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from alerts.stream import FlaggedStream, connect
from bench.report import Report, bench_options, percentile
from fixtures.make_risk_list import write_risk_list
from kakou.box.run import run_box
from kakou.settings import Settings, load_settings
from kakou.wiring.box import Box
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper, tended_list
from pipeline.settings import GateSettings, PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.walk.camera import screen_source
from riskdb.record.declaring import read_declarations
from riskdb.record.travel import read_travel_rows

CLIPS = Path(__file__).parents[1] / "fixtures" / "videos"
ALL_FRAMES = GateSettings(enabled=False, looks_per_s=120)
IDLE_S = 20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = bench_options(__doc__ or "")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    report = Report("The walk on one process: fixture clips, CPU")
    with tempfile.TemporaryDirectory() as folder:
        busy_clip = largest_clip()
        _measure_speed(report, Path(folder), busy_clip, "vehicles in view", is_busy=True)
        _measure_speed(report, Path(folder), idle_clip(busy_clip, Path(folder)), "idle", is_busy=False)
        _measure_latency(report, Path(folder))
    report.finish(options)


def largest_clip() -> Path:
    """Return the 1080p fixture clip."""
    return max(sorted(CLIPS.glob("*.mp4")), key=lambda clip: _size_of(clip)[0])


def idle_clip(clip: Path, folder: Path) -> Path:
    """Write footage of the clip's first frame with sensor noise, encoded like a camera's."""
    capture = cv2.VideoCapture(str(clip))
    _, picture = capture.read()
    still = np.asarray(picture, np.uint8)
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    path = folder / "idle.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (still.shape[1], still.shape[0]))
    rng = np.random.default_rng(5)
    noises = [np.asarray(rng.normal(0, 2.5, still.shape), np.int16) for _ in range(8)]
    for index in range(int(IDLE_S * fps)):
        writer.write(np.asarray(np.clip(still.astype(np.int16) + noises[index % 8], 0, 255), np.uint8))
    writer.release()
    return path


def _measure_speed(report: Report, folder: Path, clip: Path, name: str, is_busy: bool) -> None:
    width, frames = _size_of(clip)
    decode_fps = decode_only_fps(clip)
    gate = ALL_FRAMES if is_busy else GateSettings()
    counts, elapsed_s, cpu_s = _screen(folder, clip, gate)
    report.add_row(
        "speed",
        footage=name,
        width=width,
        frames=frames,
        decode_only_fps=decode_fps,
        walk_fps=counts.frames / elapsed_s,
        ratio=counts.frames / elapsed_s / decode_fps,
        looked_at=counts.looked_at,
        skipped=counts.skipped,
        cpu_ms_per_looked_at=1000 * cpu_s / max(1, counts.looked_at),
    )
    if is_busy:
        report.add_bar("1080p frames/s looked at, vehicles in view", counts.looked_at / elapsed_s, 10, "at least")
    else:
        report.add_bar(
            "idle footage: speed against decoding alone", counts.frames / elapsed_s / decode_fps, 0.5, "at least"
        )


def decode_only_fps(clip: Path) -> float:
    """Return frames per second of decoding to BGR and nothing else, the better of two runs."""
    best = 0.0
    for _ in range(2):
        capture = cv2.VideoCapture(str(clip))
        started = time.perf_counter()
        frames = 0
        while capture.read()[0]:
            frames += 1
        best = max(best, frames / (time.perf_counter() - started))
        capture.release()
    return best


def _screen(folder: Path, clip: Path, gate: GateSettings) -> tuple[ScreeningCounts, float, float]:
    """Return counts, wall seconds and this process's CPU seconds (the decoder's own process not counted)."""
    settings = Settings(state_dir=folder / "speed", pipeline=PipelineSettings(gate=gate))
    source = SourceSettings(camera_id="bench", checkpoint="bench", uri=str(clip), start=datetime.now(UTC))
    with open_redis(settings) as url, tended_list(settings, url, lambda _: None):
        box = Box.build(settings, url)
        counts = ScreeningCounts()
        with box.outbox() as outbox:
            parts = box.camera_parts(source, box.reader(), outbox, counts)
            parts.reader.read(np.zeros((1080, 1920, 3), np.uint8))  # warm-up
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in screen_source(source, settings.pipeline, parts):
                pass
            return counts, time.perf_counter() - wall, time.process_time() - cpu


def _measure_latency(report: Report, folder: Path) -> None:
    """Run a box on every clip and note when a consumer of the stream has each event."""
    config = folder / "kakou.toml"
    lines = [f'state_dir = "{folder / "latency"}"']
    for clip in sorted(CLIPS.glob("*.mp4")):
        lines += ["[[source]]", f'camera_id = "{clip.stem}"', 'checkpoint = "bench"', f'uri = "{clip}"']
        lines += ['group = "bench"', f'start = "{datetime.now(UTC).isoformat()}"']
    config.write_text("\n".join(lines), encoding="utf-8")
    settings = load_settings(config)
    with open_redis(settings) as url:
        _import_list(settings, url, folder)
        delays, stop, listener = _listen(url)
        run_box(settings, threading.Event(), as_json=True, show_clear_plates=False)
        stop.set()
        listener.join()
    report.add_row(
        "decision to consumer of the stream, ms",
        events=len(delays),
        p50=percentile(delays, 0.5),
        p95=percentile(delays, 0.95),
    )
    report.add_bar("decided to on the stream, p95, ms", percentile(delays, 0.95), 300, "at most")


def _import_list(settings: Settings, url: str, folder: Path) -> None:
    travel_records, areas = write_risk_list(folder, datetime.now(UTC))
    with open_keeper(settings, url) as keeper:
        keeper.declare(read_declarations(areas, settings.risk.utc_offset_hours))
        keeper.import_rows(read_travel_rows(travel_records))


def _listen(url: str) -> tuple[list[float], threading.Event, threading.Thread]:
    """Collect, in a thread, how many ms after its decision each event arrives."""
    delays: list[float] = []
    stop = threading.Event()

    def follow() -> None:
        with contextlib.closing(connect(url)) as client:
            stream = FlaggedStream(client)
            last = stream.last_id()
            while not stop.is_set():
                entries, last = stream.follow(last, 200)
                now = datetime.now(UTC)
                delays.extend((now - entry.event.made_at).total_seconds() * 1000 for entry in entries)

    listener = threading.Thread(target=follow, daemon=True)
    listener.start()
    return delays, stop, listener


def _size_of(clip: Path) -> tuple[int, int]:
    capture = cv2.VideoCapture(str(clip))
    size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return size


if __name__ == "__main__":
    main()
