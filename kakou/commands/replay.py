"""`kakou replay`: recorded footage through the walk, for analysts."""

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kakou.commands.replay_output import ReplayOutputs, print_summary, require_writable
from kakou.exit_codes import ExitCode
from kakou.output import put_line
from kakou.process import stop_on_signals
from kakou.settings import Settings, load_settings
from kakou.spoken import SpokenGroup
from kakou.terminal import marked, stderr
from kakou.wiring.matching import key_path
from kakou.wiring.replay import ReplayPlan, default_record
from ocr.images import shown_name
from ocr.providers import PROVIDERS, require_providers
from pipeline.replay.diff import diff_lines, load_run
from pipeline.replay.engine import LocalEngine, ReplayEngine
from pipeline.replay.ray_engine import RayEngine
from pipeline.replay.records import ReplayResult, UnitResult
from pipeline.replay.run import PartStore, replay
from pipeline.replay.segments import link_segments
from pipeline.replay.stopwatch import OnProgress
from pipeline.replay.truth import load_truth
from pipeline.replay.units import ReplayUnit, find_units, pictures_beside, split_long
from pipeline.video.capture import video_length_ms
from pipeline.video.capture_time import ContainerTime
from pipeline.video.nursery import Nursery
from riskdb.types import BEIJING, RiskDBError

if TYPE_CHECKING:
    from typer._click.core import Context

CPU_ONLY = (PROVIDERS["cpu"],)


class _FootageOrDiff(SpokenGroup):
    """`kakou replay PATH...` needs no second word; `kakou replay diff A B` has one."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args[:1] == ["diff"] else ["footage", *args])


app = typer.Typer(
    cls=_FootageOrDiff,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Screen recorded footage (`kakou replay PATH...`), or compare two replays (`kakou replay diff A B`).",
)


@app.command("footage")
def footage(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Videos, image folders, or folders of them.")],
    start: Annotated[str | None, typer.Option(metavar="T", help="Capture time of the first frame (ISO 8601).")] = None,
    container_time: Annotated[
        str, typer.Option(help="What a time in a file's header is: utc, or local (Chinese recorders).")
    ] = "utc",
    list_at: Annotated[
        str, typer.Option(metavar="TIME|now|FILE", help="The list as it stood then, or a copy of the record.")
    ] = "now",
    truth: Annotated[Path | None, typer.Option(help="CSV of what passed: video, start_s, end_s, text.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write every passage here, one object a line.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write one HTML file with crops and timelines.")] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write a table; plates that are not flagged become marks.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 2,
    engine: Annotated[str, typer.Option(help="local, or ray (pip install -e '.[ray]').")] = "local",
    emit: Annotated[bool, typer.Option("--emit", help="Send events to the platform, marked as replayed.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted replay stopped.")] = False,
    provider: Annotated[str, typer.Option(help=f"Where the models run: {', '.join(PROVIDERS)}.")] = "cpu",
    checkpoint: Annotated[str, typer.Option(help="Name of the checkpoint in events.")] = "回放",
    config: Annotated[Path | None, typer.Option(help="Settings file; ./kakou.toml by default.")] = None,
) -> None:
    """Screen recorded footage: the same walk and match as `kakou run`, the same answer every time.

    Without --json, --report or --parquet a table of the passages goes to stdout. Footage that cannot be read, wholly
    or in part, is named, the rest is done, and the exit code is 3.

    Examples:

    - `kakou replay night.mp4 --report night.html`
    - `kakou replay archive/ --json out.jsonl --workers 4 --resume`
    - `kakou replay cam1/ --list-at 2026-11-20T08:00 --json then.jsonl`
    - `kakou replay diff before.jsonl after.jsonl`
    """
    messages = stderr()
    settings = load_settings(config)
    require_writable({"--json": as_json, "--report": report, "--parquet": parquet})
    labels = None if truth is None else load_truth(truth)
    plan = _plan(settings, list_at, checkpoint, emit, provider)
    units, problems = _units(paths, start, container_time, settings.pipeline.stall_timeout_s)
    _tell_left_out(units, paths, problems, messages)
    result = _run(plan, units, _engine(engine, plan, workers), resume, messages)
    footage = {unit.video: unit.path for unit in units}
    outputs = ReplayOutputs(as_json, report, parquet, labels, key_path(settings), footage)
    outputs.write(result)
    print_summary(result, labels, messages, shows_passages=not outputs.has_files)
    _finish(result, problems, messages)


@app.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(metavar="A.jsonl", help="What the first replay wrote.")],
    after: Annotated[Path, typer.Argument(metavar="B.jsonl", help="What the second one wrote.")],
) -> None:
    """Say what changed between two replays, in what they depended on and by passage. Exit code 1 if anything did."""
    lines = list(diff_lines(load_run(before), load_run(after)))
    for line in lines:
        put_line(line)
    if lines:
        raise typer.Exit(ExitCode.FINDINGS)


def _units(
    paths: list[Path], start: str | None, container_time: str, stall_timeout_s: float
) -> tuple[list[ReplayUnit], list[str]]:
    """Return what is to be replayed, and what of it cannot be."""
    if container_time not in get_args(ContainerTime):
        raise typer.BadParameter("应为 utc 或 local", param_hint="--container-time")
    given = None if start is None else _moment(start, "--start")
    units, problems = find_units(paths, given, cast(ContainerTime, container_time))

    with Nursery() if len(units) > 1 else contextlib.nullcontext() as nursery:

        def length_ms_of(path: Path) -> float:
            return video_length_ms(path, stall_timeout_s, nursery)

        return split_long(link_segments(units, length_ms_of), length_ms_of), problems


def _tell_left_out(units: list[ReplayUnit], paths: list[Path], problems: list[str], messages: Console) -> None:
    for problem in problems:
        messages.print(marked("red", "错误", problem), soft_wrap=True)
    for folder, count in pictures_beside(units, paths).items():
        told = f"{shown_name(folder)}：录像旁边的 {count} 张图片没有看；要看的另放一个文件夹"
        messages.print(marked("yellow", "注意", told), soft_wrap=True)


def _plan(settings: Settings, list_at: str, checkpoint: str, emit: bool, provider: str) -> ReplayPlan:
    moment, record = datetime.now(UTC), default_record(settings)
    if list_at != "now":
        if Path(list_at).is_file():
            record = Path(list_at)
        elif record is None:
            raise RiskDBError(f"--list-at {list_at}：这台机器没有以往的行程库，请在中心运行")
        else:
            moment = _moment(list_at, "--list-at")
    if provider not in PROVIDERS:
        raise typer.BadParameter(f"应为 {'、'.join(PROVIDERS)} 之一", param_hint="--provider")
    require_providers((PROVIDERS[provider],))
    return ReplayPlan(
        settings=settings,
        list_at=moment,
        record=record,
        described=list_at if record is None or not Path(list_at).is_file() else Path(list_at).name,
        redis_url=settings.risk.list_url or settings.redis_url,
        checkpoint=checkpoint,
        emits=emit,
        providers=(PROVIDERS[provider],),
    )


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} 不是时间，应如 2026-11-20T08:00", param_hint=option) from None


def _engine(name: str, plan: ReplayPlan, workers: int) -> ReplayEngine:
    if name == "local":
        return LocalEngine(plan.build_parts, workers)
    if name == "ray":
        return RayEngine(plan.build_parts, workers, gpus_per_worker=1.0 if plan.providers != CPU_ONLY else 0.0)
    raise typer.BadParameter("应为 local 或 ray", param_hint="--engine")


def _run(
    plan: ReplayPlan, units: list[ReplayUnit], engine: ReplayEngine, resume: bool, messages: Console
) -> ReplayResult:
    run = plan.run_record(len(units))
    if run.risk_list.entry_count == 0:
        messages.print(marked("yellow", "注意", "风险名单为空，不会有预警 (the risk list is empty)"))
    parts = PartStore(plan.settings.state_dir / "replay")
    parts.clear_old()
    if not resume:
        parts.clear()
    with _progress_bar(units, messages) as (on_progress, on_done):
        result = replay(units, run, engine, parts, on_progress, on_done, stop_on_signals())
    if result.is_complete:
        parts.clear()
    return result


@contextlib.contextmanager
def _progress_bar(
    units: list[ReplayUnit], messages: Console
) -> Iterator[tuple[OnProgress, Callable[[UnitResult], None]]]:
    """Yield what to call on progress; the bar counts bytes of footage, the speed is footage time by wall time."""
    columns = (
        TextColumn("回放"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("剩余"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[speed]:.1f}x 实时"),
    )
    pieces = Counter(unit.path for unit in units)
    sizes = {unit.label: _size(unit) / pieces[unit.path] for unit in units}
    labels = {(unit.video, round(unit.from_ms, 1)): unit.label for unit in units}
    shares: dict[str, float] = {}
    reached_ms: dict[str, float] = {}
    started = time.monotonic()
    with Progress(*columns, console=messages, disable=not messages.is_terminal, transient=True) as bar:
        task = bar.add_task("replay", total=sum(sizes.values()) or None, speed=0.0)

        def show() -> None:
            done = sum(sizes[label] * share for label, share in shares.items())
            bar.update(
                task, completed=done, speed=sum(reached_ms.values()) / 1000 / (time.monotonic() - started + 1e-3)
            )

        def on_progress(label: str, done_ms: float, length_ms: float) -> None:
            reached_ms[label] = done_ms
            shares[label] = done_ms / length_ms if length_ms else 0.0
            show()

        def on_done(result: UnitResult) -> None:
            label = labels[(result.video.video, round(result.video.from_ms, 1))]
            reached_ms[label], shares[label] = result.video.duration_ms, 1.0
            show()

        yield on_progress, on_done


def _size(unit: ReplayUnit) -> int:
    try:
        return unit.path.stat().st_size
    except OSError:
        return 0


def _finish(result: ReplayResult, problems: list[str], messages: Console) -> None:
    if not result.is_complete:
        messages.print(marked("yellow", "已中断", "已完成的部分保留 24 小时，用 --resume 继续"))
        raise typer.Exit(128 + signal.SIGINT)
    if problems or any(unit.video.damage for unit in result.units):
        raise typer.Exit(ExitCode.UNREADABLE)
