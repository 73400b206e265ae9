"""The motion gate spares the detector and loses nothing that moves."""

from collections.abc import Iterator

import numpy as np
import pytest

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.close_looks import CloseLooks, Place
from pipeline.video.deinterlace import Plane
from pipeline.video.motion import MotionGate
from tests.pipeline_kit import moving_block

STEP_MS = 40.0


def looked_at(pictures: Iterator[BgrImage | Plane], settings: GateSettings | None = None) -> list[int]:
    gate = MotionGate(settings or GateSettings())
    return [
        index
        for index, picture in enumerate(pictures)
        if gate.is_due(index * STEP_MS) and gate.wants(picture, index * STEP_MS)
    ]


def street(count: int, noise: float = 4.0, light: float = 0.0) -> Iterator[Plane]:
    """Yield the brightness of a street, which is all that the gate looks at."""
    rng = np.random.default_rng(1)
    texture = rng.uniform(40, 160, (360, 640)).astype(np.float32)
    grain = [rng.normal(0, noise, (360, 640)).astype(np.float32) for _ in range(8)]
    for index in range(count):
        picture = texture + light * index + np.roll(grain[index % 8], index, axis=1)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def test_an_empty_noisy_street_is_looked_at_only_now_and_then() -> None:
    looks = looked_at(street(500))
    assert len([index for index in looks if index > 40]) <= 10


def test_changing_light_is_no_motion() -> None:
    looks = looked_at(street(400, light=0.15))
    assert len([index for index in looks if index > 40]) <= 8


def test_a_vehicle_is_looked_at_from_its_first_moments_to_its_last() -> None:
    looks = [index for index in looked_at(moving_block(200, still=100)) if index >= 100]
    assert looks[0] <= 103
    gaps = np.diff(looks)
    assert gaps.max() <= 2


def test_a_plate_sized_thing_that_creeps_is_seen() -> None:
    def creeping() -> Iterator[BgrImage | Plane]:
        for index, picture in enumerate(street(300)):
            x = 100 + index
            picture[200:222, x : x + 60] = 230
            yield picture

    looks = [index for index in looked_at(creeping()) if index > 40]
    assert np.diff(looks).max() <= 2


def test_a_parked_vehicle_is_still_looked_at_every_two_seconds() -> None:
    looks = [index for index in looked_at(street(500)) if index > 100]
    assert len(looks) >= 7


def test_no_more_looks_a_second_than_set() -> None:
    looks = looked_at(moving_block(100), GateSettings(looks_per_s=5.0))
    assert len(looks) == 20


def test_a_gate_that_is_off_looks_at_everything_in_turn() -> None:
    assert looked_at(street(50), GateSettings(enabled=False, looks_per_s=25.0)) == list(range(50))


def places_of(pictures: Iterator[BgrImage | Plane], settings: GateSettings) -> list[tuple[Place, ...] | None]:
    gate = MotionGate(settings)
    return [
        gate.places(picture.shape[:2], index * STEP_MS)
        for index, picture in enumerate(pictures)
        if gate.is_due(index * STEP_MS) and gate.wants(picture, index * STEP_MS)
    ]


def test_what_moves_is_named_for_a_close_look_and_nothing_beside_it() -> None:
    def passing() -> Iterator[BgrImage | Plane]:
        for index, picture in enumerate(street(120)):
            x = 4 * (index - 60)
            if x >= 0:
                picture[200:240, x : x + 80] = 230
            yield picture

    places = [place for frame in places_of(passing(), GateSettings())[-20:] for place in frame or ()]
    assert len(places) >= 6
    tops, bottoms = [place[1] * 360 for place in places], [place[3] * 360 for place in places]
    assert min(tops) > 160
    assert max(bottoms) < 280


def test_the_whole_frame_is_searched_closely_while_nothing_moves_and_the_longer_it_does_not_the_less_often() -> None:
    def passing() -> Iterator[BgrImage | Plane]:
        for index, picture in enumerate(street(1500)):
            if 750 <= index < 775:
                picture[200:240, 4 * (index - 750) : 4 * (index - 750) + 80] = 230
            yield picture

    gate, searched_s = MotionGate(GateSettings()), []
    for index, picture in enumerate(passing()):
        if gate.is_due(index * STEP_MS) and gate.wants(picture, index * STEP_MS):
            places = gate.places(picture.shape[:2], index * STEP_MS)
            searched_s += [index * STEP_MS / 1000.0] if places is None else []
            assert places in (None, ()) or 750 <= index < 830
    before, after = ([at_s for at_s in searched_s if (at_s < 30) == is_before] for is_before in (True, False))
    assert before == pytest.approx([0.0, 2.6, 6.6, 14.8, 25.0], abs=0.5)
    assert after[0] < 34.0
    assert np.diff(after)[:2] == pytest.approx([2.5, 4.1], abs=0.5)


def test_more_than_there_is_time_for_is_looked_at_in_turn() -> None:
    looks = CloseLooks(close_mpx=0.3)
    moved = np.zeros((68, 120), np.bool_)
    columns = range(4, 116, 20)
    for x in columns:
        moved[20:36, x : x + 12] = True
    seen = [looks.choose(moved, (1080, 1920), index * 200.0) for index in range(12)]
    cells = [sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in places) for places in seen]
    assert max(cells) <= 0.3e6 / (1080 * 1920)
    counts = [sum(x1 * 120 <= x + 6 <= x2 * 120 for places in seen for x1, _, x2, _ in places) for x in columns]
    assert max(counts) - min(counts) <= 2


def test_frames_are_searched_closely_five_times_a_second_however_many_are_looked_at() -> None:
    moved = np.ones((68, 120), np.bool_)
    for looks_per_s in (3, 5, 10, 25):
        looks = CloseLooks(close_mpx=0.6)
        frames = [looks.choose(moved, (1080, 1920), index * 1000.0 / looks_per_s) for index in range(10 * looks_per_s)]
        assert sum(frame != () for frame in frames) in range(10 * min(looks_per_s, 4), 51), looks_per_s


def test_of_a_crowd_that_is_too_large_the_upper_part_is_searched() -> None:
    moved = np.ones((68, 120), np.bool_)
    ((x1, y1, x2, y2),) = CloseLooks(close_mpx=0.6).choose(moved, (1080, 1920), 0.0)
    assert (x1, y1, x2) == (0, 0, 1)
    assert 0.2 < y2 < 0.3


def test_no_close_looks_where_there_is_no_time_for_them() -> None:
    assert set(places_of(moving_block(100), GateSettings(close_mpx=0))) == {()}
