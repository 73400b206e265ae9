"""How a replay is judged against what is known to have passed."""

from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.replay.records import PassageRecord
from pipeline.replay.truth import TruePassage, Truth, by_hour, judge, load_truth, score
from tests.pipeline_kit import NOON


def truth(text: str, start_s: float = 0.6, is_listed: bool | None = None) -> TruePassage:
    return TruePassage("a.avi", start_s, start_s + 1, text, "02", is_listed)


def passage(text: str, start_ms: float = 600.0, outcome: str = "clear") -> PassageRecord:
    return PassageRecord.model_validate(
        {
            "video": "a.avi",
            "outcome": outcome,
            "start_ms": start_ms,
            "end_ms": start_ms + 900,
            "best_ms": start_ms,
            "started_at": NOON,
            "text": text,
            "plate_class": "02",
            "probability": 0.9,
            "char_probs": [0.9] * 7,
            "look_count": 5,
            "box": [0, 0, 90, 30],
        }
    )


def test_the_score_counts_exact_wrong_missed_and_false_passages() -> None:
    truths = [truth("京A12345", is_listed=True), truth("沪B67890", 20), truth("苏E24680", 40, is_listed=True)]
    reported = [passage("京A12345"), passage("沪B6789O", 20_000), passage("豫C11111", 60_000, "flagged")]
    figures = score(judge(Truth(tuple(truths), frozenset({"a.avi"})), reported))
    assert (figures.true_passages, figures.found, figures.exact, figures.false_passages) == (3, 2, 1, 1)
    assert (figures.right_characters, figures.characters) == (13, 21)
    assert (figures.missed_flags, figures.false_flags) == (2, 1)


def test_two_vehicles_at_once_are_judged_by_their_own_texts() -> None:
    known = Truth((truth("京A12345"), truth("沪B67890")), frozenset({"a.avi"}))
    judged = judge(known, [passage("沪B67890"), passage("京A12345")])
    assert all(each.is_exact for each in judged)


def test_videos_that_the_truth_does_not_name_are_not_judged() -> None:
    other = passage("苏E24680").model_copy(update={"video": "b.avi"})
    figures = score(judge(Truth((truth("京A12345"),), frozenset({"a.avi"})), [passage("京A12345"), other]))
    assert (figures.exact, figures.false_passages) == (1, 0)
    figures = score(judge(Truth((truth("京A12345"),), frozenset({"a.avi", "b.avi"})), [passage("京A12345"), other]))
    assert (figures.exact, figures.false_passages) == (1, 1)


def test_rates_count_missed_vehicles_as_wrong() -> None:
    known = Truth((truth("京A12345"), truth("沪B67890", 20), truth("", 40)), frozenset({"a.avi"}))
    figures = score(judge(known, [passage("京A12345"), passage("苏E24680", 40_000)]))
    assert figures.exact_rate == pytest.approx(0.5)
    assert figures.character_rate == pytest.approx(0.5)
    assert (figures.false_passages, figures.found) == (0, 2)


def test_a_miss_belongs_to_the_hour_in_which_it_happened() -> None:
    known = Truth((truth("京A12345"), truth("沪B67890", start_s=3600 + 20)), frozenset({"a.avi"}))
    hours = by_hour(judge(known, [passage("京A12345")]), {"a.avi": NOON})
    assert {hour: (score(each).true_passages, score(each).found) for hour, each in hours.items()} == {
        12: (1, 1),
        13: (1, 0),
    }


def test_a_row_without_times_says_that_nothing_passed(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text(
        "video,start_s,end_s,text\na.avi,0.6,1.6,京A12345\nb.avi,,,\n", encoding="utf-8"
    )
    known = load_truth(tmp_path / "truth.csv")
    assert [each.text for each in known.passages] == ["京A12345"]
    assert known.videos == {"a.avi", "b.avi"}


@pytest.mark.parametrize("row", ["a.avi,soon,later,京A12345", "a.avi,1.0,,京A12345"])
def test_a_truth_row_without_a_number_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / "truth.csv").write_text(f"video,start_s,end_s,text\n{row}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"truth\.csv:2"):
        load_truth(tmp_path / "truth.csv")


def test_a_truth_file_without_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("video,text\na.avi,x\n")
    with pytest.raises(SourceError, match="缺少列 start_s"):
        load_truth(tmp_path / "truth.csv")
