"""The report of a replay: one HTML file that needs nothing else, neither a server nor a network."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocr.looks import LOOKS, RED_CHARACTERS, class_name
from pipeline.replay.records import ReplayResult
from pipeline.replay.truth import Judged, Truth, TruthScore, by_class, by_hour, judge, score
from pipeline.replay.views import Mistake, clock, list_mistakes, view_videos
from riskdb.types import BEIJING

TEMPLATE = "report.html"
STAGES = (("decode_wait_s", "等待解码"), ("read_s", "检测与识别"), ("track_s", "跟踪与比对"))


@dataclass(frozen=True, slots=True)
class TotalsView:
    passages: int
    clear: int
    flagged: int
    unchecked: int
    unread: int
    frames: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class StageView:
    name: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class SpeedView:
    stages: tuple[StageView, ...]
    frame_ms: dict[str, float]
    """Percentiles of the reading time of a frame; empty when none was looked at."""
    footage_s: float
    work_s: float
    """Working time of all processes together."""


@dataclass(frozen=True, slots=True)
class TruthView:
    groups: tuple[tuple[str, tuple[tuple[str, TruthScore], ...]], ...]
    """Heading, then the rows below it: a name and its figures."""
    mistakes: tuple[Mistake, ...]
    unjudged: int
    """Videos that the truth says nothing about."""


def render_report(result: ReplayResult, truth: Truth | None, links: Mapping[str, str] | None = None) -> str:
    """Return the whole page. `links` has a URL for each video; one that is missing is named without a link."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["clock"] = clock
    environment.filters["local"] = lambda moment: moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    passages = [passage for unit in result.units for passage in unit.passages]
    judged = None if truth is None else judge(truth, passages)
    videos = view_videos(result, judged, links or {})
    page: str = environment.get_template(TEMPLATE).render(
        run=result.run,
        is_complete=result.is_complete,
        videos=videos,
        class_name=class_name,
        looks=LOOKS,
        red_characters=RED_CHARACTERS,
        totals=_totals(result),
        speed=_speed(result),
        truth=None
        if truth is None or judged is None
        else _truth_view(result, truth, judged, list_mistakes(videos, judged)),
    )
    return page


def links_to(footage: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Return a relative URL for each video, as seen from the folder that the report is in."""
    return {video: quote(Path(os.path.relpath(path, folder)).as_posix()) for video, path in footage.items()}


def _totals(result: ReplayResult) -> TotalsView:
    videos = [unit.video for unit in result.units]
    names = (field.name for field in fields(TotalsView))
    return TotalsView(**{name: sum(getattr(video, name) for video in videos) for name in names})


def _speed(result: ReplayResult) -> SpeedView:
    seconds = {field: sum(getattr(unit.timings, field) for unit in result.units) for field, _ in STAGES}
    total = sum(seconds.values()) or 1.0
    return SpeedView(
        stages=tuple(StageView(name, seconds[field], seconds[field] / total) for field, name in STAGES),
        frame_ms=_percentiles([ms for unit in result.units for ms in unit.timings.frame_ms]),
        footage_s=sum(unit.video.duration_ms for unit in result.units) / 1000,
        work_s=sum(unit.timings.total_s for unit in result.units),
    )


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99)}


def _truth_view(
    result: ReplayResult, truth: Truth, judged: Sequence[Judged], mistakes: tuple[Mistake, ...]
) -> TruthView:
    starts = {unit.video.video: unit.video.start for unit in result.units}
    groups = (
        ("全部", (("全部", score(judged)),)),
        ("按种类", tuple((class_name(name) or "?", score(each)) for name, each in by_class(judged).items())),
        ("按钟点", tuple((f"{hour:02d} 时", score(each)) for hour, each in by_hour(judged, starts).items())),
    )
    return TruthView(groups, mistakes, len(starts.keys() - truth.videos))
