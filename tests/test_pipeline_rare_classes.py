"""A text of a rare class must be surer than one of every day, unless somebody is looked for."""

from dataclasses import replace
from pathlib import Path

from ocr.types import PlateRead
from pipeline.walk.recheck import recheck
from tests.pipeline_kit import (
    KeptEvents,
    ListedPlates,
    make_screening,
    make_spool,
    passages_of,
    passing,
)
from tests.plates import make_distribution, make_read


def doubtful(text: str, style: str, other: str, doubt: float = 0.45) -> list[list[PlateRead]]:
    """Every look says `text`, and something else for its first character with the probability `doubt`."""
    return [
        [replace(read, distribution=make_distribution(text, style, doubts={0: {other: doubt}})) for read in reads]
        for reads in passing(text)
    ]


def test_a_text_of_a_rare_class_must_be_surer_than_one_of_every_day() -> None:
    """A foreign plate fits the form of a military one by chance."""
    everyday, rare = doubtful("京A12345", "blue", "津"), doubtful("KK12345", "white", "H")
    screening = make_screening(ListedPlates(), KeptEvents())
    assert [passage.best.text for passage in passages_of(everyday, screening)] == ["京A12345"]
    assert passages_of(rare, screening) == []
    assert (screening.counts.clear, screening.counts.unread) == (1, 1)


def test_a_plate_of_the_forces_is_a_passage_where_no_foreign_plate_is_read_so_surely() -> None:
    for text, other, doubt in (("VA12345", "H", 0.35), ("WJ1234X", "V", 0.35)):
        (passage,) = passages_of(doubtful(text, "white", other, doubt), make_screening(ListedPlates(), KeptEvents()))
        assert passage.best.text == text
        assert passage.best.probability < 0.81


def test_a_rare_plate_with_a_chinese_character_may_be_as_doubtful_as_any_other() -> None:
    """No foreign plate is read as one by chance: 粤Z…港 over a Hong Kong plate, WJ with its province."""
    for text, style, other in (("粤Z5K27港", "black", "津"), ("WJ京1234X", "white", "V")):
        (passage,) = passages_of(doubtful(text, style, other), make_screening(ListedPlates(), KeptEvents()))
        assert passage.best.text == text


def test_a_sure_military_plate_is_a_passage() -> None:
    scene = [[make_read("KK12345", read.box, "white")] for reads in passing("KK12345") for read in reads]
    (passage,) = passages_of(scene, make_screening(ListedPlates(), KeptEvents()))
    assert (passage.best.text, passage.best.plate_class) == ("KK12345", "32")


def test_a_listed_plate_of_a_rare_class_is_flagged_however_doubtful() -> None:
    screening = make_screening(ListedPlates("KK12345"), KeptEvents())
    assert [p.outcome for p in passages_of(doubtful("KK12345", "white", "H"), screening)] == ["flagged"]


def test_a_weakly_read_vehicle_that_could_not_be_checked_is_unchecked_and_asked_for_again(tmp_path: Path) -> None:
    """With the list at hand it is flagged, or counts as unread; in an outage nobody knows which of the two."""
    spool, outbox = make_spool(tmp_path), KeptEvents()
    screening = make_screening(ListedPlates(is_down=True), outbox, spool)
    (passage,) = passages_of(doubtful("KK12345", "white", "H"), screening)
    assert passage.outcome == "unchecked"
    assert (screening.counts.passages, screening.counts.unchecked, screening.counts.unread) == (1, 1, 0)
    assert recheck(spool, ListedPlates("KK12345"), screening.flagging).flagged == 1
    assert [event.text for event in outbox.events] == ["KK12345"]
