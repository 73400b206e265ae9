"""How well a replay agrees with what is known to have passed."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.replay.records import PassageRecord
from riskdb.system_words import system_words
from riskdb.types import BEIJING

TOLERANCE_S = 1.0
"""A passage fits a truth row when their times overlap, give or take this much."""
COLUMNS = ("video", "start_s", "end_s", "text")


@dataclass(frozen=True, slots=True)
class TruePassage:
    """A vehicle that is known to have passed. An empty text: it passed, its plate is not known."""

    video: str
    start_s: float
    end_s: float
    text: str
    plate_class: str = ""
    is_listed: bool | None = None
    """None when the truth does not say."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of some videos; of the others nothing is known, and they are not judged."""

    passages: tuple[TruePassage, ...]
    videos: frozenset[str]
    """Videos whose passages are all known, those in which nothing passed too."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A true passage and the passage that was reported for it, or one of the two alone."""

    truth: TruePassage | None
    passage: PassageRecord | None

    @property
    def is_exact(self) -> bool:
        return self.truth is not None and self.passage is not None and self.truth.text == self.passage.text

    @property
    def is_missed_flag(self) -> bool:
        """Whether the truth lists the vehicle and nobody was told."""
        return self.truth is not None and self.truth.is_listed is True and not self._is_flagged

    @property
    def is_false_flag(self) -> bool:
        return self._is_flagged and (self.truth is None or self.truth.is_listed is False)

    @property
    def is_mistake(self) -> bool:
        is_misread = self.truth is None or (self.truth.text != "" and not self.is_exact)
        return is_misread or self.passage is None or self.is_missed_flag or self.is_false_flag

    @property
    def _is_flagged(self) -> bool:
        return self.passage is not None and self.passage.outcome == "flagged"

    @property
    def right_characters(self) -> int:
        if self.truth is None or self.passage is None:
            return 0
        return sum(a == b for a, b in zip(self.truth.text, self.passage.text, strict=False))


@dataclass(frozen=True, slots=True)
class TruthScore:
    """The figures of a set of judged passages; each a count, so that nothing hides behind a rate."""

    true_passages: int
    found: int
    with_text: int
    """True passages whose plate is known."""
    exact: int
    characters: int
    right_characters: int
    false_passages: int
    """Reported, but nothing passed."""
    missed_flags: int
    """Listed by the truth, not flagged."""
    false_flags: int
    """Flagged, not listed by the truth."""

    @property
    def exact_rate(self) -> float | None:
        """Share of the passages with a known plate that were read without a mistake, missed ones counting as wrong."""
        return self.exact / self.with_text if self.with_text else None

    @property
    def character_rate(self) -> float | None:
        return self.right_characters / self.characters if self.characters else None


def load_truth(path: Path) -> Truth:
    """Read a CSV with the columns video, start_s, end_s, text and, where known, plate_class and is_listed (0 or 1).

    A row without times says that nothing passed in that video. Raises SourceError, naming the row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise SourceError(f"{path}：缺少列 {missing[0]}；应有 {', '.join(COLUMNS)}")
            read = [((row["video"] or "").strip(), _row(path, number, row)) for number, row in enumerate(rows, start=2)]
            passages = tuple(passage for _, passage in read if passage is not None)
            return Truth(passages, frozenset(video for video, _ in read))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}：不能作为 CSV 读取（{system_words(error)}）") from error


def judge(truth: Truth, passages: Iterable[PassageRecord]) -> list[Judged]:
    """Pair truth and report one to one: same text first, then the largest overlap in time."""
    truths = truth.passages
    reported = [passage for passage in passages if passage.outcome != "unread" and passage.video in truth.videos]
    pairs = sorted(
        (
            (truth.text != passage.text, -_overlap_s(truth, passage), i, j)
            for i, truth in enumerate(truths)
            for j, passage in enumerate(reported)
            if truth.video == passage.video and _overlap_s(truth, passage) > 0
        ),
    )
    of_truth: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in pairs:
        if i not in of_truth and j not in taken:
            of_truth[i] = j
            taken.add(j)
    judged = [Judged(truth, reported[of_truth[i]] if i in of_truth else None) for i, truth in enumerate(truths)]
    return judged + [Judged(None, passage) for j, passage in enumerate(reported) if j not in taken]


def score(judged: Sequence[Judged]) -> TruthScore:
    with_text = [j for j in judged if j.truth is not None and j.truth.text]
    return TruthScore(
        true_passages=sum(j.truth is not None for j in judged),
        found=sum(j.truth is not None and j.passage is not None for j in judged),
        with_text=len(with_text),
        exact=sum(j.is_exact for j in with_text),
        characters=sum(len(j.truth.text) for j in with_text if j.truth),
        right_characters=sum(j.right_characters for j in with_text),
        false_passages=sum(j.truth is None for j in judged),
        missed_flags=sum(j.is_missed_flag for j in judged),
        false_flags=sum(j.is_false_flag for j in judged),
    )


def by_class(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Group by plate class: the truth's, or where there is none the report's."""
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        plate_class = each.truth.plate_class if each.truth else each.passage.plate_class if each.passage else ""
        groups.setdefault(plate_class, []).append(each)
    return dict(sorted(groups.items()))


def by_hour(judged: Sequence[Judged], starts: Mapping[str, datetime | None]) -> dict[int, list[Judged]]:
    """Group by the hour of capture in Beijing; `starts` has each video's, None (or absent) where it is unknown."""
    groups: dict[int, list[Judged]] = {}
    for each in judged:
        began = each.passage.started_at if each.passage else _began(each.truth, starts)
        if began is not None:
            groups.setdefault(began.astimezone(BEIJING).hour, []).append(each)
    return dict(sorted(groups.items()))


def _began(truth: TruePassage | None, starts: Mapping[str, datetime | None]) -> datetime | None:
    start = None if truth is None else starts.get(truth.video)
    return None if truth is None or start is None else start + timedelta(seconds=truth.start_s)


def _row(path: Path, number: int, row: dict[str, str]) -> TruePassage | None:
    if not any((row.get(name) or "").strip() for name in ("start_s", "end_s", "text")):
        return None
    try:
        return TruePassage(
            video=row["video"].strip(),
            start_s=float(row["start_s"]),
            end_s=float(row["end_s"]),
            text=row["text"].strip().upper(),
            plate_class=(row.get("plate_class") or "").strip(),
            is_listed={"1": True, "0": False}.get((row.get("is_listed") or "").strip()),
        )
    except (ValueError, AttributeError) as error:
        raise SourceError(f"{path}:{number}：start_s 和 end_s 应为数字（{error}）") from error


def _overlap_s(truth: TruePassage, passage: PassageRecord) -> float:
    start = max(truth.start_s - TOLERANCE_S, passage.start_ms / 1000)
    end = min(truth.end_s + TOLERANCE_S, passage.end_ms / 1000)
    # A passage of one look lasts no time at all, and still overlaps.
    return end - start + 1e-3
