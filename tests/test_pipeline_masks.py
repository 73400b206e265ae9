"""What is masked is neither looked at nor shown; a mask that cannot be one is told with its camera and key."""

from pathlib import Path

import numpy as np
import pytest

from kakou.settings import SettingsError, load_settings
from pipeline.settings import GateSettings, PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.masks import GREY, Regions
from pipeline.video.motion import MotionGate
from pipeline.video.sources import read_frames
from tests.pipeline_kit import moving_block, nursery, write_video

UPPER_HALF = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def looks(regions: Regions) -> int:
    """Return how often the gate wants a block that crosses the upper half of the street."""
    gate = MotionGate(GateSettings(), regions)
    times = [(index * 40.0, picture) for index, picture in enumerate(moving_block(150))]
    return sum(gate.is_due(at) and gate.wants(picture, at) for at, picture in times)


def test_what_moves_under_a_mask_wakes_nobody() -> None:
    assert looks(Regions()) > 60
    assert looks(Regions(mask=(UPPER_HALF,))) < 15


def test_what_moves_outside_the_region_of_interest_wakes_nobody() -> None:
    lower = tuple((x, 0.6 + 0.8 * y) for x, y in UPPER_HALF)
    assert looks(Regions(roi=(lower,))) < 15
    assert looks(Regions(roi=(UPPER_HALF,))) > 60


def test_a_masked_part_is_painted_over_before_anybody_reads(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving_block(10))
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=str(path), mask=(LEFT_HALF,))
    halves = [
        (frame.image[:, :318].copy(), frame.image[:, 322:].copy())
        for frame in read_frames(source, PipelineSettings(), ScreeningCounts(), nursery=nursery())
    ]
    assert halves
    assert all((left == GREY).all() and (right != GREY).any() for left, right in halves)


def test_a_mask_hides_its_half_and_leaves_the_other() -> None:
    picture = np.full((100, 200, 3), 200, np.uint8)
    Regions(mask=(LEFT_HALF,)).hide(picture)
    assert (picture[:, :99] == GREY).all()
    assert (picture[:, 101:] == 200).all()


@pytest.mark.parametrize(
    ("key", "polygons", "says"),
    [
        ("mask", "[[[0.1, 0.1], [0.5, 0.5]]]", "2 points"),
        ("mask", "[[[0.1, 0.1], [0.5, 0.5], [1.2, 0.5]]]", "outside the picture"),
        ("roi", "[[[100, 100], [500, 100], [500, 400]]]", "outside the picture"),
    ],
)
def test_a_polygon_that_cannot_be_one_is_told_with_its_camera_and_key(
    tmp_path: Path, key: str, polygons: str, says: str
) -> None:
    config = tmp_path / "kakou.toml"
    config.write_text(
        f'[[source]]\ncamera_id = "cam-7"\ncheckpoint = "东门卡口"\nuri = "a.mp4"\n{key} = {polygons}\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match=says) as caught:
        load_settings(config)
    assert key in str(caught.value)
    assert "cam-7" in str(caught.value)
