"""A camera whose plates can hardly be read is told, and one bad plate is not."""

from dataclasses import replace

from ocr.types import PlateRead
from pipeline.types import ScreeningCounts
from pipeline.walk.read_quality import LAST, ReadQuality
from tests.pipeline_kit import box_at, tracks_of
from tests.plates import make_distribution, make_read

CLEAN = [make_read("京A12345", box_at(300, 200))] * 3
UNSURE = make_distribution("京A12345", doubts={0: {"津": 0.45}, 3: {"Z": 0.45}})
SMEARED = [replace(make_read("京A12345", box_at(300, 200)), distribution=UNSURE)] * 3
NO_PLATE = [make_read("京A12345", box_at(300, 200), style="not_plate")] * 3


def qualities(*vehicles: list[PlateRead]) -> list[str]:
    """Return what is said of the camera after each vehicle."""
    counts = ScreeningCounts()
    tracks = (track for reads in vehicles for track in tracks_of([[read] for read in reads]))
    return [counts.camera_quality for _ in ReadQuality(counts).judged(tracks)]


def test_smeared_plates_one_after_the_other_are_told_and_so_is_their_end() -> None:
    said = qualities(*[SMEARED] * LAST, *[CLEAN] * LAST)
    assert said[: LAST - 1] == ["good"] * (LAST - 1)
    assert said[LAST - 1] == "poor_reads"
    assert said[LAST + 10] == "poor_reads"
    assert said[-1] == "good"


def test_a_few_smeared_plates_and_what_is_no_plate_say_nothing_of_the_camera() -> None:
    said = qualities(*([SMEARED, CLEAN, NO_PLATE] * LAST))
    assert set(said) == {"good"}
