"""What the report of a replay shows of each video and each passage."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ocr.looks import class_name, style_of
from pipeline.replay.records import PassageRecord, ReplayResult, UnitResult
from pipeline.replay.truth import Judged

MIN_MARK_PERCENT = 0.4
"""A passage is at least this wide on the timeline, so that it can be clicked."""
WEAK = 0.9
TICKS = 5


@dataclass(frozen=True, slots=True)
class CharacterView:
    character: str
    probability: float
    differs_from: str
    """The listed plate's character where it is another one, else empty."""

    @property
    def is_weak(self) -> bool:
        return self.probability < WEAK


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
    style: str
    """How the plate is drawn: a key of `ocr.looks.LOOKS`."""
    tone: str
    """hit, possible, unchecked, clear or unread: one colour and one word each."""
    verdict: str
    """Against the truth: exact, wrong, false, or empty without one."""
    true_text: str


@dataclass(frozen=True, slots=True)
class VideoView:
    result: UnitResult
    link: str
    """Empty where nobody knows where the footage lies."""
    passages: tuple[PassageView, ...]
    lanes: int
    speed: float
    """Footage time by working time."""
    ticks: tuple[str, ...]
    """Times along the timeline, evenly spaced from its begin to its end."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A passage on which report and truth do not agree."""

    video: str
    start_ms: float
    number: int
    """Of the passage on the page; 0 for one that was missed."""
    true_text: str
    text: str
    words: tuple[str, ...]


def view_videos(
    result: ReplayResult, judged: Sequence[Judged] | None, links: Mapping[str, str]
) -> tuple[VideoView, ...]:
    by_passage = {id(each.passage): each for each in judged or () if each.passage is not None}
    views = []
    number = 0
    for unit in result.units:
        passages = []
        lanes = _lanes(unit.passages)
        crops = unit.plate_jpegs or (None,) * len(unit.passages)
        for record, jpeg, lane in zip(unit.passages, crops, lanes, strict=True):
            number += 1
            passages.append(_passage(number, record, jpeg, lane, unit, by_passage.get(id(record))))
        video = unit.video
        speed = video.duration_ms / 1000 / max(unit.timings.total_s, 1e-6)
        ticks = tuple(clock(video.from_ms + video.duration_ms * i / (TICKS - 1)) for i in range(TICKS))
        link = links.get(video.video, "")
        views.append(VideoView(unit, link, tuple(passages), max(lanes, default=0) + 1, speed, ticks))
    return tuple(views)


def list_mistakes(videos: Sequence[VideoView], judged: Sequence[Judged]) -> tuple[Mistake, ...]:
    numbers = {id(passage.record): passage.number for video in videos for passage in video.passages}
    mistakes = [_mistake(each, numbers) for each in judged if each.is_mistake]
    return tuple(sorted(mistakes, key=lambda mistake: (mistake.video, mistake.start_ms)))


def clock(ms: float) -> str:
    """Return a time in footage as a player shows it, with tenths of a second."""
    minutes, seconds = divmod(round(ms / 100) / 10, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"


def _mistake(judged: Judged, numbers: Mapping[int, int]) -> Mistake:
    truth, passage = judged.truth, judged.passage
    words = (
        ("没有找到", passage is None),
        ("多报", truth is None),
        ("误读", truth is not None and passage is not None and truth.text not in ("", passage.text)),
        ("漏警", judged.is_missed_flag),
        ("误警", judged.is_false_flag),
    )
    return Mistake(
        video=truth.video if truth else passage.video if passage else "",
        start_ms=passage.start_ms if passage else 1000 * truth.start_s if truth else 0.0,
        number=numbers[id(passage)] if passage else 0,
        true_text=truth.text if truth else "",
        text=passage.text if passage else "",
        words=tuple(word for word, applies in words if applies),
    )


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
    number: int, record: PassageRecord, jpeg: bytes | None, lane: int, unit: UnitResult, judged: Judged | None
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
        characters=_characters(record),
        class_name=class_name(record.plate_class),
        style=style_of(record.text, record.plate_class),
        tone=record.level or record.outcome,
        verdict="" if judged is None else _verdict(judged),
        true_text=judged.truth.text if judged and judged.truth else "",
    )


def _characters(record: PassageRecord) -> tuple[CharacterView, ...]:
    listed = record.listed_text or record.text
    # A listed plate of another length has no characters in the same places: it is named as a whole.
    theirs = listed if len(listed) == len(record.text) else record.text
    return tuple(
        CharacterView(ours, probability, other if other != ours else "")
        for ours, probability, other in zip(record.text, record.char_probs, theirs, strict=True)
    )


def _verdict(judged: Judged) -> str:
    if judged.truth is None:
        return "false"
    return "exact" if judged.is_exact or not judged.truth.text else "wrong"
