"""Are cameras as they are screened, and for how much? `python -m bench.cameras [PART...]`

A real RTSP server (GStreamer's) plays clips made of the fixtures; `kakou run` screens them. Both are processes of
their own, and only the box's processor time is counted. The parts' full forms need a quiet machine.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.camera_box import IS_THERE, MIB, CameraServer, PassageLine, running_box, texts_by_camera
from bench.camera_clips import (
    TRAFFIC,
    Look,
    Traffic,
    played_s,
    repeated,
    traffic,
    woven,
    write_clip,
)
from bench.camera_faults import bench_returns, bench_soak
from bench.camera_idle import bench_idle
from bench.report import Report, bench_options, percentile

messages = Console(stderr=True, highlight=False)
REST_S = 8.0
"""The road stays empty so long at a clip's end: whoever opened it first must not see it again meanwhile."""


def bench_four(report: Report, options: argparse.Namespace) -> None:
    """Screen four busy cameras: once as an encoder that reorders pictures sends them, once as most cameras do."""
    for b_frames in options.b_frames:
        name = f"4 x 1080p25 H.264 with a clock, {b_frames} B pictures"
        screened_traffic(report, options, name, Look(1920, 1080, 25, has_clock=True, b_frames=b_frames), cameras=4)
        for what, column, limit in (
            ("cores", "cores", 1.5),
            ("first look to decided p95, s", "decided_s_p95", 1.0),
            ("decided to stream p95, ms", "stream_ms_p95", 100),
            ("frame age p95, ms", "age_ms_p95", 200),
        ):
            report.add_bar(f"{name}: {what}", _figure(report, name, column), limit, "at most")


def bench_eight(report: Report, options: argparse.Namespace) -> None:
    screened_traffic(report, options, "8 x 720p15 H.264", Look(1280, 720, 15, kbit_per_s=2000), cameras=8)


def screened_traffic(report: Report, options: argparse.Namespace, name: str, look: Look, cameras: int) -> None:
    """Screen the fixtures' traffic; every vehicle must pass once in each repetition."""
    with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
        clips: dict[str, Path] = {}
        shown: dict[str, Traffic] = {}
        longest_s = _write_traffic(Path(folder), look, TRAFFIC[:cameras], options.repetitions, clips, shown)
        names = [f"{clip}.{number}" for number, clip in zip(range(cameras), itertools.cycle(clips))]
        server = CameraServer(clips)
        server.start()
        try:
            addresses = {each: server.url(each.split(".")[0]) for each in names}
            with running_box(Path(folder), addresses, group=options.group) as box:
                box.await_said(IS_THERE, cameras, 120)
                started, cpu, server_cpu = time.monotonic(), box.cpu_s(), server.cpu_s
                box.closing.wait(longest_s + REST_S / 2 - 2.0)
                seconds, cpu = time.monotonic() - started, box.cpu_s() - cpu
                server_cpu = server.cpu_s - server_cpu
                rss = box.sample()
        finally:
            server.kill()
    expected = {(each, text): options.repetitions for each in names for text in shown[each.split(".")[0]].texts}
    got = texts_by_camera(box.passages)
    lost = sum(max(0, count - got.get(place, 0)) for place, count in expected.items())
    doubled = sum(max(0, got.get(place, 0) - count) for place, count in expected.items())
    others = sum(count for place, count in got.items() if place not in expected)
    flagged = [each for each in box.passages if each["outcome"] == "flagged"]
    decided_s = [_seconds(each["started_at"], each["decided_at"]) for each in flagged]
    ages_ms = [each.frame_age_s * 1000 for each in box.statuses if each.fps > 0]
    report.add_row(
        name,
        passages=sum(expected.values()),
        lost=lost,
        doubled=doubled,
        misread=others,
        cores=cpu / seconds,
        server_cores=server_cpu / seconds,
        decided_s_p50=percentile(decided_s, 0.5) if decided_s else None,
        decided_s_p95=_p95(decided_s),
        stream_ms_p95=_p95(box.on_stream_ms),
        age_ms_p50=percentile(ages_ms, 0.5) if ages_ms else None,
        age_ms_p95=_p95(ages_ms),
        looks_per_s=sum(each.looks_per_s for each in box.statuses) / max(1, len(box.statuses)),
        rss_mib=rss.rss_kib / MIB,
    )
    _tell_slowest(report, f"{name}: first look to decided, s, by vehicle", flagged)
    for place, count in sorted({**dict.fromkeys(got, 0), **expected}.items()):
        if got.get(place, 0) != count:
            messages.print(f"{place[0]}: {place[1]} passed {count} times, {got.get(place, 0)} passages")
    report.add_bar(f"{name}: passages lost", lost, 0, "at most")
    report.add_bar(f"{name}: passages doubled", doubled + others, 0, "at most")


def _tell_slowest(report: Report, table: str, flagged: Sequence[PassageLine]) -> None:
    """Add a row for each listed vehicle: the time of each of its passages, the slowest vehicle first."""
    by_vehicle: dict[tuple[str, str], list[float]] = {}
    for each in flagged:
        own_s = _seconds(each["started_at"], each["decided_at"])
        by_vehicle.setdefault((each["camera_id"], each["listed_text"] or each["text"]), []).append(own_s)
    for (camera_id, text), times_s in sorted(by_vehicle.items(), key=lambda item: -max(item[1])):
        report.add_row(table, camera=camera_id, vehicle=text, passages=" ".join(f"{each:.2f}" for each in times_s))


def _write_traffic(
    folder: Path, look: Look, names: Sequence[str], repetitions: int, clips: dict[str, Path], shown: dict[str, Traffic]
) -> float:
    """Write each clip's traffic so many times; return for how long vehicles pass.

    All end together: a camera whose clip ended would be opened again, and show its vehicles once more.
    """
    played = {clip: played_s(clip, look.fps) * repetitions for clip in names}
    for clip, own_s in played.items():
        shown[clip] = traffic(clip, look.width, look.height)
        pictures = repeated(shown[clip], look.fps, repetitions, REST_S + max(played.values()) - own_s)
        clips[clip] = write_clip(folder / f"{clip}.mp4", pictures, look)
        shown[clip].pictures[1:] = shown[clip].pictures[1:2] * (len(shown[clip].pictures) - 1)
    return max(played.values())


def bench_memory(report: Report, _options: argparse.Namespace) -> None:
    """Measure what each camera beyond the first takes, traffic before all of them."""
    look = Look(1920, 1080, 25, has_clock=True)
    mib: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
        one = traffic("day_gantry", look.width, look.height)
        clip = write_clip(Path(folder) / "clip.mp4", repeated(one, look.fps, 1, REST_S), look)
        server = CameraServer({"cam": clip})
        server.start()
        try:
            for cameras in (1, 4):
                (Path(folder) / str(cameras)).mkdir()
                addresses = {f"cam-{number}": server.url("cam") for number in range(cameras)}
                with running_box(Path(folder) / str(cameras), addresses) as box:
                    box.await_said(IS_THERE, cameras, 120)
                    box.closing.wait(2.0 + len(one.pictures) / look.fps)
                    parts = box.proportional_mib()
                mib[cameras] = sum(parts.values())
                report.add_row("memory, PSS in MiB", cameras=cameras, all=mib[cameras], **parts)
        finally:
            server.kill()
    report.add_bar("memory of each camera beyond the first, MiB", (mib[4] - mib[1]) / 3, 70, "at most")


def bench_interlaced(report: Report, _options: argparse.Namespace) -> None:
    """Screen the same moments woven two to a picture, and one by one."""
    found: dict[bool, dict[str, int]] = {}
    one = traffic("day_gantry", 1280, 720)
    for is_interlaced in (False, True):
        with tempfile.TemporaryDirectory(prefix="kakou-cam-") as folder:
            moments = repeated(one, 25, 1, REST_S)
            # Every second moment alone, or both in one picture: the same scene at the same pace.
            pictures = woven(moments) if is_interlaced else itertools.islice(moments, 0, None, 2)
            look = Look(1280, 720, 12, kbit_per_s=6000, is_interlaced=is_interlaced)
            clip = write_clip(Path(folder) / "clip.mp4", pictures, look)
            server = CameraServer({"clip": clip})
            server.start()
            try:
                with running_box(Path(folder), {"clip": server.url("clip")}) as box:
                    box.await_said(IS_THERE, 1, 60)
                    box.closing.wait(2.0 + len(one.pictures) / 24 + REST_S / 2)
            finally:
                server.kill()
        found[is_interlaced] = {text: count for (_, text), count in texts_by_camera(box.passages).items()}
        report.add_row("interlaced", what="woven" if is_interlaced else "progressive", passages=len(box.passages))
    differing = {text for text in {**found[True], **found[False]} if found[True].get(text) != found[False].get(text)}
    report.add_bar("interlaced: passages that differ from the progressive scene's", len(differing), 0, "at most")
    report.add_bar("interlaced: passages", sum(found[True].values()), len(one.texts), "at least")


BENCHES: dict[str, Callable[[Report, argparse.Namespace], None]] = {
    "four": bench_four,
    "eight": bench_eight,
    "idle": bench_idle,
    "memory": bench_memory,
    "interlaced": bench_interlaced,
    "returns": bench_returns,
    "soak": bench_soak,
}


def main() -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(BENCHES)}; all when left out")
    parser.add_argument("--repetitions", type=int, default=3, help="of the fixtures' traffic")
    parser.add_argument(
        "--b-frames",
        type=int,
        nargs="+",
        default=[2, 0],
        help="pictures that `four`'s cameras reorder (default 2, then 0)",
    )
    parser.add_argument("--group", default="", help="all cameras in one process of this name")
    parser.add_argument("--idle-s", type=float, default=30.0, help="how long an idle camera is measured")
    parser.add_argument(
        "--idle-gate",
        nargs="+",
        default=[""],
        help="lines of [pipeline.gate], each measured: '' skip_still_groups=false",
    )
    parser.add_argument("--idle-kinds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="of idle cameras")
    parser.add_argument("--reconnects", type=int, default=1000)
    parser.add_argument("--soak-minutes", type=float, default=120.0)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(BENCHES):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    report = Report("Cameras: RTSP from a real server, the box's processor time apart from the server's")
    for part in options.parts or BENCHES:
        messages.print(f"[bold]{part}[/bold]")
        BENCHES[part](report, options)
    report.finish(options)


def _figure(report: Report, table: str, column: str) -> float:
    value = report.tables[table][-1][column]
    return float(value) if isinstance(value, int | float) else float("inf")


def _p95(values: list[float]) -> float | None:
    return percentile(values, 0.95) if values else None


def _seconds(since: str, until: str) -> float:
    return float((np.datetime64(until[:26]) - np.datetime64(since[:26])) / np.timedelta64(1, "s"))


if __name__ == "__main__":
    main()
