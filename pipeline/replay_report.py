"""The report of a replay: one HTML file that needs nothing else, neither a server nor a network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ocr.grammar import CLASS_NAMES
from pipeline.replay import ReplayResult
from pipeline.replay_records import PassageRecord, UnitResult
from pipeline.replay_truth import Judged, TruePassage, TruthScore, by_class, judge, score

TEMPLATE = "replay_report.html"
MIN_MARK_PERCENT = 0.4
"""A passage is at least this wide on the timeline, so that it can be clicked."""
PLATE_COLORS = {
    "01": "yellow",
    "02": "blue",
    "03": "black",
    "04": "black",
    "06": "black",
    "15": "yellow",
    "16": "yellow",
    "23": "white",
    "26": "black",
    "27": "black",
    "31": "white",
    "32": "white",
    "51": "green",
    "52": "green",
    "99": "white",
}
STAGES = (("decode_wait_s", "等待解码"), ("read_s", "检测与识读"), ("track_s", "跟踪与比对"))


@dataclass(frozen=True, slots=True)
class CharacterView:
    character: str
    probability: float

    @property
    def is_weak(self) -> bool:
        return self.probability < 0.9


@dataclass(frozen=True, slots=True)
class PassageView:
    """One passage as the page shows it."""

    number: int
    record: PassageRecord
    crop: str
    """JPEG in base64, or empty."""
    left_percent: float
    width_percent: float
    lane: int
    """Row on the timeline: passages at the same time lie below each other."""
    characters: tuple[CharacterView, ...]
    class_name: str
    color: str
    tone: str
    """hit, possible, unchecked, clear or unread: one colour and one word each."""
    verdict: str
    """Against the truth: exact, wrong, false, or empty without one."""


@dataclass(frozen=True, slots=True)
class VideoView:
    result: UnitResult
    link: str
    passages: tuple[PassageView, ...]
    lanes: int
    speed: float
    """Footage time by working time."""


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


def render_report(result: ReplayResult, truth: Sequence[TruePassage] | None) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    passages = [passage for unit in result.units for passage in unit.passages]
    judged = None if truth is None else judge(truth, passages)
    page: str = environment.get_template(TEMPLATE).render(
        run=result.run,
        is_complete=result.is_complete,
        videos=_videos(result, judged),
        totals=_totals(result),
        stages=_stages(result),
        frame_ms=_percentiles([ms for unit in result.units for ms in unit.timings.frame_ms]),
        truth=None if judged is None else _truth_rows(judged),
        missed=[] if judged is None else [each.truth for each in judged if each.truth and not each.passage],
    )
    return page


def _videos(result: ReplayResult, judged: Sequence[Judged] | None) -> list[VideoView]:
    verdicts = {id(each.passage): _verdict(each) for each in judged or () if each.passage is not None}
    views = []
    number = 0
    for unit in result.units:
        passages = []
        lanes = _lanes(unit.passages)
        crops = unit.plate_jpegs or (None,) * len(unit.passages)
        for record, jpeg, lane in zip(unit.passages, crops, lanes, strict=True):
            number += 1
            verdict = verdicts.get(id(record), "")
            passages.append(_passage(number, record, jpeg, lane, unit, verdict))
        speed = unit.video.duration_ms / 1000 / max(unit.timings.total_s, 1e-6)
        views.append(VideoView(unit, quote(unit.video.video), tuple(passages), max(lanes, default=0) + 1, speed))
    return views


def _lanes(passages: Sequence[PassageRecord]) -> list[int]:
    """Return a row for each passage, in order of their start, so that none lies over another."""
    free_from_ms: list[float] = []
    lanes = []
    for passage in passages:
        lane = next((i for i, free in enumerate(free_from_ms) if free < passage.start_ms), len(free_from_ms))
        free_from_ms[lane : lane + 1] = [passage.end_ms]
        lanes.append(lane)
    return lanes


def _passage(
    number: int, record: PassageRecord, jpeg: bytes | None, lane: int, unit: UnitResult, verdict: str
) -> PassageView:
    length_ms = max(unit.video.duration_ms, 1.0)
    start_ms, shown_ms = record.start_ms - unit.video.from_ms, record.end_ms - record.start_ms
    return PassageView(
        number=number,
        record=record,
        crop=base64.b64encode(jpeg).decode() if jpeg else "",
        left_percent=min(100.0 * start_ms / length_ms, 100.0 - MIN_MARK_PERCENT),
        width_percent=max(100.0 * shown_ms / length_ms, MIN_MARK_PERCENT),
        lane=lane,
        characters=tuple(map(CharacterView, record.text, record.char_probs)),
        class_name=CLASS_NAMES.get(record.plate_class, "?"),
        color=PLATE_COLORS.get(record.plate_class, "white"),
        tone=record.level or record.outcome,
        verdict=verdict,
    )


def _verdict(judged: Judged) -> str:
    if judged.truth is None:
        return "false"
    return "exact" if judged.is_exact else "wrong"


def _totals(result: ReplayResult) -> TotalsView:
    videos = [unit.video for unit in result.units]
    names = (field.name for field in fields(TotalsView))
    return TotalsView(**{name: sum(getattr(video, name) for video in videos) for name in names})


def _stages(result: ReplayResult) -> list[StageView]:
    seconds = {field: sum(getattr(unit.timings, field) for unit in result.units) for field, _ in STAGES}
    total = sum(seconds.values()) or 1.0
    return [StageView(name, seconds[field], seconds[field] / total) for field, name in STAGES]


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99)}


def _truth_rows(judged: Sequence[Judged]) -> list[tuple[str, TruthScore]]:
    rows = [("全部", score(judged))]
    rows += [(CLASS_NAMES.get(name, name or "?"), score(group)) for name, group in by_class(judged).items()]
    return rows + [(f"{hour:02d} 时", score(group)) for hour, group in _by_hour(judged).items()]


def _by_hour(judged: Sequence[Judged]) -> dict[int, list[Judged]]:
    """Group by the local hour of capture; misses have no passage and so no hour."""
    groups: dict[int, list[Judged]] = {}
    for each in judged:
        if each.passage is not None:
            groups.setdefault((each.passage.started_at.hour + 8) % 24, []).append(each)
    return dict(sorted(groups.items()))
