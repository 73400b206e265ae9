"""What a replay notes of the vehicles that passed."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from pipeline.replay.book import ReplayBook
from pipeline.settings import TrackSettings
from pipeline.types import InView, PlateTrack
from pipeline.walk.tracking import PlateTracker, track_plates
from tests.pipeline_kit import NOON, box_at, frames_of
from tests.plates import make_read

MAX_BYTES_EACH = 1000


def passing_vehicle() -> PlateTrack:
    tracker = PlateTracker(TrackSettings(), keep_looks=True)
    scene = [[make_read("京A12345", box_at(200, 40 + 18 * i))] for i in range(8)]
    (track,) = [track for track in track_plates(frames_of(scene), tracker, InView()) if track.is_final]
    return track


def many(track: PlateTrack, count: int) -> Iterator[PlateTrack]:
    """The same vehicle again and again, the later ones first."""
    for number in range(count):
        earlier = timedelta(seconds=count - number)
        yield replace(track, number=number, started_at=track.started_at + earlier)


def test_passages_are_told_in_the_order_of_their_first_look_with_their_crops() -> None:
    track = passing_vehicle()
    with ReplayBook("a.mp4", NOON) as book:
        assert len(list(book.noting_ends(many(track, 5)))) == 5
        records, jpegs = book.finished()
    assert [record.start_ms for record in records] == [1000.0, 2000.0, 3000.0, 4000.0, 5000.0]
    assert {record.text for record in records} == {"京A12345"}
    assert all(len(record.looks) == 8 for record in records)
    assert all(jpeg is not None and jpeg[:2] == b"\xff\xd8" for jpeg in jpegs)


def test_vehicles_that_passed_take_hardly_any_memory() -> None:
    """A crop and the looks of a passage take 25 kB, and three thousand may pass in an hour."""
    track, count = passing_vehicle(), 300
    with ReplayBook("a.mp4", NOON) as book:
        list(book.noting_ends(many(track, 5)))
        tracemalloc.start()
        for _ in book.noting_ends(many(track, count)):
            pass
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown < MAX_BYTES_EACH * count
