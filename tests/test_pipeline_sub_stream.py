"""While nothing moves a camera's sub-stream is watched in the place of its main stream, and no look is lost by it."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.camera_clips import traffic, with_noise
from ocr.types import BgrImage
from pipeline.video.deinterlace import Plane
from pipeline.video.sub_stream import are_alike
from tests.still_groups_kit import FPS, road, write_stream
from tests.virtual_camera import Screened, pictures_of, screened_in_time

CONSTANT_RATE = {"threads": "1", "crf": "-1", "b": "1500k", "nal-hrd": "cbr", "maxrate": "1500k", "bufsize": "150k"}
"""Noise fills it: sizes tell nothing."""
SUB_RATE = {"threads": "1", "crf": "-1", "b": "300k", "maxrate": "300k", "bufsize": "300k"}
VISITS_S = [5.0, 14.3, 23.46]
UNTIL_S = 26.0
ONE_PICTURE_S = 0.041
CHECK_S = 0.12
"""While nothing moves a picture is compared nine times a second."""
Shown = list[tuple[float, float, Plane]]


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("main") / "main.ts"
    return write_stream(path, road(VISITS_S, UNTIL_S, stone=10), 1.0, options=CONSTANT_RATE)


@pytest.fixture(scope="module")
def sub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sub(tmp_path_factory.mktemp("sub") / "sub.ts", road(VISITS_S, UNTIL_S, stone=10))


def write_sub(path: Path, pictures: Iterator[BgrImage], size: tuple[int, int] = (176, 144)) -> Path:
    """Write the same scene in other points: 4 : 3, as D1 and CIF are."""
    small = (np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8) for each in pictures)
    return write_stream(path, small, 2.0, options=SUB_RATE)


def shown(path: Path, every: int = 1, late_s: float = 0.0, jitter_s: float = 0.0) -> Shown:
    """Return the pictures of a sub-stream that is always so late, and each up to so much more."""
    rng = np.random.default_rng(3)
    came_s, pictures = 0.0, []
    for at_s, luma in kept_pictures(path)[::every]:
        came_s = max(came_s, at_s + late_s + rng.uniform(0, jitter_s))
        pictures.append((at_s + late_s, came_s, luma))
    return pictures


@functools.cache
def kept_pictures(path: Path) -> list[tuple[float, Plane]]:
    """A clip is decoded once for all who watch it."""
    return pictures_of(path)


@functools.cache
def every_look_s(path: Path) -> list[float]:
    """Return the looks that are had by decoding everything, once for all that are held against them."""
    with pytest.MonkeyPatch.context() as patch:
        return looks_s(screened_in_time(path, patch, 0.0, 0.0, skip_still_groups=False))


def looks_s(screened: Screened) -> list[float]:
    return [at_s for at_s, _ in screened.looks]


def assert_no_look_is_lost(path: Path, patch: pytest.MonkeyPatch, pictures: Shown, moves: Sequence[float]) -> Screened:
    """Every look at what moves that is had by decoding everything has its like within one picture."""
    every = every_look_s(path)
    with_sub = screened_in_time(path, patch, 0.0, 0.0, pictures)
    for from_s in moves:
        moving = [at_s for at_s in every if from_s <= at_s < from_s + 1.6]
        assert len(moving) >= 10
        assert_alike(looks_s(with_sub), moving)
    assert looks_s(with_sub) == sorted(looks_s(with_sub))
    assert with_sub.undecoded == with_sub.dropped == 0
    return with_sub


def assert_alike(seen_s: list[float], moving: list[float]) -> None:
    """The first of a movement may be that of the next check."""
    apart_s = [min(abs(each - at_s) for each in seen_s) for at_s in moving]
    assert apart_s[0] <= CHECK_S
    assert max(apart_s[1:]) <= ONE_PICTURE_S


@pytest.mark.parametrize(
    ("every", "late_s", "jitter_s"),
    [
        pytest.param(1, 0.0, 0.0, marks=pytest.mark.long),
        (4, 0.4, 0.3),
        pytest.param(2, -0.3, 0.0, marks=pytest.mark.long),
        pytest.param(1, 0.2, 1.2, marks=pytest.mark.long),
        pytest.param(4, -0.4, 0.8, marks=pytest.mark.long),
    ],
)
def test_at_a_constant_rate_pictures_wait_while_nothing_moves_and_who_drives_by_is_looked_at_all_the_same(
    main: Path, sub: Path, monkeypatch: pytest.MonkeyPatch, every: int, late_s: float, jitter_s: float
) -> None:
    """In virtual time; the sub-stream has fewer pictures and is early, late or unsteady."""
    screened = assert_no_look_is_lost(main, monkeypatch, shown(sub, every, late_s, jitter_s), VISITS_S)
    assert screened.spared >= 5 * FPS
    assert {state for at_s, state in screened.states if at_s > 3} == {"there"}


def test_who_is_gone_again_before_a_late_sub_stream_shows_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes and goes within one group, at its end: the next one begins with the same still picture."""
    visits_s = [4.0, 15.48]
    main, sub = tmp_path / "main.ts", tmp_path / "sub.ts"
    write_stream(main, road(visits_s, 19.0, stone=10, lasts_s=0.4), 2.0, options=CONSTANT_RATE)
    write_sub(sub, road(visits_s, 19.0, stone=10, lasts_s=0.4))
    screened = assert_no_look_is_lost(main, monkeypatch, shown(sub, 2, 0.6), visits_s)
    assert screened.spared >= 2 * FPS


def test_at_a_constant_rate_nothing_waits_where_there_is_no_sub_stream(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert screened_in_time(main, monkeypatch, 0.0, 0.0).spared == 0


def test_a_sub_stream_that_freezes_while_somebody_drives_by_hides_nobody(
    main: Path, sub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends on, the same picture again and again: what waited when it froze is decoded as well."""
    pictures = shown(sub)
    frozen = next(luma for at_s, _, luma in pictures if at_s >= 13.9)
    pictures = [(at_s, came_s, luma if at_s < 13.9 else frozen) for at_s, came_s, luma in pictures]
    screened = assert_no_look_is_lost(main, monkeypatch, pictures, VISITS_S)
    assert screened.spared > 0
    assert [state for at_s, state in screened.states if at_s > 20] == ["frozen"] * 6


@pytest.mark.parametrize("comes_back_s", [pytest.param(None, marks=pytest.mark.long), 18.0])
def test_a_sub_stream_that_is_cut_hides_nobody_and_when_it_is_back_pictures_wait_again(
    main: Path, sub: Path, monkeypatch: pytest.MonkeyPatch, comes_back_s: float | None
) -> None:
    until_s = 99.0 if comes_back_s is None else comes_back_s
    pictures = [each for each in shown(sub) if not 14.1 <= each[0] < until_s]
    screened = assert_no_look_is_lost(main, monkeypatch, pictures, VISITS_S)
    before = screened_in_time(main, monkeypatch, 0.0, 0.0, [each for each in shown(sub) if each[0] < 14.1])
    states = dict(screened.states)
    assert next(state for at_s, state in states.items() if at_s > 17) == "lost"
    assert states[max(states)] == ("lost" if comes_back_s is None else "there")
    assert (screened.spared > before.spared) == (comes_back_s is not None)


@pytest.mark.parametrize("is_other", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_sub_stream_of_another_scene_or_a_part_of_it_is_no_help(
    main: Path, sub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_other: bool
) -> None:
    pictures = [(at_s, came_s, luma[:, luma.shape[1] // 4 :]) for at_s, came_s, luma in shown(sub)]
    if is_other:
        pictures = shown(write_sub(tmp_path / "other.ts", road([], UNTIL_S, stone=10, seed=5)))
    screened = assert_no_look_is_lost(main, monkeypatch, pictures, VISITS_S)
    assert screened.spared == 0
    assert {state for at_s, state in screened.states if at_s > 3} == {"other_scene"}


def test_a_sub_stream_that_does_not_show_what_moves_is_believed_no_more(
    main: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main stream's first pictures of each group show it: a part of a group late, and from its beginning."""
    empty = write_sub(tmp_path / "empty.ts", road([], UNTIL_S, stone=10))
    screened = assert_no_look_is_lost(main, monkeypatch, shown(empty), [14.3, 23.46])
    assert {state for at_s, state in screened.states if at_s > 16} == {"misses"}


@pytest.mark.long
def test_an_encoder_that_changes_its_picture_with_each_group_is_not_missed_by_the_sub_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate that is too low each picture that stands by itself differs from those before: as if something moved."""
    one = traffic("day_gantry", 640, 360)
    noisy = list(with_noise([*[one.empty] * 9 * FPS, *one.pictures]))
    path = write_stream(tmp_path / "main.ts", iter(noisy), 2.0, options=CONSTANT_RATE)
    pictures = shown(write_sub(tmp_path / "sub.ts", iter(noisy), (352, 288)), 2)
    screened = screened_in_time(path, monkeypatch, 0.0, 0.0, pictures)
    assert sum(1 for at_s in looks_s(screened) if 2.0 <= at_s < 9.0) > 20
    assert {state for at_s, state in screened.states if at_s > 3} == {"there"}


@pytest.mark.long
def test_pictures_wait_in_long_groups_too_and_what_they_hold_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits_s = [4.0, 21.3]
    sub = shown(write_sub(tmp_path / "sub.ts", road(visits_s, 23.0, stone=10)))
    for group_s, waits in ((4.0, True), (6.0, False)):
        path = write_stream(tmp_path / f"{group_s}.ts", road(visits_s, 23.0, stone=10), group_s, options=CONSTANT_RATE)
        assert (assert_no_look_is_lost(path, monkeypatch, sub, visits_s).spared > 0) == waits


@pytest.mark.long
@pytest.mark.parametrize("clip", ["day_gantry", "two_lanes", "dusk_booth", "rain_caption"])
def test_of_the_fixtures_traffic_no_look_is_lost_at_a_constant_rate(
    tmp_path: Path, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = traffic(clip, 640, 360)
    rests_s, played_s = (9.0, 12.0, 9.4, 11.2), len(one.pictures) / FPS
    pictures = [each for rest_s in rests_s for each in [*[one.empty] * round(rest_s * FPS), *one.pictures]]
    noisy = list(with_noise(pictures))
    path = write_stream(tmp_path / "main.ts", iter(noisy), 2.0, options=CONSTANT_RATE | {"bufsize": "1500k"})
    sub = write_sub(tmp_path / "sub.ts", iter(noisy), (352, 288))
    began_s = [sum(rests_s[: place + 1]) + place * played_s for place in range(len(rests_s))]
    every = looks_s(screened_in_time(path, monkeypatch, 0.0, 0.0, skip_still_groups=False))
    screened = screened_in_time(path, monkeypatch, 0.0, 0.0, shown(sub, 2, 0.2, 0.2))
    assert screened.spared > 4 * FPS
    for from_s in began_s:
        assert_alike(looks_s(screened), [at_s for at_s in every if from_s <= at_s < from_s + played_s])


def test_two_pictures_are_alike_by_their_details() -> None:
    stones = np.random.default_rng(1).uniform(50, 200, (45, 80)).astype(np.float32)
    assert are_alike(stones, stones * 0.8 + 20)
    assert not are_alike(stones, np.ascontiguousarray(stones[:, ::-1]))
    assert are_alike(stones, np.full_like(stones, 90)), "fog: nothing to tell them by"
