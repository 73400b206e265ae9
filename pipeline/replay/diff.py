"""What changed between two replays of the same footage."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import SourceError
from pipeline.replay.records import PassageRecord, RunRecord, VideoRecord
from riskdb.system_words import system_words

MAX_SHIFT_MS = 1500.0
"""Passages of two runs whose first looks differ by more are not the same vehicle."""


@dataclass(frozen=True, slots=True)
class LoadedRun:
    run: RunRecord
    videos: dict[str, VideoRecord]
    passages: tuple[PassageRecord, ...]


def load_run(path: Path) -> LoadedRun:
    """Read the JSON lines of a replay. Raises SourceError, naming the line."""
    run: RunRecord | None = None
    videos: dict[str, VideoRecord] = {}
    passages: list[PassageRecord] = []
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                kind = json.loads(line).get("kind")
                if kind == "run":
                    run = RunRecord.model_validate_json(line)
                elif kind == "video":
                    video = VideoRecord.model_validate_json(line)
                    videos[f"{video.video} @ {video.from_ms / 1000:.0f} s" if video.from_ms else video.video] = video
                else:
                    passages.append(PassageRecord.model_validate_json(line))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}：读不了（{system_words(error)}）") from error
    except (ValueError, AttributeError, ValidationError) as error:
        raise SourceError(f"{path}:{number}：不是 kakou replay --json 写的一行") from error
    if run is None:
        raise SourceError(f"{path}：缺少本次运行的说明行：应为 kakou replay --json 的完整输出")
    return LoadedRun(run, videos, tuple(passages))


def diff_lines(before: LoadedRun, after: LoadedRun) -> Iterator[str]:
    """Yield a line for every difference; none when the two are the same."""
    yield from _run_differences(before.run, after.run)
    for video in sorted(before.videos.keys() | after.videos.keys()):
        if video not in after.videos:
            yield f"- {video}: only in the first"
        elif video not in before.videos:
            yield f"+ {video}: only in the second"
        elif before.videos[video].sha256 != after.videos[video].sha256:
            yield f"! {video}: other footage (SHA-256 differs)"
        elif before.videos[video].damage != after.videos[video].damage:
            yield f"! {video}: damage {before.videos[video].damage} -> {after.videos[video].damage}"
    yield from _passage_differences(before.passages, after.passages)


def _run_differences(before: RunRecord, after: RunRecord) -> Iterator[str]:
    for name in sorted(before.models.keys() | after.models.keys()):
        one, other = before.models.get(name, "-"), after.models.get(name, "-")
        if one != other:
            yield f"! model {name}: {one[:12]} -> {other[:12]}"
    if before.settings != after.settings:
        yield f"! settings: {before.settings[:12]} -> {after.settings[:12]}"
    one_list, other_list = before.risk_list, after.risk_list
    if one_list.digest != other_list.digest:
        yield (
            f"! risk list: {one_list.described} ({one_list.entry_count} entries)"
            f" -> {other_list.described} ({other_list.entry_count} entries)"
        )


def _passage_differences(before: tuple[PassageRecord, ...], after: tuple[PassageRecord, ...]) -> Iterator[str]:
    left, partners = list(after), dict[int, PassageRecord]()
    # Those of one text first: a passage that is missing takes no partner from the ones around it.
    for has_same_text in (True, False):
        for place, passage in enumerate(before):
            if place in partners:
                continue
            others = [o for o in left if _may_be_same(passage, o) and (o.text == passage.text or not has_same_text)]
            if others:
                partners[place] = min(others, key=lambda other: abs(other.start_ms - passage.start_ms))
                left.remove(partners[place])
    for place, passage in enumerate(before):
        if place not in partners:
            yield f"- {_described(passage)}"
        elif change := _change(passage, partners[place]):
            yield f"! {passage.video} {passage.start_ms / 1000:.1f} s: {change}"
    for passage in left:
        yield f"+ {_described(passage)}"


def _may_be_same(one: PassageRecord, other: PassageRecord) -> bool:
    same_time = abs(one.start_ms - other.start_ms) <= MAX_SHIFT_MS or abs(one.best_ms - other.best_ms) <= MAX_SHIFT_MS
    return one.video == other.video and same_time


def _change(one: PassageRecord, other: PassageRecord) -> str:
    parts = [
        f"{name} {old} -> {new}"
        for name, old, new in (
            ("text", one.text, other.text),
            ("class", one.plate_class, other.plate_class),
            ("outcome", one.outcome, other.outcome),
            ("level", one.level, other.level),
            ("listed", one.listed_text, other.listed_text),
        )
        if old != new
    ]
    return ", ".join(parts)


def _described(passage: PassageRecord) -> str:
    return f"{passage.video} {passage.start_ms / 1000:.1f} s: {passage.outcome} {passage.text}"
