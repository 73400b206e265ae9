import numpy as np
import pytest

from ocr.two_line import CUT, STITCHED_SIZE, TOP_SHARE, stitch_two_lines


def two_tone_plate(height: int, width: int) -> np.ndarray:
    """Top line dark, bottom line bright."""
    plate = np.full((height, width, 3), 220, np.uint8)
    plate[: round(CUT * height)] = 30
    return plate


def test_the_top_line_comes_before_the_bottom_line():
    stitched = stitch_two_lines(two_tone_plate(144, 288))
    seam = round(TOP_SHARE * STITCHED_SIZE[0])
    assert stitched[:80, : seam - 4].max() < 60
    assert stitched[10:, seam + 4 :].min() > 190


def test_a_character_in_the_middle_of_the_top_line_is_kept():
    plate = np.zeros((144, 288, 3), np.uint8)
    plate[20:40, 70:80] = 255
    plate[20:40, 208:218] = 255
    stitched = stitch_two_lines(plate)[:, : round(TOP_SHARE * STITCHED_SIZE[0])]
    columns = np.flatnonzero(stitched.max(axis=(0, 2)) > 200)
    assert len(np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)) == 2


@pytest.mark.parametrize("size", [(2, 2), (1, 1), (3, 900), (400, 5), (720, 1440)])
def test_a_crop_of_any_size_gives_the_same_shape(size: tuple[int, int]):
    stitched = stitch_two_lines(np.full((*size, 3), 90, np.uint8))
    assert stitched.shape == (STITCHED_SIZE[1], STITCHED_SIZE[0], 3)
    assert stitched.dtype == np.uint8
