"""Where a camera's frames are looked at: all over, closely where a far plate may be, or at those not decided alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.types import FrameReads, Passage
from pipeline.walk.screening import screen
from pipeline.walk.tracking import PlateTracker
from tests.pipeline_kit import (
    EVERY_LOOK,
    NOON,
    STEP_S,
    KeptEvents,
    ListedPlates,
    Scene,
    box_at,
    frames_of,
    make_screening,
    passing,
)
from tests.plates import make_read

WIDE = np.full((540, 960, 3), 90, np.uint8)


class NotesWhere:
    """A reader that reads what a script says, where it is told to look, and notes where that is."""

    def __init__(self, script: list[FrameReads]) -> None:
        self._reads = iter(script)
        self.where: list[tuple[BoundingBox, ...] | None] = []
        self.follows: list[bool] = []

    def read(
        self,
        image: BgrImage,  # noqa: ARG002  the reader's signature
        moved: Sequence[BoundingBox] | None = None,
        *,
        follows: bool = False,
    ) -> list[PlateRead]:
        self.where.append(None if moved is None else tuple(moved))
        self.follows.append(follows)
        reads = next(self._reads).reads
        return [one for one in reads if not follows or any(one.box.iou(box) > 0 for box in moved or ())]


def test_a_far_plate_is_searched_closely_on_every_look_until_it_is_decided() -> None:
    sure = [0.5, 0.5, 0.5, *[0.98] * 12]
    looks = [[make_read("京A12345", box_at(200, 100 + 2 * i, 30 + i / 4), certainty=sure[i])] for i in range(15)]
    script = list(frames_of(looks))
    moving = (box_at(0, 0),)
    reader = NotesWhere(script)
    frames = [replace(each.frame, moved=moving, image=WIDE) for each in script]
    list(screen(iter(frames), reader, EVERY_LOOK, make_screening(ListedPlates(), KeptEvents())))
    around = [(where or ())[0 if follows else 1 :] for where, follows in zip(reader.where, reader.follows, strict=True)]
    assert all(
        where and (where[:1] == moving or follows) for where, follows in zip(reader.where, reader.follows, strict=True)
    )
    assert around[0] == ()
    assert all(len(boxes) == 1 and boxes[0].iou(looks[i][0].box) > 0 for i, boxes in enumerate(around[1:4]))
    assert around[-1] == ()


def followed(script: Scene, step_s: float = STEP_S) -> tuple[NotesWhere, list[Passage]]:
    """Return what was looked at of a script on a camera's frames, and the passages."""
    looks = list(frames_of(script))
    frames = [
        replace(each.frame, moved=(), image=WIDE, captured_at=NOON + timedelta(seconds=index * step_s))
        for index, each in enumerate(looks)
    ]
    reader = NotesWhere(looks)
    screening = make_screening(ListedPlates(), KeptEvents())
    return reader, list(screen(iter(frames), reader, EVERY_LOOK, screening))


def unsure(count: int, step: float = 2.0) -> Scene:
    return [[make_read("京A12345", box_at(200 + step * i, 100, 60), certainty=0.2)] for i in range(count)]


def test_a_vehicle_whose_way_is_known_has_two_looks_of_three_at_its_plate_alone_until_it_is_decided() -> None:
    scene = unsure(11)
    reader, _ = followed(scene)
    assert reader.follows == [False, *[False, True, True] * 3, False]
    place = (reader.where[2] or ())[0]
    assert len(reader.where[2] or ()) == 1
    assert place.center[0] == pytest.approx(scene[2][0].box.center[0], abs=2.0)
    reader, (passage,) = followed(passing("京A12345", 9))
    assert not any(reader.follows[3:])
    assert passage.best.text == "京A12345"


def test_where_looks_lie_far_apart_all_are_at_the_whole_picture() -> None:
    reader, _ = followed(unsure(6), step_s=0.21)
    assert not any(reader.follows)


def test_a_vehicle_that_is_not_where_it_was_expected_is_looked_for_in_the_whole_picture_next() -> None:
    scene = [*unsure(2), [make_read("京A12345", box_at(700, 100, 60), certainty=0.2)], *unsure(2)]
    reader, _ = followed(scene)
    assert reader.follows[:4] == [False, False, True, False]


def test_who_is_out_of_sight_of_a_look_at_other_vehicles_has_not_left() -> None:
    def ended(*, is_partial: bool) -> bool:
        tracker = PlateTracker(EVERY_LOOK)
        seen = list(frames_of([*passing("京A12345", 6), *[[]] * 100]))
        looks = [replace(each, is_partial=is_partial and not each.reads) for each in seen]
        return any(track.is_final for each in looks for track in tracker.update(each))

    assert ended(is_partial=False)
    assert not ended(is_partial=True)


def test_what_cannot_be_read_for_seconds_hides_nobody_else() -> None:
    other = [make_read("沪B67890", box_at(600, 300, 60), certainty=0.2)]
    beside = [[make_read("京A12345", box_at(200 + i, 100 + i)), *other] for i in range(40)]
    reader, passages = followed(beside)
    assert sum(reader.follows) > 15
    assert [each.best.text for each in passages if each.best.text[0] == "京"] == ["京A12345"]
    there = [[make_read("京A12345", box_at(200, 100))] for _ in range(4)]
    _, passages = followed([*there, *[other] * 60, *there])
    assert [each.best.text for each in passages if each.best.text[0] == "京"] == ["京A12345", "京A12345"]
