import numpy as np
import pytest

from ocr.two_line import CUTS, LARGE, STITCHED_SIZE, TwoLineCut, stitch_two_lines

EVERY_CUT = {"yellow_two_line": LARGE, **CUTS}
BY_STYLE = pytest.mark.parametrize(("style", "cut"), EVERY_CUT.items())


def two_tone_plate(height: int, width: int, cut: TwoLineCut) -> np.ndarray:
    """Top line dark, bottom line bright."""
    plate = np.full((height, width, 3), 220, np.uint8)
    plate[: round(cut.height * height)] = 30
    return plate


@BY_STYLE
def test_the_top_line_comes_before_the_bottom_line(style: str, cut: TwoLineCut):
    stitched = stitch_two_lines(two_tone_plate(144, 288, cut), style)
    seam = round(cut.top_share * STITCHED_SIZE[0])
    assert stitched[:80, : seam - 4].max() < 60
    assert stitched[10:, seam + 4 :].min() > 190


@BY_STYLE
def test_a_character_in_the_middle_of_the_top_line_is_kept(style: str, cut: TwoLineCut):
    plate = np.zeros((144, 288, 3), np.uint8)
    plate[20:40, 70:80] = 255
    plate[20:40, 208:218] = 255
    stitched = stitch_two_lines(plate, style)[:, : round(cut.top_share * STITCHED_SIZE[0])]
    columns = np.flatnonzero(stitched.max(axis=(0, 2)) > 200)
    assert len(np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)) == 2


@pytest.mark.parametrize("size", [(2, 2), (1, 1), (3, 900), (400, 5), (720, 1440)])
def test_a_crop_of_any_size_gives_the_same_shape(size: tuple[int, int]):
    stitched = stitch_two_lines(np.full((*size, 3), 90, np.uint8), "white_two_line")
    assert stitched.shape == (STITCHED_SIZE[1], STITCHED_SIZE[0], 3)
    assert stitched.dtype == np.uint8


def test_a_plate_of_a_style_nobody_knows_is_parted_as_a_large_one():
    plate = two_tone_plate(144, 288, LARGE)
    assert np.array_equal(stitch_two_lines(plate, ""), stitch_two_lines(plate, "yellow_two_line"))
    assert not np.array_equal(stitch_two_lines(plate, ""), stitch_two_lines(plate, "motorcycle_two_line"))
