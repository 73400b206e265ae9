"""A lens that is covered in part is told by what was always to be seen there; weather, night and traffic never are."""

from collections.abc import Callable
from typing import TypeAlias

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.camera_quality import CameraQuality
from pipeline.video.deinterlace import Plane
from pipeline.video.masks import Regions
from pipeline.video.picture_health import SAMPLE_EVERY_S, PictureHealth
from pipeline.video.picture_memory import KNOWN_AFTER, PictureMemory
from tests.commands import REPOSITORY

Picture: TypeAlias = NDArray[np.float32]
Change: TypeAlias = Callable[[Picture, int], Picture]
"""Makes of the road what is seen so many samples later."""
LEARNS_S = 640.0
MINUTE = 30
HEIGHT, WIDTH = 270, 480
DOWN, ACROSS = (each.astype(np.float32) for each in np.mgrid[0:1:270j, 0:1:480j])
NOISE = np.random.default_rng(1).normal(0.0, 1.5, (7, HEIGHT, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def road() -> Picture:
    with av.open(str(REPOSITORY / "fixtures" / "videos" / "day_gantry.mp4")) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="gray")
    return np.asarray(cv2.resize(shown, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def said(road: Picture, change: Change, minutes: int, regions: Regions | None = None) -> list[CameraQuality | None]:
    """Return what is said minute by minute from when it begins, after the road was seen for long enough."""
    health, learns = PictureHealth(60.0, regions), int(LEARNS_S / SAMPLE_EVERY_S)
    told: list[CameraQuality | None] = []
    for sample in range(learns + minutes * MINUTE):
        picture = road if sample < learns else change(road, sample - learns)
        shown: Plane = np.clip(picture + NOISE[sample % len(NOISE)], 0, 255).astype(np.uint8)
        health.look(shown, sample * SAMPLE_EVERY_S, is_key=True)
        told.append(health.quality)
    return told[learns + MINUTE - 1 :: MINUTE]


def behind(share: Picture, level: float) -> Change:
    """Return a thing near the lens: without focus, lit unevenly, in front of so much of each point."""
    return lambda road, _: road * (1 - share) + (level + 10 * DOWN + 6 * np.sin(7 * ACROSS)) * share


def soft(inside: Picture) -> Picture:
    return np.asarray(1 / (1 + np.exp(-inside / 0.015)), np.float32)


COVERS = {
    "a leaf over the left half": behind(soft(0.5 - ACROSS), 110),
    "a tarpaulin over four fifths": behind(soft(ACROSS - 0.2), 150),
    "mud over the lower three fifths": behind(soft(DOWN - 0.4), 70),
    "a sticker in the middle": behind(soft(0.36 - np.hypot(DOWN - 0.5, ACROSS - 0.5)), 190),
}


@pytest.mark.parametrize("cover", COVERS.values(), ids=COVERS)
def test_a_lens_that_is_covered_in_part_is_told_after_five_minutes_until_it_is_cleared(
    road: Picture, cover: Change
) -> None:
    told = said(road, lambda road, sample: cover(road, sample) if sample < 8 * MINUTE else road, 9)
    assert told == ["good"] * 5 + ["covered"] * 3 + ["good"]


def test_a_cover_is_told_for_as_long_as_it_is_there_in_the_dark_too(road: Picture) -> None:
    cover = COVERS["a leaf over the left half"]
    told = said(road, lambda road, sample: by_night(cover(road, sample), sample - 6 * MINUTE), 30)
    assert told == ["good"] * 5 + ["covered"] * 25


def by_night(road: Picture, sample: int, minutes: float = 10.0) -> Picture:
    """Dark in so many minutes but for what a lamp shows."""
    night = np.float32(np.clip(sample / (minutes * MINUTE), 0, 1))
    lamp = night * np.exp(-(((ACROSS - 0.5) / 0.25) ** 2) - ((DOWN - 0.7) / 0.25) ** 2)
    return np.asarray(16 + (road - 16) * np.clip(1 - 0.96 * night + lamp, 0, 1.2), np.float32)


def in_fog(road: Picture, thick: float) -> Picture:
    through = np.exp(-thick * 2 * np.clip(1.2 - DOWN, 0.1, 1.2) ** 2)
    return np.asarray(road * through + 175 * (1 - through), np.float32)


def with_lorry(road: Picture, left: float) -> Picture:
    """A van body's plain side over half of the picture, its frame and its wheels."""
    seen, first = road.copy(), int(left * WIDTH)
    seen[30:240, first : first + WIDTH * 3 // 5] = 150
    seen[30:240, first : first + 3] = 30
    seen[228:240, first : first + WIDTH * 3 // 5] = 40
    return seen


def with_queue(road: Picture, sample: int) -> Picture:
    """Vehicles that stand for half a minute each time, one after another."""
    seen, places = road.copy(), np.random.default_rng(sample // 15)
    for left, top in places.uniform((0, 60), (360, 190), (6, 2)).astype(int):
        seen[top : top + 80, left : left + 100] = places.uniform(60, 200)
        cv2.rectangle(seen, (int(left) + 8, int(top) + 8), (int(left) + 90, int(top) + 28), 30, -1)
        cv2.rectangle(seen, (int(left) + 40, int(top) + 60), (int(left) + 72, int(top) + 68), 230, -1)
    return seen


def by_infrared(road: Picture, _: int) -> Picture:
    near = np.exp(-(((ACROSS - 0.5) / 0.35) ** 2) - ((DOWN - 0.65) / 0.35) ** 2)
    return np.asarray(20 + (255 - (255 - road) * 0.9) * 0.9 * near, np.float32)


HARMLESS: dict[str, Change] = {
    "night": by_night,
    "a lamp alone, all at once": lambda road, _: by_night(road, MINUTE, 1.0),
    "infrared": by_infrared,
    "a bank of fog": lambda road, _: in_fog(road, 6.0),
    "a bank of fog that lets something through": lambda road, _: in_fog(road, 3.5),
    "thin fog": lambda road, _: in_fog(road, 1.5),
    "fog that comes in a quarter of an hour": lambda road, sample: in_fog(road, min(6.0, sample / (2.5 * MINUTE))),
    "another exposure": lambda road, _: road * 0.7,
    "glare": lambda road, _: road * 0.6 + 300 * np.exp(-np.hypot(ACROSS - 0.7, DOWN) / 0.35),
    "panned": lambda road, _: np.roll(road, WIDTH // 2, axis=1),
    "a queue": with_queue,
    "lorries that wait four minutes": lambda road, sample: (
        with_lorry(road, 0.1 + sample // (4 * MINUTE) % 2 * 0.3) if sample % (4 * MINUTE) > 8 else road
    ),
}


QUICK = ("night", "a bank of fog", "panned", "a queue", "lorries that wait four minutes")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=[] if name in QUICK else [pytest.mark.long])
        for name, change in HARMLESS.items()
    ],
)
def test_neither_weather_nor_night_nor_traffic_is_a_cover(road: Picture, change: Change) -> None:
    assert "covered" not in said(road, change, 17)


def test_what_was_hidden_from_the_beginning_or_is_masked_is_not_told(road: Picture) -> None:
    cover = COVERS["a leaf over the left half"]
    assert "covered" not in said(cover(road, 0), lambda seen, _: seen, 8)
    rest = Regions(mask=(((0.0, 0.0), (0.55, 0.0), (0.55, 1.0), (0.0, 1.0)),))
    assert "covered" not in said(road, cover, 8, rest)


def test_a_bank_of_fog_that_dims_what_it_does_not_hide_is_no_cover_while_that_becomes_usual() -> None:
    levels = np.random.default_rng(2).uniform(60, 200, (50, 120)).astype(np.float32)
    clear = np.full((50, 120), 40, np.float32)
    fog = np.full((50, 120), 30, np.float32)
    fog[:25] = 4
    memory = PictureMemory()
    assert not any(memory.is_part_hidden(levels, clear) for _ in range(KNOWN_AFTER + 1))
    assert not any(memory.is_part_hidden(levels, fog) for _ in range(3 * MINUTE))
