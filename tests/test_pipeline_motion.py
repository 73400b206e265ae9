"""The motion gate spares the detector and loses nothing that moves."""

from collections.abc import Iterator

import numpy as np

from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.video.motion import MotionGate
from tests.pipeline_kit import moving_block

STEP_MS = 40.0


def looked_at(pictures: Iterator[BgrImage], settings: GateSettings | None = None) -> list[int]:
    gate = MotionGate(settings or GateSettings())
    return [
        index
        for index, picture in enumerate(pictures)
        if gate.is_due(index * STEP_MS) and gate.wants(picture, index * STEP_MS)
    ]


def street(count: int, noise: float = 4.0, light: float = 0.0) -> Iterator[BgrImage]:
    rng = np.random.default_rng(1)
    texture = rng.uniform(40, 160, (360, 640, 1)).astype(np.float32)
    grain = [rng.normal(0, noise, (360, 640, 3)).astype(np.float32) for _ in range(8)]
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
    def creeping() -> Iterator[BgrImage]:
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
