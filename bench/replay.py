"""How fast are recordings replayed, is the answer always the same, and does memory stay flat? `python -m bench.replay`

`--loops N` replays N busy minutes, half of them in each of two files, for the memory figures; 60 is an hour of footage.
"""

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from bench.replay_clips import CLIP_S, busy_clip, idle_clip, long_clip
from bench.replay_run import cores, on_one_core, run_replay
from bench.report import Report, bench_options
from bench.walk import CLIPS, decode_only_fps
from pipeline.replay.records import ReplayResult, jsonl_lines
from pipeline.replay.truth import TruePassage, Truth, TruthScore, judge, score

REAL_CLIPS = Path("../shared/data/videos")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--loops", type=int, default=16, help="busy minutes replayed for the memory figures")
    options = parser.parse_args(arguments)
    report = Report("Replay of recorded footage, CPU")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _measure_idle(report, folder)
        busy = [busy_clip(folder / "busy1.mp4")]
        busy.append(Path(shutil.copy(busy[0], folder / "busy2.mp4")))
        _measure_busy(report, folder, busy)
        _measure_memory(report, folder, options.loops)
        _measure_passages(report, folder)
    report.finish(options)


def _measure_idle(report: Report, folder: Path) -> None:
    clip = idle_clip(folder / "idle.mp4")
    cpu_before = time.process_time()
    decode_fps = decode_only_fps(clip)
    decode_cpu_s = (time.process_time() - cpu_before) / 2
    timed = run_replay(folder, [clip], 1)
    unit = timed.result.units[0]
    replay_fps = unit.video.frames / unit.timings.total_s
    report.add_row(
        "idle 1080p, one worker",
        frames=unit.video.frames,
        looked_at=unit.video.looked_at,
        decode_only_fps=decode_fps,
        replay_fps=replay_fps,
        ratio=replay_fps / decode_fps,
        decode_only_cpu_s=decode_cpu_s,
        replay_cpu_s=timed.cpu_s,
    )
    report.add_bar("idle: speed against decoding alone", replay_fps / decode_fps, 0.8, "at least")


def _measure_busy(report: Report, folder: Path, clips: Sequence[Path]) -> None:
    """Two workers are measured against one worker on one core: a free one already decodes on another core."""
    decode_fps = decode_only_fps(clips[0])
    with on_one_core():
        alone = run_replay(folder, clips, 1)
    one, two = run_replay(folder, clips, 1), run_replay(folder, clips, 2)
    footage_s = CLIP_S * len(clips)
    for workers, timed in (("1, on one core", alone), ("1", one), ("2", two)):
        units = timed.result.units
        timings = [unit.timings for unit in units]
        total_s = sum(each.total_s for each in timings)
        looked_at = sum(unit.video.looked_at for unit in units)
        report.add_row(
            "busy 1080p, 25 fps, two files",
            workers=workers,
            wall_s=timed.wall_s,
            cpu_s=timed.cpu_s,
            cores_used=timed.cpu_s / timed.wall_s,
            real_time=footage_s / timed.wall_s,
            real_time_2_free_cores=2 * footage_s / timed.cpu_s,
            decode_only_fps=decode_fps,
            looked_at=looked_at,
            decode_wait=_share(sum(each.decode_wait_s for each in timings), total_s),
            read=_share(sum(each.read_s for each in timings), total_s),
            track_and_match=_share(sum(each.track_s for each in timings), total_s),
        )
    report.add_row(
        "two workers against one",
        against_one_core=alone.wall_s / two.wall_s,
        against_free_worker=one.wall_s / two.wall_s,
        # Two workers cannot use more than all cores, and the free worker used so many of them already.
        ceiling_against_free_worker=cores() * one.wall_s / one.cpu_s,
    )
    is_same = _lines(alone.result) == _lines(one.result) == _lines(two.result)
    report.add_bar("busy: times real time, two workers", footage_s / two.wall_s, 5, "at least")
    report.add_bar("two workers against one worker on one core", alone.wall_s / two.wall_s, 1.7, "at least")
    report.add_bar("one and two workers write the same bytes (1 = yes)", float(is_same), 1, "at least")


def _lines(result: ReplayResult) -> list[str]:
    return list(jsonl_lines(result.run, result.units))


def _measure_memory(report: Report, folder: Path, loops: int) -> None:
    """Sample the memory of all our processes; the slope is that of the second half, when all is warm.

    Two long files and not many short ones: processes that come and go hide a slope of this size.
    """
    clip = long_clip(folder / "long.ts", busy_clip(folder / "minute.ts"), loops // 2)
    samples: list[tuple[float, float]] = []
    stop = threading.Event()
    started = time.monotonic()

    def sample() -> None:
        while not stop.wait(1.0):
            samples.append((time.monotonic() - started, _tree_mb()))

    sampler = threading.Thread(target=sample)
    sampler.start()
    wall_s = run_replay(folder, [clip, clip], 2).wall_s
    stop.set()
    sampler.join()
    own_mb = psutil.Process().memory_info().rss / 2**20
    warm = [(at, mb) for at, mb in samples if 0.5 * wall_s < at < 0.95 * wall_s]
    footage_h = 2 * (loops // 2) * CLIP_S / 3600
    slope = _slope([at for at, _ in warm], [mb for _, mb in warm]) * wall_s / footage_h
    peak_mb = max((mb for _, mb in samples), default=0.0)
    report.add_row(
        "memory, two workers",
        footage_min=loops,
        peak_mb=peak_mb,
        this_process_mb=own_mb,
        slope_mb_per_hour_of_footage=slope,
    )
    report.add_bar("memory of two workers and their decoders, MB", peak_mb, 1200, "at most")
    report.add_bar("memory slope, MB an hour of footage", slope, 10, "at most")


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the least-squares slope, 0.0 for fewer than three points."""
    return float(np.polyfit(np.array(times), np.array(values), 1)[0]) if len(times) > 2 else 0.0


def _tree_mb() -> float:
    """Return the memory of all processes below this one; pages that several share count once."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def _measure_passages(report: Report, folder: Path) -> None:
    clips = sorted(CLIPS.glob("*.mp4"))
    result = run_replay(folder, clips, 2).result
    for unit, clip in zip(result.units, clips, strict=True):
        name = unit.video.video
        known = tuple(
            TruePassage(name, each["start_s"], each["end_s"], each["text"], each["plate_class"])
            for each in json.loads(clip.with_suffix(".json").read_text(encoding="utf-8"))["passages"]
        )
        figures = score(judge(Truth(known, frozenset({name})), unit.passages))
        report.add_row(
            "fixture clips against their passages",
            clip=clip.stem,
            passages=figures.true_passages,
            found=figures.found,
            exact=figures.exact,
            characters=f"{figures.right_characters}/{figures.characters}",
            false=figures.false_passages,
            unread=unit.video.unread,
        )
        report.add_bar(f"{clip.stem}: passages not found or false", _wrong(figures), 0, "at most")
    if REAL_CLIPS.is_dir():
        _add_real_clips(report, folder)


def _wrong(figures: TruthScore) -> int:
    return figures.true_passages - figures.found + figures.false_passages


def _add_real_clips(report: Report, folder: Path) -> None:
    """None of them has a Chinese plate: whatever becomes a passage there is a false one."""
    result = run_replay(folder, sorted(REAL_CLIPS.glob("*.mp4")), 2).result
    for unit in result.units:
        report.add_row(
            "real clips, no Chinese plate in them",
            clip=unit.video.video,
            frames=unit.video.frames,
            looked_at=unit.video.looked_at,
            passages=unit.video.passages,
            unread=unit.video.unread,
            real_time=unit.video.duration_ms / 1000 / unit.timings.total_s,
        )


def _share(part_s: float, total_s: float) -> str:
    return f"{part_s / max(total_s, 1e-9):.0%}"


if __name__ == "__main__":
    main()
