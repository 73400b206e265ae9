"""A vehicle that was seen for a single moment, in the place of one like it, is asked about all the same."""

import pytest

from ocr.types import PlateRead
from pipeline.replay.book import ReplayBook
from pipeline.settings import TrackSettings
from pipeline.types import InView
from pipeline.walk.tracking import PlateTracker, track_plates
from tests.pipeline_kit import (
    NOON,
    KeptEvents,
    KeptPassages,
    ListedPlates,
    box_at,
    frames_of,
    make_screening,
    passages_of,
    text_of,
    tracks_of,
)
from tests.plates import make_read

FIRST = "京A12345"


def seen(*texts: str, gap: int = 10) -> list[list[PlateRead]]:
    """A vehicle stands for six looks; after a gap each, others are seen once in its place."""
    scene = [[make_read(FIRST, box_at(200, 200))]] * 6
    for text in texts:
        scene += [*[[]] * gap, [make_read(text, box_at(200, 200))]]
    return [*scene, *[[]] * 80]


@pytest.mark.parametrize("texts", [("京A12346",), ("京A92346",), ("京A12346", "京A12347"), ("京A12346", FIRST)])
@pytest.mark.parametrize("gap", [5, 10])
def test_a_listed_vehicle_seen_once_after_one_like_it_is_flagged(texts: tuple[str, ...], gap: int):
    for listed in {*texts} - {FIRST}:
        passages = passages_of(seen(*texts, gap=gap), make_screening(ListedPlates(listed), KeptEvents()))
        assert [passage.best.text for passage in passages if passage.outcome == "flagged"] == [listed]


def test_such_a_vehicle_waits_for_its_check_where_the_list_cannot_be_asked():
    spool = KeptPassages()
    passages_of(seen("京A12346"), make_screening(ListedPlates(is_down=True), KeptEvents(), spool))
    assert sorted(passage.best.text for passage in spool.passages) == [FIRST, "京A12346"]


def test_one_that_is_not_listed_was_a_misread_and_is_told_of_nowhere():
    screening = make_screening(ListedPlates(), KeptEvents())
    (passage,) = passages_of(seen("京A12346"), screening)
    assert (passage.best.text, passage.track.look_count) == (FIRST, 7)
    assert (screening.counts.clear, screening.counts.unread) == (1, 0)
    with ReplayBook("a.mp4", NOON) as book:
        list(book.noting_ends(track_plates(frames_of(seen("京A12346")), PlateTracker(TrackSettings()), InView())))
        records, _ = book.finished()
    assert [record.text for record in records] == [FIRST]


def test_vehicles_of_a_fleet_that_are_each_seen_twice_between_gaps_stay_apart():
    texts = [FIRST, "京A12346", "京A12347", "京A12348"]
    scene = [reads for text in texts for reads in (*[[make_read(text, box_at(200, 200))]] * 2, *[[]] * 6)]
    assert [(text_of(track), track.look_count) for track in tracks_of(scene)] == [(text, 2) for text in texts]
