"""An event says which lane a vehicle was in and which way it drove."""

from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.flagged import FlaggedEvent
from ocr.types import BoundingBox, PlateRead
from pipeline.lane_lines import Line
from pipeline.settings import SourceSettings
from pipeline.walk.recheck import recheck
from tests.pipeline_kit import (
    KeptEvents,
    ListedPlates,
    frames_of,
    make_screening,
    make_spool,
    screened,
)
from tests.plates import make_read

LEAN: Line = ((0.55, 0.0), (0.45, 1.0))
"""Between two lanes; at the height of the plates here it stands at half of the picture's width."""


def drive(x: float, widths: list[float]) -> list[list[PlateRead]]:
    return [[make_read("京A12345", BoundingBox(x, 170, x + width, 190))] for width in widths]


def event_of(scene: list[list[PlateRead]], lines: tuple[Line, ...] = ()) -> FlaggedEvent:
    outbox = KeptEvents()
    screening = make_screening(ListedPlates("京A12345"), outbox)
    screening = replace(screening, flagging=replace(screening.flagging, lane_lines={"cam-1": lines}))
    list(screened(frames_of([*scene, *repeat([], 30)]), screening))
    (event,) = outbox.events
    return event


def test_lanes_are_counted_from_the_left_of_the_lines_that_are_set() -> None:
    steady = [70.0] * 6
    assert [event_of(drive(x, steady), (LEAN,)).lane for x in (40, 400)] == ["1", "2"]
    assert event_of(drive(400, steady), (LEAN, ((0.9, 0.0), (0.9, 1.0)))).lane == "2"
    assert event_of(drive(40, steady)).lane is None


@pytest.mark.parametrize(
    ("widths", "direction"),
    [([60.0, 66, 73, 80], "approaching"), ([80.0, 73, 66, 60], "leaving"), ([70.0, 72, 69, 71], None)],
)
def test_a_plate_that_grows_comes_and_one_that_shrinks_leaves(widths: list[float], direction: str | None) -> None:
    assert event_of(drive(200, widths)).direction == direction


def test_a_vehicle_that_waited_for_its_check_keeps_lane_and_direction(tmp_path: Path) -> None:
    spool, outbox = make_spool(tmp_path), KeptEvents()
    screening = make_screening(ListedPlates(is_down=True), outbox, spool)
    list(screened(frames_of([*drive(400, [60.0, 66, 73, 80]), *repeat([], 30)]), screening))
    flagging = replace(screening.flagging, lane_lines={"cam-1": (LEAN,)})
    assert recheck(spool, ListedPlates("京A12345"), flagging).flagged == 1
    assert [(event.lane, event.direction) for event in outbox.events] == [("2", "approaching")]


@pytest.mark.parametrize(
    ("line", "says"),
    [([[0.1, 0.5], [0.9, 0.5]], "is level"), ([[0.1, 0.5], [1.9, 0.8]], "outside"), ([[0.1, 0.5]], "lane_lines")],
)
def test_a_line_that_parts_no_lanes_is_named_at_the_start(line: list[list[float]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SourceSettings.model_validate({"camera_id": "a", "checkpoint": "b", "uri": "0", "lane_lines": [line]})
