"""The walk's end: every passage is clear, flagged or unchecked, and each vehicle is flagged once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from kakou.box.passage_lines import passage_line
from ocr.types import PlateRead
from pipeline.settings import TrackSettings
from pipeline.types import FrameReads, Passage
from pipeline.walk.evidence import vehicle_front
from riskdb.types import Hypothesis, Permit, RiskMatch
from tests.pipeline_kit import (
    PICTURE,
    KeptEvents,
    KeptPassages,
    ListedPlates,
    box_at,
    frames_of,
    make_match,
    make_screening,
    passages_of,
    passing,
    screened,
)
from tests.plates import make_distribution, make_read

WIDE = np.full((540, 960, 3), 90, np.uint8)


def test_a_listed_vehicle_is_flagged_once_while_it_is_still_in_view() -> None:
    outbox = KeptEvents()
    screening = make_screening(ListedPlates("京A12345"), outbox)
    seen: list[tuple[int, Passage]] = []
    frames = iter(frames_of(passing("京A12345", 40)))
    consumed = 0

    def counted() -> Iterator[FrameReads]:
        nonlocal consumed
        for frame_reads in frames:
            consumed += 1
            yield frame_reads

    for passage in screened(counted(), screening):
        seen.append((consumed, passage))
    ((when, flagged),) = seen
    assert when == 3
    assert flagged.outcome == "flagged"
    assert [event.text for event in outbox.events] == ["京A12345"]


def test_an_unlisted_vehicle_is_clear_and_leaves_no_event() -> None:
    outbox = KeptEvents()
    screening = make_screening(ListedPlates("沪B67890"), outbox)
    assert [p.outcome for p in passages_of(passing("京A12345"), screening)] == ["clear"]
    assert outbox.events == []


def test_a_vehicle_that_could_not_be_checked_is_unchecked_never_clear() -> None:
    spool = KeptPassages()
    screening = make_screening(ListedPlates(is_down=True), KeptEvents(), spool)
    assert [p.outcome for p in passages_of(passing("京A12345"), screening)] == ["unchecked"]
    assert len(spool.passages) == 1


def test_a_list_that_comes_back_while_the_vehicle_is_in_view_is_asked_again() -> None:
    risk_list = ListedPlates("京A12345", is_down=True)
    screening = make_screening(risk_list, KeptEvents())

    def frames_then_recovery() -> Iterator[FrameReads]:
        yield from frames_of(passing("京A12345"))
        risk_list.is_down = False

    assert [p.outcome for p in screened(frames_then_recovery(), screening)] == ["flagged"]


def test_every_passage_is_counted_as_exactly_one_outcome() -> None:
    risk_list = ListedPlates("京A12345")
    screening = make_screening(risk_list, KeptEvents())
    doubtful = [[make_read("豫C11111", certainty=0.1)]]
    scene = [*passing("京A12345"), *[[]] * 20, *passing("沪B67890"), *[[]] * 20, *doubtful, *[[]] * 20]
    passages = passages_of(scene, screening)
    counts = screening.counts
    assert (counts.clear, counts.flagged, counts.unchecked, counts.unread) == (1, 1, 0, 1)
    assert counts.passages == len(passages) == counts.clear + counts.flagged + counts.unchecked


def test_a_vehicle_whose_settled_text_was_wrong_at_first_is_still_flagged() -> None:
    screening = make_screening(ListedPlates("京A12345"), KeptEvents())
    wrong, right = passing("京A1Z345", 18)[:4], passing("京A12345", 18)[4:]
    assert [p.outcome for p in passages_of([*wrong, *right], screening)] == ["flagged"]


def far_away(text: str, certainty: float, looks: int = 9) -> list[list[PlateRead]]:
    """Return the scene of a vehicle whose text is likely and does not settle."""
    return [[make_read(text, box_at(200, 40 + 6 * i, 44), certainty=certainty)] for i in range(looks)]


def test_a_sure_hit_is_told_of_before_its_text_settles_and_once() -> None:
    outbox = KeptEvents()
    screening = make_screening(ListedPlates("冀J57K28"), outbox)
    told = [passage.track.is_final for passage in passages_of(far_away("冀J57K28", 0.89), screening)]
    assert (told, screening.counts.flagged, len(outbox.events)) == ([False], 1, 1)


def test_before_a_text_settles_only_a_sure_hit_of_its_best_reading_is_told_of() -> None:
    """People stop a vehicle at once: what is possible, a reading that is not the best, and no answer can wait."""

    class Possible(ListedPlates):
        def __call__(self, hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
            match = super().__call__(hypotheses, now)
            return replace(match, level="possible") if match else None

    class OfAnother(ListedPlates):
        def __call__(self, hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
            super().__call__(hypotheses, now)
            return make_match("冀J57K2B")

    for risk_list in (Possible("冀J57K28"), OfAnother(), ListedPlates(is_down=True)):
        spool = KeptPassages()
        (passage,) = screened(frames_of(far_away("冀J57K28", 0.89)), make_screening(risk_list, KeptEvents(), spool))
        assert passage.track.is_final
        assert risk_list.asked > 1
        assert spool.kept_count <= 1  # at its end, not with every look


def test_an_events_characters_carry_the_fused_probabilities() -> None:
    outbox = KeptEvents()
    passages_of(passing("京A12345"), make_screening(ListedPlates("京A12345"), outbox))
    (event,) = outbox.events
    assert len(event.char_probs) == 7
    assert event.confidence == min(event.char_probs) > 0.98


def test_the_walk_goes_from_frames_to_flagged_passages(tmp_path: Path) -> None:
    scene = passing("京A12345")
    screening = make_screening(ListedPlates("京A12345"), KeptEvents(), evidence=tmp_path)
    (passage,) = screened(frames_of(scene), screening, TrackSettings())
    assert passage.event is not None
    assert passage.event.plate_picture is not None
    assert (tmp_path / passage.event.plate_picture).is_file()
    assert screening.counts.looked_at == 5


def test_frames_are_left_out_only_while_every_vehicle_in_view_is_settled() -> None:
    doubtful = make_distribution("京A12345", doubts={3: {"Z": 0.48}})
    unsettled = [[replace(read, distribution=doubtful)] for (read,) in passing("京A12345")]
    for scene, looks in ((unsettled, 8), (passing("京A12345"), 5), ([[]] * 8, 4)):
        screening = make_screening(ListedPlates(), KeptEvents())
        list(screened(frames_of(scene), screening, TrackSettings()))
        assert screening.counts.looked_at == looks


def test_a_clear_vehicle_leaves_no_picture(tmp_path: Path) -> None:
    passages_of(passing("京A12345"), make_screening(ListedPlates(), KeptEvents(), evidence=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_full_evidence_disk_does_not_stop_the_event(tmp_path: Path) -> None:
    blocked = tmp_path / "evidence"
    blocked.write_text("a file where the folder should be")
    outbox = KeptEvents()
    passages_of(passing("京A12345"), make_screening(ListedPlates("京A12345"), outbox, evidence=blocked))
    assert [event.plate_picture for event in outbox.events] == [None]


def test_nobody_behind_the_windscreen_can_be_made_out() -> None:
    # Eight-pixel checks stand for faces: at this plate size a head is 50 pixels wide.
    rows, columns = np.indices(PICTURE.shape[:2]) // 8
    image = np.where(((rows + columns) % 2 == 0)[..., None], 230, 20).repeat(3, axis=2).astype(np.uint8)
    plate = box_at(270, 280, 80)
    front = vehicle_front(image, plate)
    windscreen = front[: int(280 - 0.9 * 80 - (280 - 3.2 * 80)) - 2]
    assert windscreen.std() < 12
    assert front[-40:].std() > 50


@pytest.mark.parametrize("doubt", [0.3, 0.7])
def test_an_unreadable_plate_that_may_be_listed_is_matched_all_the_same(doubt: float) -> None:
    risk_list = ListedPlates("京A12345")
    distribution = make_distribution("京A12345", doubts={1: {"B": doubt}, 2: {"7": doubt}})
    scene = [[replace(make_read("京A12345"), distribution=distribution)]] * 5
    passages_of(scene, make_screening(risk_list, KeptEvents()))
    assert risk_list.asked >= 1


def test_a_vehicle_that_stands_in_view_is_shown_as_far_as_it_is_known_and_counted_once_it_has_left() -> None:
    shown: list[Passage] = []
    counted: list[int] = []
    screening = make_screening(ListedPlates(), KeptEvents())

    def show(passage: Passage) -> None:
        shown.append(passage)
        counted.append(screening.counts.passages)

    (left,) = screened(frames_of(passing("京B88888", 40)), replace(screening, show=show))
    assert [(one.outcome, one.best.text, one.started_at) for one in shown] == [("clear", "京B88888", left.started_at)]
    assert shown[0].ended_at < left.ended_at
    assert (counted, screening.counts.passages) == ([0], 1)


def test_a_permit_is_said_beside_clear_and_hit_and_changes_neither() -> None:
    permit = Permit("370211000001", 0, 2_000_000_000, "", (), "蔬菜", "指挥部")
    words = "持有效通行证（370211000001，蔬菜，指挥部）"

    def said(risk_list: ListedPlates) -> tuple[Passage, KeptEvents]:
        def match(hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
            found = risk_list(hypotheses, now)
            return None if found is None else replace(found, permits=(permit,))

        outbox = KeptEvents()
        screening = replace(make_screening(match, outbox), permits=lambda: (permit,))
        (passage,) = passages_of(passing("京A12345"), screening)
        return passage, outbox

    clear, _ = said(ListedPlates("沪B67890"))
    assert (clear.outcome, clear.permit, clear.permit_standing) == ("clear", words, "valid")
    assert words in passage_line(clear, shows_clear_plates=False)
    assert "12345" not in passage_line(clear, shows_clear_plates=False)
    flagged, outbox = said(ListedPlates("京A12345"))
    assert (flagged.outcome, flagged.permit) == ("flagged", words)
    assert [event.permit for event in outbox.events] == [words]
    unchecked, _ = said(ListedPlates(is_down=True))
    assert (unchecked.outcome, unchecked.permit, unchecked.permit_standing) == ("unchecked", "", None)
