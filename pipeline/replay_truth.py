"""How well a replay agrees with what is known to have passed."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.replay_records import PassageRecord

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
class Judged:
    """A true passage and the passage that was reported for it, or one of the two alone."""

    truth: TruePassage | None
    passage: PassageRecord | None

    @property
    def is_exact(self) -> bool:
        return self.truth is not None and self.passage is not None and self.truth.text == self.passage.text

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
    exact: int
    characters: int
    right_characters: int
    false_passages: int
    """Reported, but nothing passed."""
    missed_flags: int
    """Listed by the truth, not flagged."""
    false_flags: int
    """Flagged, not listed by the truth."""


def load_truth(path: Path) -> list[TruePassage]:
    """Read a CSV with the columns video, start_s, end_s, text and, where known, plate_class and is_listed (0 or 1).

    Raises SourceError, naming the row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise SourceError(f"{path}: column {missing[0]} is missing; it needs {', '.join(COLUMNS)}")
            return [_row(path, number, row) for number, row in enumerate(rows, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as CSV: {error}") from error


def judge(truths: Sequence[TruePassage], passages: Iterable[PassageRecord]) -> list[Judged]:
    """Pair truth and report one to one: same text first, then the largest overlap in time."""
    reported = [passage for passage in passages if passage.outcome != "unread"]
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
        exact=sum(j.is_exact for j in with_text),
        characters=sum(len(j.truth.text) for j in with_text if j.truth),
        right_characters=sum(j.right_characters for j in with_text),
        false_passages=sum(j.truth is None for j in judged),
        missed_flags=sum(j.truth is not None and j.truth.is_listed is True and not _is_flagged(j) for j in judged),
        false_flags=sum(_is_flagged(j) and (j.truth is None or j.truth.is_listed is False) for j in judged),
    )


def by_class(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Group by plate class: the truth's, or where there is none the report's."""
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        plate_class = each.truth.plate_class if each.truth else each.passage.plate_class if each.passage else ""
        groups.setdefault(plate_class, []).append(each)
    return dict(sorted(groups.items()))


def _row(path: Path, number: int, row: dict[str, str]) -> TruePassage:
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
        raise SourceError(f"{path}:{number}: start_s and end_s must be numbers ({error})") from error


def _overlap_s(truth: TruePassage, passage: PassageRecord) -> float:
    start = max(truth.start_s - TOLERANCE_S, passage.start_ms / 1000)
    end = min(truth.end_s + TOLERANCE_S, passage.end_ms / 1000)
    # A passage of one look lasts no time at all, and still overlaps.
    return end - start + 1e-3


def _is_flagged(judged: Judged) -> bool:
    return judged.passage is not None and judged.passage.outcome == "flagged"
